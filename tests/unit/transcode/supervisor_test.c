/* Processes from start to end: spares, hand-over, crashes, silence, capacity, drain. */
#include "transcode/supervisor.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/transcode/supervisor_scene.h"

static bool is_alive(pid_t pid) {
    return kill(pid, 0) == 0;
}

static void await_crashes(const struct supervisor_scene *scene, double count) {
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    while (scene_crashes(scene) < count && ph_now_us() < deadline_us)
        scene_pause(5);
    assert_true(scene_crashes(scene) >= count);
}

static void a_link_gets_the_spare_and_the_next_one_stands_ready(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 4, false);
    pid_t spare = scene_pid(&scene, PH_WORKER_SPARE);
    int link = scene_session(&scene, "serve");
    assert_int_equal(scene_pid(&scene, PH_WORKER_BUSY), spare);
    assert_int_not_equal(scene_pid(&scene, PH_WORKER_SPARE), spare);
    assert_int_equal(ph_metric_value(ph_metrics_gauge(
                         scene.metrics, "porthole_worker_processes", "", PH_LABELS({"state", "busy"}))),
        1);
    close(link);
    scene_await(&scene, PH_WORKER_BUSY, 0);
    assert_int_equal(scene_crashes(&scene), 0);
    scene_end(&scene);
}

static void the_process_gets_what_it_needs_and_no_more(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 4, true);
    int other = scene_session(&scene, "serve");
    int link = scene_connect(&scene);
    scene_hello(link, "describe");
    char text[256], expected[256];
    assert_int_equal(scene_receive(link, text, sizeof(text)), PH_LINK_FAILED);
    struct ph_worker_view views[8];
    size_t count = ph_supervisor_snapshot(scene.supervisor, views, 8);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        /* stdin, stdout, stderr, the control socket, the link */
        snprintf(expected, sizeof(expected),
            "argument=transcode encoder=h264_nvenc secret=no descriptors=5 pid=%d", (int)views[i].pid);
        found = found || strcmp(text, expected) == 0;
    }
    if (!found)
        fail_msg("%s", text);
    close(link);
    close(other);
    scene_end(&scene);
}

static void heartbeats_show_in_the_snapshot(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 4, false);
    int link = scene_session(&scene, "serve");
    struct ph_worker_view views[4] = {{0}};
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    bool seen = false;
    while (!seen && ph_now_us() < deadline_us) {
        size_t count = ph_supervisor_snapshot(scene.supervisor, views, 4);
        for (size_t i = 0; i < count; i++)
            seen = seen || (views[i].state == PH_WORKER_BUSY && views[i].has_stats &&
                               views[i].stats.frames_in == 7 && views[i].since_utc_us > 0);
        scene_pause(5);
    }
    assert_true(seen);
    assert_int_equal(ph_supervisor_snapshot(scene.supervisor, views, 1), 1);
    close(link);
    scene_end(&scene);
}

static void a_link_waits_for_a_process_that_is_not_ready(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "slow", 4, false);
    int first = scene_connect(&scene), second = scene_connect(&scene);
    scene_hello(first, "serve");
    scene_hello(second, "serve");
    char payload[64];
    assert_int_equal(scene_receive(first, payload, sizeof(payload)), PH_LINK_ACCEPT);
    assert_int_equal(scene_receive(second, payload, sizeof(payload)), PH_LINK_ACCEPT);
    close(first);
    close(second);
    scene_end(&scene);
}

static void a_link_is_refused_when_no_process_gets_ready(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "never", 4, false);
    int64_t began_us = ph_now_us();
    int link = scene_connect(&scene);
    scene_hello(link, "serve");
    scene_expect_refusal(link, "not_ready");
    int64_t took_us = ph_now_us() - began_us;
    assert_in_range(took_us, 2900 * PH_MILLISECOND_US, 9000 * PH_MILLISECOND_US);
    close(link);
    scene_end(&scene);
}

static void a_caller_who_says_nothing_costs_no_process(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 4, false);
    pid_t spare = scene_pid(&scene, PH_WORKER_SPARE);
    int mute = scene_connect(&scene);
    close(scene_connect(&scene));
    char payload[8];
    assert_int_equal(scene_receive(mute, payload, sizeof(payload)), -1); /* after two seconds */
    assert_int_equal(scene_pid(&scene, PH_WORKER_SPARE), spare);
    assert_int_equal(scene_count(&scene, PH_WORKER_BUSY), 0);
    close(mute);
    scene_end(&scene);
}

static void a_spare_that_dies_is_replaced(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 4, false);
    pid_t spare = scene_pid(&scene, PH_WORKER_SPARE);
    kill(spare, SIGKILL);
    await_crashes(&scene, 1);
    int link = scene_session(&scene, "serve");
    assert_int_not_equal(scene_pid(&scene, PH_WORKER_BUSY), spare);
    assert_false(is_alive(spare));
    close(link);
    scene_end(&scene);
}

static void a_session_that_crashes_its_process_finds_another(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 1, false);
    int link = scene_connect(&scene);
    scene_hello(link, "crash");
    char payload[8];
    assert_int_equal(scene_receive(link, payload, sizeof(payload)), -1);
    close(link);
    link = scene_session(&scene, "serve");
    await_crashes(&scene, 1);
    close(link);
    scene_end(&scene);
}

static void a_silent_process_is_killed(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 4, false);
    int silent = scene_session(&scene, "silent");
    pid_t pid = scene_pid(&scene, PH_WORKER_BUSY);
    int64_t began_us = ph_now_us();
    int loud = scene_session(&scene, "serve");
    char payload[8];
    assert_int_equal(scene_receive(silent, payload, sizeof(payload)), -1);
    assert_true(ph_now_us() - began_us > 4 * PH_SECOND_US);
    scene_await(&scene, PH_WORKER_BUSY, 1);
    assert_int_not_equal(scene_pid(&scene, PH_WORKER_BUSY), pid);
    assert_false(is_alive(pid));
    assert_int_equal(scene_crashes(&scene), 1);
    close(silent);
    close(loud);
    scene_end(&scene);
}

