#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/http/server.h"
#include "core/http/stream.h"
#include "tests/unit/http/raw_peer.h"

/* Streams: their blocks, their silence, and every way in which one ends. */
enum { most_queued = 4096, many = 32 };

static struct ph_metrics *metrics;
static struct ph_http_server *server;
static uint16_t port;
static struct ph_bytes *filler;
static struct ph_http_stream *streams[many];
static size_t stream_count; /* under lock */
static struct ph_http_response *shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened;
static int64_t quiet_us;

static struct ph_http_stream *make_stream(void) {
    struct ph_http_stream *stream;
    assert_int_equal(ph_http_stream_create(&stream,
                         &(struct ph_http_stream_options){
                             .most_queued_bytes = most_queued, .quiet_us = quiet_us, .filler = filler}),
        0);
    return stream;
}

static void open_stream(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    struct ph_http_stream *stream = make_stream();
    struct ph_http_response *response = ph_http_response_from_stream(200, "text/event-stream", stream);
    pthread_mutex_lock(&lock);
    assert_true(stream_count < many);
    streams[stream_count++] = stream;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

static void open_shared(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    ph_http_respond(request, shared);
}

static int open_server(void **state) {
    (void)state;
    static const struct ph_http_route routes[] = {
        {.method = "GET", .pattern = "/stream", .kind = "test", .handler = open_stream},
        {.method = "GET", .pattern = "/shared", .kind = "test", .handler = open_shared},
    };
    stream_count = 0;
    quiet_us = 60 * PH_SECOND_US;
    filler = ph_bytes_copy(":\n\n", 3);
    if (!filler || ph_cond_init(&opened) || ph_metrics_create(&metrics))
        return -1;
    const struct ph_http_server_options options = {
        .listen = "127.0.0.1:0", .threads = 2, .idle_timeout_us = 3 * PH_SECOND_US, .metrics = metrics};
    return raw_serve(&server, &options, routes, sizeof(routes) / sizeof(routes[0]), &port);
}

static int close_server(void **state) {
    (void)state;
    ph_http_server_drain(server, ph_now_us() + 2 * PH_SECOND_US);
    ph_http_server_destroy(server);
    for (size_t i = 0; i < stream_count; i++) {
        assert_true(ph_http_stream_is_over(streams[i]));
        ph_http_stream_unref(&streams[i]);
    }
    ph_bytes_unref(&filler);
    ph_metrics_destroy(metrics);
    pthread_cond_destroy(&opened);
    return 0;
}

static struct ph_http_stream *await_stream(size_t number) {
    int code = 0;
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    pthread_mutex_lock(&lock);
    while (stream_count <= number && code == 0)
        code = ph_cond_wait_until(&opened, &lock, deadline_us);
    assert_true(stream_count > number);
    pthread_mutex_unlock(&lock);
    return streams[number];
}

static int ask(const char *target, const char *version) {
    char request[128];
    int fd = raw_dial(port);
    snprintf(request, sizeof(request), "GET %s %s\r\nHost: test\r\n\r\n", target, version);
    raw_send(fd, request);
    return fd;
}

/* Receives until the text is there, 5 s at most; returns all that came. */
static const char *receive_until(int fd, const char *text) {
    static char bytes[65536];
    size_t size = 0;
    bytes[0] = '\0';
    while (!strstr(bytes, text)) {
        ssize_t got = recv(fd, bytes + size, sizeof(bytes) - 1 - size, 0);
        if (got <= 0)
            fail_msg("no \"%s\" in \"%s\"", text, bytes);
        size += (size_t)got;
        bytes[size] = '\0';
    }
    return bytes;
}

static int push(struct ph_http_stream *stream, const char *text) {
    struct ph_bytes *block = ph_bytes_copy(text, strlen(text));
    int code = ph_http_stream_push(stream, block);
    ph_bytes_unref(&block);
    return code;
}

static void await_over(struct ph_http_stream *stream) {
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (!ph_http_stream_is_over(stream)) {
        assert_true(ph_now_us() < deadline_us);
        nanosleep(&pause, NULL);
    }
}

static void blocks_arrive_as_they_are_pushed(void **state) {
    (void)state;
    int fd = ask("/stream", "HTTP/1.1");
    const char *head = receive_until(fd, "\r\n\r\n");
    assert_non_null(strstr(head, "HTTP/1.1 200"));
    assert_non_null(strstr(head, "text/event-stream"));
    assert_non_null(strstr(head, "Transfer-Encoding: chunked"));
    struct ph_http_stream *stream = await_stream(0);
    assert_int_equal(push(stream, "one"), 0);
    receive_until(fd, "3\r\none\r\n");
    assert_int_equal(push(stream, ""), 0);
    assert_int_equal(push(stream, "two"), 0);
    receive_until(fd, "two");
    assert_int_equal(push(stream, "three"), 0);
    ph_http_stream_end(stream);
    assert_int_equal(push(stream, "four"), -EPIPE);
    assert_non_null(strstr(receive_until(fd, "0\r\n\r\n"), "three"));
    await_over(stream);
    /* The connection brings another request. */
    raw_send(fd, "GET /stream HTTP/1.1\r\nHost: test\r\n\r\n");
    receive_until(fd, "\r\n\r\n");
    close(fd);
}

static void blocks_pushed_before_the_answer_are_kept(void **state) {
    (void)state;
    struct ph_http_stream *stream = make_stream();
    assert_int_equal(push(stream, "early"), 0);
    ph_http_stream_end(stream);
    shared = ph_http_response_from_stream(200, "text/event-stream", stream);
    int fd = ask("/shared", "HTTP/1.1");
    assert_non_null(strstr(receive_until(fd, "0\r\n\r\n"), "early"));
    close(fd);
    ph_http_response_unref(&shared);
    ph_http_stream_unref(&stream);
}

static void a_peer_of_http_1_0_gets_plain_bytes_and_the_end(void **state) {
    (void)state;
    int fd = ask("/stream", "HTTP/1.0");
    struct ph_http_stream *stream = await_stream(0);
    assert_int_equal(push(stream, "plain"), 0);
    assert_null(strstr(receive_until(fd, "plain"), "chunked"));
    ph_http_stream_end(stream);
    assert_true(raw_is_closed(fd));
    close(fd);
}

static void silence_is_filled_and_shows_who_has_left(void **state) {
    (void)state;
    quiet_us = 100 * PH_MILLISECOND_US;
    int fd = ask("/stream", "HTTP/1.1");
    receive_until(fd, ":\n\n\r\n3\r\n:\n\n");
    struct ph_http_stream *stream = await_stream(0);
    assert_false(ph_http_stream_is_over(stream));
    close(fd);
    await_over(stream);
    assert_int_equal(push(stream, "nobody hears"), -EPIPE);
}

static void a_peer_that_reads_nothing_is_cut_off(void **state) {
    (void)state;
    static char long_text[2048];
    memset(long_text, 'x', sizeof(long_text) - 1);
    int fd = ask("/stream", "HTTP/1.1");
    struct ph_http_stream *stream = await_stream(0);
    int code = 0;
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    const struct timespec pause = {.tv_nsec = 20000};
    /* The sockets take some; then the queue is full. */
    while (code == 0 && ph_now_us() < deadline_us) {
        code = push(stream, long_text);
        nanosleep(&pause, NULL);
    }
    assert_int_equal(code, -ENOBUFS);
    assert_true(ph_http_stream_is_over(stream));
    assert_int_equal(push(stream, "more"), -EPIPE);
    /* Though it never reads, its connection goes. */
    const struct timespec moment = {.tv_nsec = 5000000};
    while (ph_metric_value(ph_metrics_gauge(metrics, "porthole_http_connections", "", NULL)) > 0) {
        assert_true(ph_now_us() < deadline_us);
        nanosleep(&moment, NULL);
    }
    close(fd);
}

static void a_drain_ends_every_stream_cleanly(void **state) {
    (void)state;
    int fds[8];
    for (size_t i = 0; i < 8; i++) {
        fds[i] = ask("/stream", "HTTP/1.1");
        receive_until(fds[i], "\r\n\r\n");
    }
    await_stream(7);
    assert_int_equal(push(streams[3], "last"), 0);
    int64_t began_us = ph_now_us();
    ph_http_server_drain(server, began_us + 20 * PH_SECOND_US);
    assert_true(ph_now_us() - began_us < 15 * PH_SECOND_US);
    for (size_t i = 0; i < 8; i++) {
        receive_until(fds[i], "0\r\n\r\n");
        close(fds[i]);
    }
}

static void a_stream_goes_to_one_request_and_ends_with_its_response(void **state) {
    (void)state;
    struct ph_http_stream *stream = make_stream();
    shared = ph_http_response_from_stream(200, "text/event-stream", stream);
    struct answer head = raw_ask(port, "HEAD", "/shared", "");
    assert_int_equal(head.status, 200);
    answer_finish(&head);
    int fd = ask("/shared", "HTTP/1.1");
    receive_until(fd, "200");
    struct answer second = raw_ask(port, "GET", "/shared", "");
    assert_int_equal(second.status, 500);
    answer_finish(&second);
    close(fd);
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (push(stream, "to see that it left") == 0 && ph_now_us() < deadline_us)
        nanosleep(&pause, NULL);
    assert_true(ph_http_stream_is_over(stream));
    ph_http_response_unref(&shared);
    ph_http_stream_unref(&stream);
    stream = make_stream();
    shared = ph_http_response_from_stream(200, "text/event-stream", stream);
    ph_http_response_unref(&shared);
    assert_true(ph_http_stream_is_over(stream));
    ph_http_stream_unref(&stream);
}

struct pusher {
    pthread_t thread;
    atomic_size_t pushed;
};

static void *push_to_all(void *opaque) {
    struct pusher *pusher = opaque;
    struct ph_bytes *block = ph_bytes_copy("event\n", 6);
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < many; i++)
            atomic_fetch_add(&pusher->pushed, ph_http_stream_push(streams[i], block) == 0);
    }
    ph_bytes_unref(&block);
    return NULL;
}

