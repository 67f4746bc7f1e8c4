#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/http/server.h"
#include "tests/unit/http/raw_peer.h"

/* Held requests: released, late, drained, and all of it at the same moment. */
enum { most_held = 256 };

static struct ph_metrics *metrics;
static struct ph_http_server *server;
static struct ph_http_response *ready, *late;
static uint16_t port;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived;
static struct ph_http_hold *holds[most_held]; /* guarded by lock */
static size_t held;                           /* guarded by lock */
static int64_t hold_for_us;
static pthread_t eager;  /* releases holds from the moment they exist */
static bool eager_stops; /* guarded by lock */

static void hold_request(struct ph_http_request *request, void *opaque) {
    struct ph_http_hold *hold;
    (void)opaque;
    int code = ph_http_request_hold(request, ph_now_us() + hold_for_us, late, &hold);
    if (code) {
        ph_http_respond(request, late);
        return;
    }
    pthread_mutex_lock(&lock);
    bool has_room = held < most_held; /* none when the thread that releases is not given the CPU */
    if (has_room)
        holds[held++] = hold;
    pthread_cond_broadcast(&arrived);
    pthread_mutex_unlock(&lock);
    if (!has_room)
        ph_http_hold_drop(hold);
}

static void hold_and_drop(struct ph_http_request *request, void *opaque) {
    struct ph_http_hold *hold;
    (void)opaque;
    if (ph_http_request_hold(request, ph_now_us() + hold_for_us, late, &hold))
        ph_http_respond(request, late);
    else
        ph_http_hold_drop(hold);
}

static void release_inside_handler(struct ph_http_request *request, void *opaque) {
    struct ph_http_hold *hold;
    if (ph_http_request_hold(request, ph_now_us() + hold_for_us, late, &hold))
        ph_http_respond(request, late);
    else
        ph_http_hold_release(hold, opaque ? ready : NULL);
}

static void wait_for_held(size_t count) {
    int code = 0;
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    pthread_mutex_lock(&lock);
    while (held < count && code != -ETIMEDOUT)
        code = ph_cond_wait_until(&arrived, &lock, deadline_us);
    assert_int_equal(held, count);
    pthread_mutex_unlock(&lock);
}

static size_t take_holds(struct ph_http_hold **taken) {
    pthread_mutex_lock(&lock);
    size_t count = held;
    memcpy(taken, holds, count * sizeof(taken[0]));
    held = 0;
    pthread_mutex_unlock(&lock);
    return count;
}

static int start(void **state) {
    const struct ph_http_route routes[] = {
        {"GET", "/held", "held", hold_request, NULL, 0, false, NULL, 0},
        {"PUT", "/held", "held", hold_request, NULL, 16, false, NULL, 0},
        {"GET", "/dropped", "held", hold_and_drop, NULL, 0, false, NULL, 0},
        {"GET", "/eager", "held", release_inside_handler, &ready, 0, false, NULL, 0},
        {"GET", "/empty", "held", release_inside_handler, NULL, 0, false, NULL, 0},
    };
    struct ph_http_server_options options = {.listen = "127.0.0.1:0", .threads = 2};
    (void)state;
    ready = ph_http_response_from_text(200, "text/plain", "ready");
    late = ph_http_response_from_text(503, "text/plain", "late");
    hold_for_us = 20 * PH_SECOND_US;
    held = 0;
    int code = ready && late ? ph_metrics_create(&metrics) : -ENOMEM;
    options.metrics = metrics;
    return code ? code : raw_serve(&server, &options, routes, sizeof(routes) / sizeof(routes[0]), &port);
}

static int stop(void **state) {
    (void)state;
    if (server)
        ph_http_server_drain(server, ph_now_us() + PH_SECOND_US);
    ph_http_server_destroy(server);
    ph_http_response_unref(&ready);
    ph_http_response_unref(&late);
    ph_metrics_destroy(metrics);
    return 0;
}

static int ask_held(const char *path) {
    char request[64];
    int fd = raw_dial(port);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    raw_send(fd, request);
    return fd;
}

static void assert_answer(int fd, unsigned status, const char *body) {
    struct answer answer = raw_receive(fd, false);
    assert_int_equal(answer.status, status);
    if (body)
        assert_string_equal(answer.body, body);
    answer_finish(&answer);
}

static double held_gauge(void) {
    return ph_metric_value(ph_metrics_gauge(metrics, "porthole_http_held_requests", "", NULL));
}

/* Who releases counts a request off after it is answered. */
static void wait_for_gauge(double wanted) {
    const struct timespec pause = {.tv_nsec = 1000000};
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (held_gauge() != wanted && ph_now_us() < deadline_us)
        nanosleep(&pause, NULL);
    assert_true(held_gauge() == wanted);
}