static void processes_that_do_not_start_make_no_fork_loop(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "exit", 4, false);
    char text[128];
    assert_true(ph_supervisor_health(scene.supervisor, text, sizeof(text)));
    scene_pause(2000);
    assert_true(scene_crashes(&scene) <= 5); /* after 0.1, 0.2, 0.4, 0.8 s and up to a half more */
    await_crashes(&scene, 3);
    assert_false(ph_supervisor_health(scene.supervisor, text, sizeof(text)));
    assert_non_null(strstr(text, "do not start"));
    scene_end(&scene);
}

static void await_room(struct supervisor_scene *scene, bool room) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (ph_supervisor_has_capacity(scene->supervisor) != room && ph_now_us() < deadline_us)
        scene_pause(5);
    assert_int_equal(ph_supervisor_has_capacity(scene->supervisor), room);
}

static void no_more_sessions_than_allowed(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 2, false);
    await_room(&scene, true);
    int first = scene_session(&scene, "serve"), second = scene_session(&scene, "serve");
    await_room(&scene, false);
    int third = scene_connect(&scene);
    scene_hello(third, "serve");
    scene_expect_refusal(third, "busy");
    close(third);
    close(first);
    await_room(&scene, true);
    third = scene_session(&scene, "serve");
    assert_int_equal(
        ph_metric_value(ph_metrics_gauge(scene.metrics, "porthole_worker_capacity_sessions", "", NULL)), 2);
    close(second);
    close(third);
    scene_end(&scene);
}

struct drain {
    struct supervisor_scene *scene;
    int64_t deadline_us;
};

static void *run_drain(void *opaque) {
    struct drain *drain = opaque;
    ph_supervisor_drain(drain->scene->supervisor, drain->deadline_us);
    return NULL;
}

static void a_drain_lets_sessions_end_and_takes_no_new_ones(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 4, false);
    int link = scene_session(&scene, "serve");
    pid_t pid = scene_pid(&scene, PH_WORKER_BUSY);
    struct drain drain = {&scene, ph_now_us() + 60 * PH_SECOND_US};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_drain, &drain), 0);
    await_room(&scene, false);
    scene_await(&scene, PH_WORKER_SPARE, 0);
    int late = scene_connect(&scene);
    scene_hello(late, "serve");
    scene_expect_refusal(late, "draining");
    assert_int_equal(scene_count(&scene, PH_WORKER_BUSY), 1);
    assert_true(is_alive(pid));
    close(link);
    pthread_join(thread, NULL);
    assert_true(ph_now_us() < drain.deadline_us - 30 * PH_SECOND_US);
    assert_false(is_alive(pid));
    close(late);
    scene_end(&scene);
}

static void a_drain_ends_what_is_left_at_its_deadline(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 4, false);
    int meek = scene_session(&scene, "serve"), stubborn = scene_session(&scene, "stubborn");
    scene_await(&scene, PH_WORKER_BUSY, 2);
    int64_t began_us = ph_now_us();
    ph_supervisor_drain(scene.supervisor, began_us + 300 * PH_MILLISECOND_US);
    int64_t took_us = ph_now_us() - began_us;
    assert_in_range(took_us, 1300 * PH_MILLISECOND_US, 10000 * PH_MILLISECOND_US);
    assert_int_equal(scene_crashes(&scene), 0);
    struct ph_worker_view view;
    assert_int_equal(ph_supervisor_snapshot(scene.supervisor, &view, 1), 0);
    close(meek);
    close(stubborn);
    scene_end(&scene);
}

static void who_stops_taking_keeps_what_it_has(void **state) {
    (void)state;
    struct supervisor_scene scene;
    scene_begin(&scene, "", 4, false);
    int link = scene_session(&scene, "serve");
    assert_true(ph_supervisor_has_capacity(scene.supervisor));
    assert_int_equal(ph_supervisor_capacity(scene.supervisor), 4);
    ph_supervisor_stop_taking(scene.supervisor);
    assert_false(ph_supervisor_has_capacity(scene.supervisor));
    int refused = scene_connect(&scene);
    scene_hello(refused, "serve");
    char text[256];
    assert_int_equal(scene_receive(refused, text, sizeof(text)), PH_LINK_REFUSE);
    assert_non_null(strstr(text, "draining"));
    scene_await(&scene, PH_WORKER_BUSY, 1);
    close(refused);
    close(link);
    scene_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stops_taking_keeps_what_it_has),
        cmocka_unit_test(a_link_gets_the_spare_and_the_next_one_stands_ready),
        cmocka_unit_test(the_process_gets_what_it_needs_and_no_more),
        cmocka_unit_test(heartbeats_show_in_the_snapshot),
        cmocka_unit_test(a_link_waits_for_a_process_that_is_not_ready),
        cmocka_unit_test(a_link_is_refused_when_no_process_gets_ready),
        cmocka_unit_test(a_caller_who_says_nothing_costs_no_process),
        cmocka_unit_test(a_spare_that_dies_is_replaced),
        cmocka_unit_test(a_session_that_crashes_its_process_finds_another),
        cmocka_unit_test(a_silent_process_is_killed),
        cmocka_unit_test(processes_that_do_not_start_make_no_fork_loop),
        cmocka_unit_test(no_more_sessions_than_allowed),
        cmocka_unit_test(a_drain_lets_sessions_end_and_takes_no_new_ones),
        cmocka_unit_test(a_drain_ends_what_is_left_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
