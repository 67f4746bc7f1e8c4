/* Relays against a scripted worker: what is replayed after a death, who is believed, what is bounded. */
#include "ingest/relays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/media/publish_token.h"
#include "tests/unit/ingest/control_double.h"
#include "tests/unit/ingest/worker_double.h"

struct scene {
    struct control_double control;
    struct worker_double worker;
    struct ph_metrics *metrics;
    struct ph_relays *relays;
    struct ph_relays_options options;
    char folder[64], path[96];
    int sent; /* units */
};

static const struct ph_slice secret = {(const uint8_t *)"the secret", 10};
static const struct ph_slice other_secret = {(const uint8_t *)"not that one", 12};

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    ph_log_set_level(PH_LOG_ERROR);
    control_double_init(&scene->control);
    strcpy(scene->folder, "/tmp/ph-relay-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof(scene->path), "%s/worker.sock", scene->folder);
    assert_int_equal(ph_metrics_create(&scene->metrics), 0);
    scene->worker.path = scene->path;
    scene->worker.secret = secret;
    atomic_store(&scene->worker.ack_every, 20);
    atomic_store(&scene->worker.replay_back, 30);
    scene->options = (struct ph_relays_options){.control = &scene->control.base,
        .metrics = scene->metrics,
        .publish_secret = secret,
        .cluster_secret = secret,
        .origins = "http://127.0.0.1:8080",
        .ladder = "720p30@2500k",
        .preset = "auto",
        .encoder = "libx264",
        .part_ms = 200,
        .segment_ms = 2000,
        .reconnect_window_s = 60};
    *state = scene;
    return 0;
}

static void start(struct scene *scene) {
    worker_double_start(&scene->worker);
    scene->options.workers = scene->worker.endpoint;
    struct ph_error error = {{0}};
    assert_int_equal(ph_relays_create(&scene->relays, &scene->options, &error), 0);
    assert_int_equal(ph_relays_start(scene->relays), 0);
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    ph_relays_destroy(scene->relays);
    worker_double_stop(&scene->worker);
    ph_metrics_destroy(scene->metrics);
    control_double_finish(&scene->control);
    rmdir(scene->folder);
    free(scene);
    return 0;
}

static int begin(struct scene *scene, const char *session, struct ph_publishing **publishing) {
    struct ph_admission admission = {.passphrase = ""};
    snprintf(admission.session, sizeof(admission.session), "%s", session);
    const struct ph_publisher_offer offer = {
        .protocol = "srt", .kind = "mpegts", .peer = "192.0.2.1:5000", .wake_fd = -1};
    return ph_publishing_begin(scene->relays, &admission, &offer, publishing);
}

static struct ph_publishing *publish(struct scene *scene) {
    struct ph_publishing *publishing;
    assert_int_equal(begin(scene, "s1", &publishing), 0);
    return publishing;
}

/* Unit n holds n, at varying sizes. */
static struct ph_slice unit(int number, uint8_t bytes[1500]) {
    size_t size = 16 + (size_t)(number * 37) % 1301;
    memset(bytes, number & 0xFF, size);
    memcpy(bytes, &number, sizeof(number));
    return (struct ph_slice){bytes, size};
}

static void send_units(struct scene *scene, struct ph_publishing *publishing, int count) {
    uint8_t bytes[1500];
    for (int i = 0; i < count; i++) {
        assert_int_equal(ph_publishing_unit(publishing, unit(scene->sent++, bytes)), 0);
        if (i % 20 == 19) {
            ph_publishing_flush(publishing);
            usleep(1000);
        }
    }
    ph_publishing_flush(publishing);
}

/* The last life has handled an entry of this index or later. */
static bool reached(struct worker_double *worker, int index) {
    if (!worker->life_count)
        return false;
    const struct worker_life *life = worker->lives[worker->life_count - 1];
    return life->entry_count && life->entries[life->entry_count - 1].index >= (uint64_t)index;
}

static bool lives(struct worker_double *worker, int count) {
    return worker->life_count >= count;
}

static bool ticked(struct worker_double *worker, int count) {
    return worker->life_count && worker->lives[worker->life_count - 1]->ticks >= count;
}

static bool finished(struct worker_double *worker, int unused) {
    (void)unused;
    return worker->finished;
}

static bool proofs_failed(struct worker_double *worker, int count) {
    return worker->proofs_failed >= count;
}

/* Each life's entries follow each other from where it asked, carry the right bytes, and their times never
 * fall. */
static void assert_lives_exact(struct scene *scene) {
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
                    worker_double_checksum(unit((int)life->entries[i].index - 1, bytes)));
        }
        uint64_t end = life->accepted_from + (uint64_t)life->entry_count;
        known_until = end > known_until ? end : known_until;
    }
    assert_true(known_until > (uint64_t)scene->sent);
}