static void await_push(struct pusher *pusher) {
    const struct timespec moment = {.tv_nsec = 1000000};
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (atomic_load(&pusher->pushed) == 0 && ph_now_us() < deadline_us)
        nanosleep(&moment, NULL);
}

static void threads_push_while_peers_leave_and_the_server_drains(void **state) {
    (void)state;
    struct pusher pushers[3] = {0};
    int fds[many];
    quiet_us = PH_MILLISECOND_US;
    for (size_t i = 0; i < many; i++)
        fds[i] = ask("/stream", "HTTP/1.1");
    await_stream(many - 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ph_thread_start(&pushers[i].thread, "pusher", push_to_all, &pushers[i]), 0);
    for (size_t i = 0; i < 3; i++)
        await_push(&pushers[i]);
    for (size_t i = 0; i < many; i += 2)
        close(fds[i]);
    ph_http_server_drain(server, ph_now_us() + PH_SECOND_US);
    for (size_t i = 0; i < 3; i++)
        pthread_join(pushers[i].thread, NULL);
    for (size_t i = 0; i < 3; i++)
        assert_true(atomic_load(&pushers[i].pushed) > 0);
    for (size_t i = 1; i < many; i += 2)
        close(fds[i]);
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, open_server, close_server)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_SERVER(blocks_arrive_as_they_are_pushed),
        ON_SERVER(blocks_pushed_before_the_answer_are_kept),
        ON_SERVER(a_peer_of_http_1_0_gets_plain_bytes_and_the_end),
        ON_SERVER(silence_is_filled_and_shows_who_has_left),
        ON_SERVER(a_peer_that_reads_nothing_is_cut_off),
        ON_SERVER(a_drain_ends_every_stream_cleanly),
        ON_SERVER(a_stream_goes_to_one_request_and_ends_with_its_response),
        ON_SERVER(threads_push_while_peers_leave_and_the_server_drains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
