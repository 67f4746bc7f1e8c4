/* Relays against a scripted worker: what is replayed after a death, who is believed, what is bounded. */
#include "ingest/relays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/media/publish_token.h"
#include "tests/unit/ingest/relay_scene.h"

static const struct ph_slice other_secret = {(const uint8_t *)"not that one", 12};

static bool lives(struct worker_double *worker, int count) {
    return worker->life_count >= count;
}

static bool ticked(struct worker_double *worker, int count) {
    return worker->life_count && worker->lives[worker->life_count - 1]->ticks >= count;
}

static bool proofs_failed(struct worker_double *worker, int count) {
    return worker->proofs_failed >= count;
}

/* Each life's entries follow each other from where it asked, carry the right bytes, and their times never
 * fall. */
static void assert_lives_exact(struct relay_scene *scene) {
    uint8_t bytes[1500];
    uint64_t known_until = 0;
    for (int n = 0; n < scene->worker.life_count; n++) {
        const struct worker_life *life = scene->worker.lives[n];
        assert_true(life->accepted_from <= known_until);
        for (int i = 0; i < life->entry_count; i++) {
            assert_int_equal(life->entries[i].index, life->accepted_from + (uint64_t)i);
            assert_true(i == 0 || life->entries[i].time_us >= life->entries[i - 1].time_us);
            if (life->entries[i].type == PH_LINK_UNIT) /* entry 0 is the CONNECTION */
                assert_int_equal(life->entries[i].checksum,
                    worker_double_checksum(relay_scene_unit((int)life->entries[i].index - 1, bytes)));
        }
        uint64_t end = life->accepted_from + (uint64_t)life->entry_count;
        known_until = end > known_until ? end : known_until;
    }
    assert_true(known_until > (uint64_t)scene->sent);
}

static void units_arrive_once_in_order_and_the_end_finishes_the_session(void **state) {
    struct relay_scene *scene = *state;
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 1000);
    assert_true(worker_double_wait(&scene->worker, relay_scene_reached, 1000, 30));
    assert_true(worker_double_wait(&scene->worker, ticked, 3, 30));
    assert_true(control_double_wait(&scene->control, &scene->control.live, 1));
    assert_true(control_double_wait(&scene->control, &scene->control.stats, 1));
    pthread_mutex_lock(&scene->worker.lock); /* so that it has not finished when it is ended again */
    assert_int_equal(ph_relays_end(scene->relays, "s1", "by its owner"), 0);
    assert_int_equal(ph_relays_end(scene->relays, "s1", "again"), 0);
    pthread_mutex_unlock(&scene->worker.lock);
    assert_true(worker_double_wait(&scene->worker, relay_scene_finished, 0, 30));
    assert_true(control_double_wait(&scene->control, &scene->control.ended, 1));
    assert_string_equal(scene->control.ended_reason, "by its owner");
    assert_int_equal(ph_publishing_requests(publishing), PH_PUBLISHER_CLOSE);
    uint8_t bytes[1500];
    assert_int_equal(ph_publishing_unit(publishing, relay_scene_unit(0, bytes)), PH_EOF);
    ph_publishing_end(publishing);
    assert_int_equal(scene->worker.life_count, 1);
    assert_int_equal(scene->worker.lives[0]->entries[0].type, PH_LINK_CONNECTION);
    assert_int_equal(scene->worker.lives[0]->entries[1001].type, PH_LINK_END);
    assert_true(ph_publish_token_check(relay_scene_secret, "s1", scene->worker.lives[0]->publish_token));
    assert_lives_exact(scene);
    assert_int_equal(control_double_read(&scene->control, &scene->control.live), 1);
    assert_int_equal(control_double_read(&scene->control, &scene->control.ended), 1);
    assert_int_equal(control_double_read(&scene->control, &scene->control.disconnected), 0);
}