static void units_arrive_once_in_order_and_the_end_finishes_the_session(void **state) {
    struct scene *scene = *state;
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 1000);
    assert_true(worker_double_wait(&scene->worker, reached, 1000, 10));
    assert_true(worker_double_wait(&scene->worker, ticked, 3, 10));
    assert_true(control_double_wait(&scene->control, &scene->control.live, 1));
    assert_true(control_double_wait(&scene->control, &scene->control.stats, 1));
    assert_int_equal(ph_relays_end(scene->relays, "s1", "by its owner"), 0);
    assert_int_equal(ph_relays_end(scene->relays, "s1", "again"), 0);
    assert_true(worker_double_wait(&scene->worker, finished, 0, 10));
    assert_true(control_double_wait(&scene->control, &scene->control.ended, 1));
    assert_string_equal(scene->control.ended_reason, "by its owner");
    assert_int_equal(ph_publishing_requests(publishing), PH_PUBLISHER_CLOSE);
    uint8_t bytes[1500];
    assert_int_equal(ph_publishing_unit(publishing, unit(0, bytes)), PH_EOF);
    ph_publishing_end(publishing);
    assert_int_equal(scene->worker.life_count, 1);
    assert_int_equal(scene->worker.lives[0]->entries[0].type, PH_LINK_CONNECTION);
    assert_int_equal(scene->worker.lives[0]->entries[1001].type, PH_LINK_END);
    assert_true(ph_publish_token_check(secret, "s1", scene->worker.lives[0]->publish_token));
    assert_lives_exact(scene);
    assert_int_equal(control_double_read(&scene->control, &scene->control.live), 1);
    assert_int_equal(control_double_read(&scene->control, &scene->control.ended), 1);
    assert_int_equal(control_double_read(&scene->control, &scene->control.disconnected), 0);
}

static void workers_that_die_at_random_moments_lose_nothing(void **state) {
    struct scene *scene = *state;
    atomic_store(&scene->worker.lives_that_die, 25);
    atomic_store(&scene->worker.die_least, 60);
    atomic_store(&scene->worker.die_spread, 300);
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 9000);
    assert_true(worker_double_wait(&scene->worker, lives, 26, 30));
    assert_true(worker_double_wait(&scene->worker, reached, 9000, 30));
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
    struct scene *scene = *state;
    atomic_store(&scene->worker.lives_that_die, 2);
    atomic_store(&scene->worker.die_least, 10);
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 100);
    assert_true(worker_double_wait(&scene->worker, lives, 3, 10));
    send_units(scene, publishing, 100);
    assert_true(worker_double_wait(&scene->worker, reached, 200, 10));
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
    struct scene *scene = *state;
    atomic_store(&scene->worker.lives_that_die, 1000);
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 20);
    assert_true(control_double_wait(&scene->control, &scene->control.failed, 1));
    assert_string_equal(scene->control.failed_code, "source_crashes_worker");
    assert_int_equal(scene->worker.life_count, 5);
    assert_int_equal(ph_publishing_requests(publishing), PH_PUBLISHER_CLOSE);
    ph_publishing_end(publishing);
    assert_int_equal(ph_relays_wait_empty(scene->relays, ph_now_us() + PH_SECOND_US), 0);
    assert_int_equal(control_double_read(&scene->control, &scene->control.ended), 0);
}

static void a_slow_worker_never_holds_up_the_publisher_and_memory_is_bounded(void **state) {
    struct scene *scene = *state;
    scene->options.ring = (struct ph_ring_limits){.most_bytes = 2 << 20, .most_age_us = 60 * PH_SECOND_US};
    atomic_store(&scene->worker.pause_us, 20000);
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    uint8_t bytes[1500];
    int64_t slowest_us = 0;
    for (int i = 0; i < 15000; i++) {
        int64_t before_us = ph_now_us();
        assert_int_equal(ph_publishing_unit(publishing, unit(i, bytes)), 0);
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
    assert_true(slowest_us < 500 * PH_MILLISECOND_US);
    atomic_store(&scene->worker.pause_us, 0);
    assert_true(worker_double_wait(&scene->worker, reached, 15000, 10));
    assert_int_equal(scene->worker.life_count, 1);
    ph_publishing_end(publishing);
}

static void a_refusing_worker_is_asked_again_and_the_node_counts_as_full(void **state) {
    struct scene *scene = *state;
    atomic_store(&scene->worker.refuse, 3);
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    struct ph_admission admission;
    enum ph_publisher_verdict verdict = PH_PUBLISHER_OK;
    for (int64_t give_up_us = ph_now_us() + 5 * PH_SECOND_US; !verdict && ph_now_us() < give_up_us;
         usleep(1000))
        verdict = ph_publisher_admit(scene->relays, "key-other", &admission);
    assert_int_equal(verdict, PH_PUBLISHER_FULL);
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_BUSY);
    assert_true(worker_double_wait(&scene->worker, lives, 1, 10));
    assert_int_equal(control_double_read(&scene->control, &scene->control.failed), 0);
    ph_publishing_end(publishing);
}