static void a_release_answers_and_the_connection_goes_on(void **state) {
    (void)state;
    struct ph_http_hold *taken[most_held];
    int fd = ask_held("/held");
    for (int round = 0; round < 3; round++) {
        wait_for_held(1);
        wait_for_gauge(1);
        assert_int_equal(take_holds(taken), 1);
        assert_false(ph_http_hold_is_over(taken[0]));
        ph_http_hold_release(taken[0], ready);
        assert_answer(fd, 200, "ready");
        raw_send(fd, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    wait_for_held(1);
    take_holds(taken);
    ph_http_hold_drop(taken[0]);
    close(fd);
}

static void the_deadline_answers_and_a_later_release_is_harmless(void **state) {
    (void)state;
    struct ph_http_hold *taken[most_held];
    hold_for_us = 50 * PH_MILLISECOND_US;
    int64_t start_us = ph_now_us();
    int fd = ask_held("/held");
    assert_answer(fd, 503, "late");
    assert_in_range(ph_now_us() - start_us, 50 * PH_MILLISECOND_US, 10 * PH_SECOND_US);
    wait_for_held(1); /* the answer may come before the handler has gone on */
    take_holds(taken);
    assert_true(ph_http_hold_is_over(taken[0]));
    ph_http_hold_release(taken[0], ready);
    hold_for_us = 20 * PH_SECOND_US;
    raw_send(fd, "GET /eager HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_answer(fd, 200, "ready");
    close(fd);
}

static void a_deadline_that_is_past_answers_at_once(void **state) {
    (void)state;
    hold_for_us = -PH_SECOND_US;
    int fd = ask_held("/dropped");
    assert_answer(fd, 503, "late");
    close(fd);
}

static void deadlines_come_in_their_own_order(void **state) {
    (void)state;
    int slow[20], quick;
    hold_for_us = 20 * PH_SECOND_US;
    for (int i = 0; i < 20; i++)
        slow[i] = ask_held("/held");
    wait_for_held(20);
    hold_for_us = 30 * PH_MILLISECOND_US;
    quick = ask_held("/dropped");
    assert_answer(quick, 503, "late");
    struct ph_http_hold *taken[most_held];
    assert_int_equal(take_holds(taken), 20);
    for (int i = 0; i < 20; i++) {
        assert_false(ph_http_hold_is_over(taken[i]));
        ph_http_hold_release(taken[i], ready);
    }
    for (int i = 0; i < 20; i++) {
        assert_answer(slow[i], 200, "ready");
        close(slow[i]);
    }
    close(quick);
}

static void a_release_inside_the_handler_works(void **state) {
    (void)state;
    int fd = ask_held("/eager");
    assert_answer(fd, 200, "ready");
    raw_send(fd, "GET /empty HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_answer(fd, 500, NULL);
    close(fd);
}

static void a_peer_that_went_away_meanwhile_is_no_harm(void **state) {
    (void)state;
    struct ph_http_hold *taken[most_held];
    int fd = ask_held("/held");
    wait_for_held(1);
    close(fd);
    take_holds(taken);
    ph_http_hold_release(taken[0], ready);
    fd = ask_held("/eager");
    assert_answer(fd, 200, "ready");
    close(fd);
}

static void the_drain_answers_what_is_held_and_ends(void **state) {
    (void)state;
    struct ph_http_hold *taken[most_held];
    int fds[10], idle = raw_dial(port);
    for (int i = 0; i < 10; i++)
        fds[i] = ask_held("/held");
    wait_for_held(10);
    int64_t start_us = ph_now_us();
    ph_http_server_drain(server, start_us + 15 * PH_SECOND_US);
    assert_true(ph_now_us() - start_us < 15 * PH_SECOND_US); /* the connections end by themselves */
    for (int i = 0; i < 10; i++) {
        assert_answer(fds[i], 503, "late");
        assert_true(raw_is_closed(fds[i]));
        close(fds[i]);
    }
    assert_true(raw_is_closed(idle));
    close(idle);
    assert_true(held_gauge() == 0);
    take_holds(taken);
    for (int i = 0; i < 10; i++) {
        assert_true(ph_http_hold_is_over(taken[i]));
        ph_http_hold_release(taken[i], ready);
    }
}

static void *drain_slowly(void *opaque) {
    (void)opaque;
    ph_http_server_drain(server, ph_now_us() + 5 * PH_SECOND_US);
    return NULL;
}

/* The last byte of this request comes when the drain has begun: another request was answered by it. */
static void a_request_that_would_be_held_while_draining_is_answered_at_once(void **state) {
    (void)state;
    struct ph_http_hold *taken[most_held];
    pthread_t drain;
    int fd = raw_dial(port), other = ask_held("/held");
    raw_send(fd, "PUT /held HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    char proceed[32];
    assert_true(recv(fd, proceed, sizeof(proceed), 0) > 0); /* 100: its head has been read */
    wait_for_held(1);
    assert_int_equal(ph_thread_start(&drain, "drain", drain_slowly, NULL), 0);
    assert_answer(other, 503, "late");
    raw_send(fd, "ok");
    assert_answer(fd, 503, "late");
    pthread_join(drain, NULL);
    assert_int_equal(take_holds(taken), 1);
    ph_http_hold_drop(taken[0]);
    close(fd);
    close(other);
}

static void a_hold_may_outlive_its_server(void **state) {
    (void)state;
    struct ph_http_hold *taken[most_held];
    int fd = ask_held("/held");
    wait_for_held(1);
    ph_http_server_destroy(server); /* drains on its own */
    server = NULL;
    assert_int_equal(take_holds(taken), 1);
    assert_true(ph_http_hold_is_over(taken[0]));
    ph_http_hold_release(taken[0], ready);
    close(fd);
}

static void *release_at_once(void *opaque) {
    struct ph_http_hold *taken[most_held];
    (void)opaque;
    for (bool stops = false; !stops;) {
        pthread_mutex_lock(&lock);
        while (!held && !eager_stops)
            ph_cond_wait_until(&arrived, &lock, PH_NEVER_US);
        stops = eager_stops && !held;
        pthread_mutex_unlock(&lock);
        size_t count = take_holds(taken);
        for (size_t i = 0; i < count; i++)
            ph_http_hold_release(taken[i], ready);
    }
    return NULL;
}

static void start_eager(void) {
    eager_stops = false;
    assert_int_equal(ph_thread_start(&eager, "eager", release_at_once, NULL), 0);
}

static void stop_eager(void) {
    pthread_mutex_lock(&lock);
    eager_stops = true;
    pthread_cond_broadcast(&arrived);
    pthread_mutex_unlock(&lock);
    pthread_join(eager, NULL);
}

/* The release comes while the handler is still returning, and the deadline at about the same moment. */
static void release_and_deadline_race_to_one_answer(void **state) {
    (void)state;
    enum { viewers = 16, rounds = 100 };
    int fds[viewers];
    hold_for_us = 150; /* about as long as the other thread takes */
    for (int i = 0; i < viewers; i++)
        fds[i] = raw_dial(port);
    start_eager();
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < viewers; i++)
            raw_send(fds[i], "GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
        for (int i = 0; i < viewers; i++) {
            struct answer answer = raw_receive(fds[i], false);
            assert_true(answer.status == 200 || answer.status == 503);
            answer_finish(&answer);
        }
    }
    stop_eager();
    for (int i = 0; i < viewers; i++)
        close(fds[i]);
    wait_for_gauge(0);
}

static void a_drain_in_the_middle_of_releases_loses_nobody(void **state) {
    (void)state;
    enum { viewers = 64 };
    int fds[viewers];
    start_eager();
    for (int i = 0; i < viewers; i++)
        fds[i] = ask_held("/held");
    ph_http_server_drain(server, ph_now_us() + 5 * PH_SECOND_US);
    for (int i = 0; i < viewers; i++) {
        struct answer answer = raw_receive(fds[i], false);
        assert_true(
            answer.status == 200 || answer.status == 503 || answer.status == 0); /* 0: was never accepted */
        answer_finish(&answer);
        close(fds[i]);
    }
    stop_eager();
    assert_true(held_gauge() == 0);
}

int main(void) {
    if (ph_cond_init(&arrived))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_release_answers_and_the_connection_goes_on, start, stop),
        cmocka_unit_test_setup_teardown(the_deadline_answers_and_a_later_release_is_harmless, start, stop),
        cmocka_unit_test_setup_teardown(a_deadline_that_is_past_answers_at_once, start, stop),
        cmocka_unit_test_setup_teardown(deadlines_come_in_their_own_order, start, stop),
        cmocka_unit_test_setup_teardown(a_release_inside_the_handler_works, start, stop),
        cmocka_unit_test_setup_teardown(a_peer_that_went_away_meanwhile_is_no_harm, start, stop),
        cmocka_unit_test_setup_teardown(the_drain_answers_what_is_held_and_ends, start, stop),
        cmocka_unit_test_setup_teardown(
            a_request_that_would_be_held_while_draining_is_answered_at_once, start, stop),
        cmocka_unit_test_setup_teardown(a_hold_may_outlive_its_server, start, stop),
        cmocka_unit_test_setup_teardown(release_and_deadline_race_to_one_answer, start, stop),
        cmocka_unit_test_setup_teardown(a_drain_in_the_middle_of_releases_loses_nobody, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
