#include "transcode/worker_listener.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/support/allocation_failure.h"
#include "tests/unit/transcode/supervisor_scene.h"

static char folder[64], path[96], text[112];

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/ph-listener-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/worker.sock", folder);
    snprintf(text, sizeof(text), "unix:%s", path);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return rmdir(folder);
}

static int open_at(struct ph_worker_listener *listeners, const char *where, struct ph_error *error) {
    int count;
    *error = (struct ph_error){{0}};
    int code = ph_worker_listeners_open(listeners, &count, where, error);
    assert_int_equal(count, code ? 0 : 1);
    return code;
}

static void a_unix_socket_is_for_this_user_alone(void **state) {
    (void)state;
    struct ph_worker_listener listeners[PH_MOST_WORKER_LISTENERS];
    struct ph_error error;
    struct stat status;
    assert_int_equal(open_at(listeners, text, &error), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    ph_worker_listeners_close(listeners, 1);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_left_over_file_is_replaced(void **state) {
    (void)state;
    struct ph_worker_listener listeners[PH_MOST_WORKER_LISTENERS];
    struct ph_error error;
    assert_int_equal(open_at(listeners, text, &error), 0);
    close(listeners[0].fd); /* as a crash would */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(open_at(listeners, text, &error), 0);
    ph_worker_listeners_close(listeners, 1);
}

static void one_that_somebody_listens_at_is_left_alone(void **state) {
    (void)state;
    struct ph_worker_listener first[PH_MOST_WORKER_LISTENERS], second[PH_MOST_WORKER_LISTENERS];
    struct ph_error error;
    assert_int_equal(open_at(first, text, &error), 0);
    assert_int_equal(open_at(second, text, &error), -EADDRINUSE);
    assert_non_null(strstr(error.text, "PORTHOLE_WORKER_LISTEN"));
    assert_non_null(strstr(error.text, text));
    assert_int_equal(access(path, F_OK), 0);
    ph_worker_listeners_close(first, 1);
}

static void a_file_that_is_no_socket_is_never_removed(void **state) {
    (void)state;
    struct ph_worker_listener listeners[PH_MOST_WORKER_LISTENERS];
    struct ph_error error;
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(open_at(listeners, text, &error), -EADDRINUSE);
    assert_int_equal(unlink(path), 0);
}

static void a_port_in_use_is_named(void **state) {
    (void)state;
    struct ph_worker_listener first[PH_MOST_WORKER_LISTENERS], second[PH_MOST_WORKER_LISTENERS];
    struct ph_error error;
    char port[6], where[64];
    scene_free_port(port);
    snprintf(where, sizeof(where), "tcp:127.0.0.1:%s", port);
    assert_int_equal(open_at(first, where, &error), 0);
    assert_int_equal(open_at(second, where, &error), -EADDRINUSE);
    assert_non_null(strstr(error.text, "PORTHOLE_WORKER_LISTEN"));
    assert_non_null(strstr(error.text, where));
    ph_worker_listeners_close(first, 1);
}

static void what_is_no_address_is_told(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "unix:", "tcp:localhost", "http://x", "tcp:127.0.0.1:0",
        "unix:/no/such/folder/x.sock", "tcp:192.0.2.1:7000"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ph_worker_listener listeners[PH_MOST_WORKER_LISTENERS];
        struct ph_error error;
        assert_true(open_at(listeners, wrong[i], &error) < 0);
        assert_non_null(strstr(error.text, "PORTHOLE_WORKER_LISTEN"));
    }
}

static void one_wrong_address_leaves_none_open(void **state) {
    (void)state;
    char both[160];
    snprintf(both, sizeof(both), "%s,tcp:nowhere", text);
    struct ph_worker_listener listeners[PH_MOST_WORKER_LISTENERS];
    struct ph_error error;
    assert_int_equal(open_at(listeners, both, &error), -EINVAL);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(open_at(listeners, "tcp:127.0.0.1:x,tcp:a:1,tcp:a:2,tcp:a:3,tcp:a:4", &error), -EINVAL);
}

static int make_supervisor(void *opaque) {
    struct ph_metrics *metrics = opaque;
    struct ph_supervisor_options options = {
        .listen = text, .secret = {(const uint8_t *)SCENE_SECRET, 32}, .metrics = metrics};
    struct ph_supervisor *supervisor;
    struct ph_error error;
    int code = ph_supervisor_create(&supervisor, &options, &error);
    assert_int_equal(supervisor == NULL, code != 0);
    if (!code)
        assert_false(ph_supervisor_has_capacity(supervisor));
    ph_supervisor_destroy(supervisor);
    assert_int_equal(access(path, F_OK), -1);
    return code;
}

static void a_supervisor_is_made_whole_or_not_at_all(void **state) {
    (void)state;
    struct ph_metrics *metrics;
    assert_int_equal(ph_metrics_create(&metrics), 0);
    assert_int_equal(make_supervisor(metrics), 0); /* the metrics are made */
    ph_test_with_failing_allocations(make_supervisor, metrics);
    ph_metrics_destroy(metrics);
}

#define listener_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        listener_test(a_unix_socket_is_for_this_user_alone),
        listener_test(a_left_over_file_is_replaced),
        listener_test(one_that_somebody_listens_at_is_left_alone),
        listener_test(a_file_that_is_no_socket_is_never_removed),
        listener_test(a_port_in_use_is_named),
        listener_test(what_is_no_address_is_told),
        listener_test(one_wrong_address_leaves_none_open),
        listener_test(a_supervisor_is_made_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