static bool no_room(void *opaque) {
    (void)opaque;
    return false;
}

static void verdicts_follow_control_session_and_node(void **state) {
    struct scene *scene = *state;
    scene->options.has_capacity = no_room;
    start(scene);
    struct ph_admission admission;
    assert_int_equal(ph_publisher_admit(scene->relays, "nonsense", &admission), PH_PUBLISHER_UNAUTHORIZED);
    assert_int_equal(ph_publisher_admit(scene->relays, "ended", &admission), PH_PUBLISHER_ENDED);
    assert_int_equal(ph_publisher_admit(scene->relays, "down", &admission), PH_PUBLISHER_UNAVAILABLE);
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_FULL);
    struct ph_publishing *publishing = publish(scene);
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_BUSY);
    ph_publishing_end(publishing);
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_OK);
    ph_relays_end_all(scene->relays, "shutdown");
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_UNAVAILABLE);
    assert_int_equal(begin(scene, "s1", &publishing), PH_EOF);
}

static void both_ends_of_a_tcp_link_prove_the_secret(void **state) {
    struct scene *scene = *state;
    scene->worker.path = NULL;
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 100);
    assert_true(worker_double_wait(&scene->worker, reached, 100, 10));
    assert_lives_exact(scene);
    ph_publishing_end(publishing);
}

static void a_worker_does_not_believe_another_secret(void **state) {
    struct scene *scene = *state;
    scene->worker.path = NULL;
    scene->options.cluster_secret = other_secret;
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    assert_true(worker_double_wait(&scene->worker, proofs_failed, 3, 10));
    assert_int_equal(scene->worker.life_count, 0);
    ph_publishing_end(publishing);
}

static void a_worker_without_proof_gets_no_hello(void **state) {
    struct scene *scene = *state;
    scene->worker.path = NULL;
    scene->worker.bad_proof = true;
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    assert_false(worker_double_wait(&scene->worker, lives, 1, 1));
    assert_int_equal(scene->worker.proofs_failed, 0);
    ph_publishing_end(publishing);
}

static void a_publisher_away_too_long_ends_its_session(void **state) {
    struct scene *scene = *state;
    scene->options.reconnect_window_s = 1;
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 50);
    ph_publishing_end(publishing);
    assert_int_equal(control_double_read(&scene->control, &scene->control.disconnected), 1);
    assert_true(control_double_wait(&scene->control, &scene->control.ended, 1));
    assert_string_equal(scene->control.ended_reason, "publisher gone");
    assert_true(worker_double_wait(&scene->worker, finished, 0, 1));
    assert_int_equal(scene->worker.lives[0]->entries[51].type, PH_LINK_GONE);
    assert_int_equal(scene->worker.lives[0]->entries[52].type, PH_LINK_END);
    assert_true(scene->worker.lives[0]->ticks > 10);
}

static void a_publisher_comes_back_and_the_indices_go_on(void **state) {
    struct scene *scene = *state;
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 10);
    ph_publishing_end(publishing);
    publishing = publish(scene);
    send_units(scene, publishing, 10);
    assert_true(worker_double_wait(&scene->worker, reached, 22, 10));
    const struct worker_life *life = scene->worker.lives[0];
    assert_int_equal(life->entries[11].type, PH_LINK_GONE);
    assert_int_equal(life->entries[12].type, PH_LINK_CONNECTION);
    assert_int_equal(life->entries[13].type, PH_LINK_UNIT);
    assert_int_equal(life->entries[22].index, 22);
    ph_publishing_end(publishing);
}

static void a_silent_publisher_is_superseded_a_live_one_is_not(void **state) {
    struct scene *scene = *state;
    start(scene);
    struct ph_publishing *first = publish(scene), *second;
    send_units(scene, first, 10);
    assert_int_equal(begin(scene, "s1", &second), -EBUSY);
    assert_int_equal(ph_publishing_requests(first), 0);
    int code = -EBUSY;
    for (int64_t give_up_us = ph_now_us() + 5 * PH_SECOND_US; code && ph_now_us() < give_up_us; usleep(20000))
        code = begin(scene, "s1", &second);
    assert_int_equal(code, 0);
    assert_int_equal(ph_publishing_requests(first), PH_PUBLISHER_CLOSE);
    uint8_t bytes[1500];
    assert_int_equal(ph_publishing_unit(first, unit(0, bytes)), PH_EOF);
    ph_publishing_end(first);
    send_units(scene, second, 5);
    assert_true(worker_double_wait(&scene->worker, reached, 17, 10));
    const struct worker_life *life = scene->worker.lives[0];
    assert_int_equal(life->entries[11].type, PH_LINK_GONE);
    assert_int_equal(life->entries[12].type, PH_LINK_CONNECTION);
    assert_int_equal(life->entries[13].type, PH_LINK_UNIT);
    assert_int_equal(control_double_read(&scene->control, &scene->control.disconnected), 0);
    ph_publishing_end(second);
}