static void workers_that_die_at_random_moments_lose_nothing(void **state) {
    struct relay_scene *scene = *state;
    atomic_store(&scene->worker.lives_that_die, 25);
    atomic_store(&scene->worker.die_least, 60);
    atomic_store(&scene->worker.die_spread, 300);
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 9000);
    assert_true(worker_double_wait(&scene->worker, lives, 26, 60));
    assert_true(worker_double_wait(&scene->worker, relay_scene_reached, 9000, 60));
    pthread_mutex_lock(&scene->worker.lock);
    assert_lives_exact(scene);
    for (int n = 1; n < scene->worker.life_count; n++)
        assert_true(scene->worker.lives[n]->had_state);
    pthread_mutex_unlock(&scene->worker.lock);
    struct ph_ingest_session session;
    assert_int_equal(ph_relays_snapshot(scene->relays, &session, 1), 1);
    assert_int_equal(session.worker_deaths, 25);
    assert_true(session.ring_bytes < 200 * 1500);
    assert_true(
        ph_metric_value(ph_metrics_counter(scene->metrics, "porthole_worker_deaths_total", "", NULL)) == 25);
    ph_publishing_end(publishing);
}

static void what_kills_two_workers_is_skipped(void **state) {
    struct relay_scene *scene = *state;
    atomic_store(&scene->worker.lives_that_die, 2);
    atomic_store(&scene->worker.die_least, 10);
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 100);
    assert_true(worker_double_wait(&scene->worker, lives, 3, 30));
    relay_scene_send(scene, publishing, 100);
    assert_true(worker_double_wait(&scene->worker, relay_scene_reached, 200, 30));
    const struct worker_life *life = scene->worker.lives[2];
    assert_int_equal(life->accepted_from, 0);
    assert_int_equal(life->entries[0].type, PH_LINK_CONNECTION);
    assert_int_equal(life->entries[0].index, 0);
    uint64_t newest = life->entries[1].index; /* when the second of them died */
    assert_true(newest > 10);
    for (int i = 1; i < life->entry_count; i++)
        assert_int_equal(life->entries[i].index, newest + (uint64_t)i - 1);
    ph_publishing_end(publishing);
}

static void a_source_that_kills_every_worker_fails(void **state) {
    struct relay_scene *scene = *state;
    atomic_store(&scene->worker.lives_that_die, 1000);
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 20);
    assert_true(control_double_wait(&scene->control, &scene->control.failed, 1));
    assert_string_equal(scene->control.failed_code, "source_crashes_worker");
    assert_int_equal(scene->worker.life_count, 5);
    assert_int_equal(ph_publishing_requests(publishing), PH_PUBLISHER_CLOSE);
    ph_publishing_end(publishing);
    assert_int_equal(ph_relays_wait_empty(scene->relays, ph_now_us() + 30 * PH_SECOND_US), 0);
    assert_int_equal(control_double_read(&scene->control, &scene->control.ended), 0);
}

static void a_slow_worker_never_holds_up_the_publisher_and_memory_is_bounded(void **state) {
    struct relay_scene *scene = *state;
    scene->options.ring = (struct ph_ring_limits){.most_bytes = 2 << 20, .most_age_us = 60 * PH_SECOND_US};
    atomic_store(&scene->worker.pause_us, 20000);
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    uint8_t bytes[1500];
    int64_t slowest_us = 0;
    for (int i = 0; i < 15000; i++) {
        int64_t before_us = ph_now_us();
        assert_int_equal(ph_publishing_unit(publishing, relay_scene_unit(i, bytes)), 0);
        int64_t took_us = ph_now_us() - before_us;
        slowest_us = took_us > slowest_us ? took_us : slowest_us;
        if (i % 100)
            continue;
        ph_publishing_flush(publishing);
        usleep(2000);
        struct ph_ingest_session session;
        assert_int_equal(ph_relays_snapshot(scene->relays, &session, 1), 1);
        assert_true(session.ring_bytes <= 2 << 20);
    }
    assert_true(slowest_us < 3 * PH_SECOND_US);
    atomic_store(&scene->worker.pause_us, 0);
    assert_true(worker_double_wait(&scene->worker, relay_scene_reached, 15000, 30));
    assert_int_equal(scene->worker.life_count, 1);
    ph_publishing_end(publishing);
}

