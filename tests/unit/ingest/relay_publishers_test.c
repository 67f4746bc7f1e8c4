/* Relays and their publishers: who may come, who comes back, how sessions end. */
#include "ingest/relays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/ingest/relay_scene.h"

static bool no_room(void *opaque) {
    (void)opaque;
    return false;
}

static void verdicts_follow_control_session_and_node(void **state) {
    struct relay_scene *scene = *state;
    scene->options.has_capacity = no_room;
    relay_scene_start(scene);
    struct ph_admission admission;
    assert_int_equal(ph_publisher_admit(scene->relays, "nonsense", &admission), PH_PUBLISHER_UNAUTHORIZED);
    assert_int_equal(ph_publisher_admit(scene->relays, "ended", &admission), PH_PUBLISHER_ENDED);
    assert_int_equal(ph_publisher_admit(scene->relays, "down", &admission), PH_PUBLISHER_UNAVAILABLE);
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_FULL);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_BUSY);
    ph_publishing_end(publishing);
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_OK);
    ph_relays_end_all(scene->relays, "shutdown");
    assert_int_equal(ph_publisher_admit(scene->relays, "key-s1", &admission), PH_PUBLISHER_UNAVAILABLE);
    assert_int_equal(relay_scene_begin(scene, "s1", &publishing), PH_EOF);
}

static void a_publisher_away_too_long_ends_its_session(void **state) {
    struct relay_scene *scene = *state;
    scene->options.reconnect_window_s = 1;
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 50);
    ph_publishing_end(publishing);
    assert_int_equal(control_double_read(&scene->control, &scene->control.disconnected), 1);
    assert_true(control_double_wait(&scene->control, &scene->control.ended, 1));
    assert_string_equal(scene->control.ended_reason, "publisher gone");
    assert_true(worker_double_wait(&scene->worker, relay_scene_finished, 0, 30));
    assert_int_equal(scene->worker.lives[0]->entries[51].type, PH_LINK_GONE);
    assert_int_equal(scene->worker.lives[0]->entries[52].type, PH_LINK_END);
    assert_true(scene->worker.lives[0]->ticks > 0); /* 20 of them where nothing else runs */
}

static void a_publisher_comes_back_and_the_indices_go_on(void **state) {
    struct relay_scene *scene = *state;
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 10);
    ph_publishing_end(publishing);
    publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 10);
    assert_true(worker_double_wait(&scene->worker, relay_scene_reached, 22, 30));
    const struct worker_life *life = scene->worker.lives[0];
    assert_int_equal(life->entries[11].type, PH_LINK_GONE);
    assert_int_equal(life->entries[12].type, PH_LINK_CONNECTION);
    assert_int_equal(life->entries[13].type, PH_LINK_UNIT);
    assert_int_equal(life->entries[22].index, 22);
    ph_publishing_end(publishing);
}

static void a_silent_publisher_is_superseded_a_live_one_is_not(void **state) {
    struct relay_scene *scene = *state;
    relay_scene_start(scene);
    struct ph_publishing *first = relay_scene_publish(scene), *second;
    relay_scene_send(scene, first, 10);
    assert_int_equal(relay_scene_begin(scene, "s1", &second), -EBUSY);
    assert_int_equal(ph_publishing_requests(first), 0);
    int code = -EBUSY;
    for (int64_t give_up_us = ph_now_us() + 30 * PH_SECOND_US; code && ph_now_us() < give_up_us;
         usleep(20000))
        code = relay_scene_begin(scene, "s1", &second);
    assert_int_equal(code, 0);
    assert_int_equal(ph_publishing_requests(first), PH_PUBLISHER_CLOSE);
    uint8_t bytes[1500];
    assert_int_equal(ph_publishing_unit(first, relay_scene_unit(0, bytes)), PH_EOF);
    ph_publishing_end(first);
    relay_scene_send(scene, second, 5);
    assert_true(worker_double_wait(&scene->worker, relay_scene_reached, 17, 30));
    const struct worker_life *life = scene->worker.lives[0];
    assert_int_equal(life->entries[11].type, PH_LINK_GONE);
    assert_int_equal(life->entries[12].type, PH_LINK_CONNECTION);
    assert_int_equal(life->entries[13].type, PH_LINK_UNIT);
    assert_int_equal(control_double_read(&scene->control, &scene->control.disconnected), 0);
    ph_publishing_end(second);
}