static void a_session_without_any_publisher_can_be_ended(void **state) {
    struct scene *scene = *state;
    start(scene);
    assert_int_equal(ph_relays_end(scene->relays, "never", "by its owner"), 0);
    assert_true(control_double_wait(&scene->control, &scene->control.ended, 1));
    assert_string_equal(scene->control.last_session, "never");
    assert_int_equal(ph_relays_wait_empty(scene->relays, ph_now_us() + 5 * PH_SECOND_US), 0);
    assert_int_equal(scene->worker.life_count, 0);
}

static void a_source_the_worker_cannot_carry_fails_with_its_reason(void **state) {
    struct scene *scene = *state;
    atomic_store(&scene->worker.fail, true);
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 1);
    assert_true(control_double_wait(&scene->control, &scene->control.failed, 1));
    assert_string_equal(scene->control.failed_code, "unsupported_codec");
    assert_int_equal(ph_publishing_requests(publishing), PH_PUBLISHER_CLOSE);
    ph_publishing_end(publishing);
    assert_int_equal(scene->worker.life_count, 1);
}

static void a_worker_that_says_nothing_is_replaced(void **state) {
    struct scene *scene = *state;
    atomic_store(&scene->worker.mute, true);
    atomic_store(&scene->worker.ack_every, 0);
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 100);
    assert_true(worker_double_wait(&scene->worker, lives, 2, 10));
    assert_true(worker_double_wait(&scene->worker, reached, 100, 10));
    assert_lives_exact(scene);
    ph_publishing_end(publishing);
}

static void draining_finishes_every_session(void **state) {
    struct scene *scene = *state;
    start(scene);
    struct ph_publishing *publishing = publish(scene);
    send_units(scene, publishing, 100);
    ph_relays_end_all(scene->relays, "shutdown");
    assert_int_equal(ph_publishing_requests(publishing), PH_PUBLISHER_CLOSE);
    ph_publishing_end(publishing);
    assert_int_equal(ph_relays_wait_empty(scene->relays, ph_now_us() + 5 * PH_SECOND_US), 0);
    assert_string_equal(scene->control.ended_reason, "shutdown");
}

static void wrong_settings_are_named(void **state) {
    struct scene *scene = *state;
    start(scene);
    struct ph_relays_options options = scene->options;
    struct ph_relays *relays;
    struct ph_error error = {{0}};
    options.origins = "";
    assert_int_equal(ph_relays_create(&relays, &options, &error), -EINVAL);
    assert_non_null(strstr(error.text, "PORTHOLE_ORIGINS"));
    options = scene->options;
    static const char *const wrong[] = {"", "udp:1", "unix:", "tcp:host", "tcp::1", "tcp:host:0",
        "tcp:host:70000", "unix:/a,,unix:/b", "tcp:[::1:80"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        options.workers = wrong[i];
        assert_int_equal(ph_relays_create(&relays, &options, &error), -EINVAL);
    }
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE(units_arrive_once_in_order_and_the_end_finishes_the_session),
        SCENE(workers_that_die_at_random_moments_lose_nothing),
        SCENE(what_kills_two_workers_is_skipped),
        SCENE(a_source_that_kills_every_worker_fails),
        SCENE(a_slow_worker_never_holds_up_the_publisher_and_memory_is_bounded),
        SCENE(a_refusing_worker_is_asked_again_and_the_node_counts_as_full),
        SCENE(verdicts_follow_control_session_and_node),
        SCENE(both_ends_of_a_tcp_link_prove_the_secret),
        SCENE(a_worker_does_not_believe_another_secret),
        SCENE(a_worker_without_proof_gets_no_hello),
        SCENE(a_publisher_away_too_long_ends_its_session),
        SCENE(a_publisher_comes_back_and_the_indices_go_on),
        SCENE(a_silent_publisher_is_superseded_a_live_one_is_not),
        SCENE(a_session_without_any_publisher_can_be_ended),
        SCENE(a_source_the_worker_cannot_carry_fails_with_its_reason),
        SCENE(a_worker_that_says_nothing_is_replaced),
        SCENE(draining_finishes_every_session),
        SCENE(wrong_settings_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