static void a_refusing_worker_is_asked_again_and_the_node_counts_as_full(void **state) {
    struct relay_scene *scene = *state;
    atomic_store(&scene->worker.refuse, 3);
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    struct ph_admission admission;
    enum ph_publisher_verdict verdict = PH_PUBLISHER_OK;
    for (int64_t give_up_us = ph_now_us() + 30 * PH_SECOND_US; !verdict && ph_now_us() < give_up_us;
         usleep(1000))
        verdict = ph_publisher_admit(scene->relays, "key-other", &admission);
    assert_int_equal(verdict, PH_PUBLISHER_FULL);
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_BUSY);
    assert_true(worker_double_wait(&scene->worker, lives, 1, 30));
    assert_int_equal(control_double_read(&scene->control, &scene->control.failed), 0);
    ph_publishing_end(publishing);
}

static void both_ends_of_a_tcp_link_prove_the_secret(void **state) {
    struct relay_scene *scene = *state;
    scene->worker.path = NULL;
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 100);
    assert_true(worker_double_wait(&scene->worker, relay_scene_reached, 100, 30));
    assert_lives_exact(scene);
    ph_publishing_end(publishing);
}

static void a_worker_does_not_believe_another_secret(void **state) {
    struct relay_scene *scene = *state;
    scene->worker.path = NULL;
    scene->options.cluster_secret = other_secret;
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    assert_true(worker_double_wait(&scene->worker, proofs_failed, 3, 30));
    assert_int_equal(scene->worker.life_count, 0);
    ph_publishing_end(publishing);
}

static void a_worker_without_proof_gets_no_hello(void **state) {
    struct relay_scene *scene = *state;
    scene->worker.path = NULL;
    scene->worker.bad_proof = true;
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    assert_false(worker_double_wait(&scene->worker, lives, 1, 1));
    assert_int_equal(scene->worker.proofs_failed, 0);
    ph_publishing_end(publishing);
}

static void a_source_the_worker_cannot_carry_fails_with_its_reason(void **state) {
    struct relay_scene *scene = *state;
    atomic_store(&scene->worker.fail, true);
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 1);
    assert_true(control_double_wait(&scene->control, &scene->control.failed, 1));
    assert_string_equal(scene->control.failed_code, "unsupported_codec");
    assert_int_equal(ph_publishing_requests(publishing), PH_PUBLISHER_CLOSE);
    ph_publishing_end(publishing);
    assert_int_equal(scene->worker.life_count, 1);
}

static void a_worker_that_says_nothing_is_replaced(void **state) {
    struct relay_scene *scene = *state;
    atomic_store(&scene->worker.mute, true);
    atomic_store(&scene->worker.ack_every, 0);
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 100);
    assert_true(worker_double_wait(&scene->worker, lives, 2, 30));
    assert_true(worker_double_wait(&scene->worker, relay_scene_reached, 100, 30));
    assert_lives_exact(scene);
    ph_publishing_end(publishing);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RELAY_SCENE(units_arrive_once_in_order_and_the_end_finishes_the_session),
        RELAY_SCENE(workers_that_die_at_random_moments_lose_nothing),
        RELAY_SCENE(what_kills_two_workers_is_skipped),
        RELAY_SCENE(a_source_that_kills_every_worker_fails),
        RELAY_SCENE(a_slow_worker_never_holds_up_the_publisher_and_memory_is_bounded),
        RELAY_SCENE(a_refusing_worker_is_asked_again_and_the_node_counts_as_full),
        RELAY_SCENE(both_ends_of_a_tcp_link_prove_the_secret),
        RELAY_SCENE(a_worker_does_not_believe_another_secret),
        RELAY_SCENE(a_worker_without_proof_gets_no_hello),
        RELAY_SCENE(a_source_the_worker_cannot_carry_fails_with_its_reason),
        RELAY_SCENE(a_worker_that_says_nothing_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