/* Viewers wait for media, not for word of it. */
static void reports_alone_keep_no_session(void **state) {
    struct relay_scene *scene = *state;
    scene->options.reconnect_window_s = 1;
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 10);
    uint8_t bytes[1500];
    const struct ph_slice report = relay_scene_unit(0, bytes);
    int code = 0;
    for (int64_t give_up_us = ph_now_us() + 30 * PH_SECOND_US; !code && ph_now_us() < give_up_us;
         usleep(10000))
        code = ph_publishing_report(publishing, report);
    assert_int_equal(code, PH_EOF);
    assert_true(control_double_wait(&scene->control, &scene->control.ended, 1));
    assert_string_equal(scene->control.ended_reason, "publisher gone");
    ph_publishing_end(publishing);
}

static void who_sends_reports_alone_is_superseded(void **state) {
    struct relay_scene *scene = *state;
    relay_scene_start(scene);
    struct ph_publishing *first = relay_scene_publish(scene), *second;
    relay_scene_send(scene, first, 10);
    uint8_t bytes[1500];
    const struct ph_slice report = relay_scene_unit(0, bytes);
    int code = -EBUSY;
    for (int64_t give_up_us = ph_now_us() + 30 * PH_SECOND_US; code && ph_now_us() < give_up_us;
         usleep(10000)) {
        assert_int_equal(ph_publishing_report(first, report), 0);
        code = relay_scene_begin(scene, "s1", &second);
    }
    assert_int_equal(code, 0);
    assert_int_equal(ph_publishing_report(first, report), PH_EOF);
    ph_publishing_end(first);
    ph_publishing_end(second);
}

static void a_session_without_any_publisher_can_be_ended(void **state) {
    struct relay_scene *scene = *state;
    relay_scene_start(scene);
    assert_int_equal(ph_relays_end(scene->relays, "never", "by its owner"), 0);
    assert_true(control_double_wait(&scene->control, &scene->control.ended, 1));
    assert_string_equal(scene->control.last_session, "never");
    assert_int_equal(ph_relays_wait_empty(scene->relays, ph_now_us() + 30 * PH_SECOND_US), 0);
    assert_int_equal(scene->worker.life_count, 0);
}

static void draining_finishes_every_session(void **state) {
    struct relay_scene *scene = *state;
    relay_scene_start(scene);
    struct ph_publishing *publishing = relay_scene_publish(scene);
    relay_scene_send(scene, publishing, 100);
    ph_relays_end_all(scene->relays, "shutdown");
    assert_int_equal(ph_publishing_requests(publishing), PH_PUBLISHER_CLOSE);
    ph_publishing_end(publishing);
    assert_int_equal(ph_relays_wait_empty(scene->relays, ph_now_us() + 30 * PH_SECOND_US), 0);
    assert_string_equal(scene->control.ended_reason, "shutdown");
}

static void wrong_settings_are_named(void **state) {
    struct relay_scene *scene = *state;
    relay_scene_start(scene);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        RELAY_SCENE(verdicts_follow_control_session_and_node),
        RELAY_SCENE(a_publisher_away_too_long_ends_its_session),
        RELAY_SCENE(a_publisher_comes_back_and_the_indices_go_on),
        RELAY_SCENE(a_silent_publisher_is_superseded_a_live_one_is_not),
        RELAY_SCENE(reports_alone_keep_no_session),
        RELAY_SCENE(who_sends_reports_alone_is_superseded),
        RELAY_SCENE(a_session_without_any_publisher_can_be_ended),
        RELAY_SCENE(draining_finishes_every_session),
        RELAY_SCENE(wrong_settings_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
