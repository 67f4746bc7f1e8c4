#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/http/address.h"
#include "core/http/client.h"
#include "core/http/server.h"

static struct ph_http_server *server;
static struct ph_http_client *client;
static char base[64];

static void echo(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    struct ph_bytes *body = ph_http_request_body_ref(request);
    struct ph_http_response *response = ph_http_response_from_bytes(201, "text/plain", body);
    const char *type = ph_http_request_header(request, "Content-Type");
    if (ph_http_request_header(request, "Expect") || (type && strcmp(type, "video/mp4") != 0))
        ph_http_response_unref(&response);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
    ph_bytes_unref(&body);
}

static void send_busy(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    struct ph_http_response *response = ph_http_response_problem(503, "Service Unavailable", "busy");
    if (ph_http_response_add_header(response, "Retry-After", "7"))
        ph_http_response_unref(&response);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

static void hold(struct ph_http_request *request, void *opaque) {
    struct ph_http_hold *held;
    (void)opaque;
    if (ph_http_request_hold(request, ph_now_us() + 20 * PH_SECOND_US, NULL, &held) == 0)
        ph_http_hold_drop(held);
}

static int start(void **state) {
    const struct ph_http_route routes[] = {
        {NULL, "/echo", "echo", echo, NULL, 4 * 1024 * 1024, false, NULL, 0},
        {"GET", "/busy", "busy", send_busy, NULL, 0, false, NULL, 0},
        {"GET", "/held", "held", hold, NULL, 0, false, NULL, 0},
    };
    struct ph_http_server_options options = {.listen = "127.0.0.1:0", .threads = 2};
    (void)state;
    int code = ph_http_server_create(&server, &options, NULL);
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && !code; i++)
        code = ph_http_server_add_route(server, &routes[i]);
    if (!code)
        code = ph_http_server_start(server, NULL);
    if (!code)
        code = ph_http_client_create(&client);
    snprintf(base, sizeof(base), "http://127.0.0.1:%u", code ? 0u : ph_http_server_port(server));
    return code;
}

static int stop(void **state) {
    (void)state;
    ph_http_client_destroy(client);
    ph_http_server_destroy(server);
    return 0;
}

static int perform(const char *method, const char *path, struct ph_http_exchange *exchange) {
    char url[128];
    snprintf(url, sizeof(url), "%s%s", base, path);
    exchange->method = method;
    exchange->url = url;
    int code = ph_http_client_perform(client, exchange);
    exchange->url = NULL;
    return code;
}

static void bodies_go_both_ways(void **state) {
    (void)state;
    enum { size = 3 * 1024 * 1024 };
    static const char *const headers[] = {"Content-Type: video/mp4", NULL};
    uint8_t *body = malloc(size);
    for (size_t i = 0; i < size; i++)
        body[i] = (uint8_t)(i * 13);
    struct ph_http_exchange exchange = {.headers = headers, .body = {body, size}, .most_answer_bytes = size};
    assert_int_equal(perform("PUT", "/echo", &exchange), 0);
    assert_int_equal(exchange.status, 201);
    assert_int_equal(ph_bytes_size(exchange.answer), size);
    assert_memory_equal(ph_bytes_data(exchange.answer), body, size);
    assert_true(exchange.retry_after_us == -1);
    ph_http_exchange_finish(&exchange);
    assert_null(exchange.answer);
    free(body);
}

static void every_method_works_on_one_connection(void **state) {
    (void)state;
    static const char *const methods[] = {"PUT", "GET", "POST", "HEAD", "DELETE", "PATCH", "GET"};
    struct ph_http_exchange exchange = {0};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        assert_int_equal(perform(methods[i], "/echo", &exchange), 0);
        assert_int_equal(exchange.status, 201);
        assert_int_equal(ph_bytes_size(exchange.answer), 0);
    }
    ph_http_exchange_finish(&exchange);
}

static void retry_after_is_read(void **state) {
    (void)state;
    struct ph_http_exchange exchange = {0};
    assert_int_equal(perform("GET", "/busy", &exchange), 0);
    assert_int_equal(exchange.status, 503);
    assert_true(exchange.retry_after_us == 7 * PH_SECOND_US);
    ph_http_exchange_finish(&exchange);
}

static void a_longer_answer_than_allowed_fails(void **state) {
    (void)state;
    struct ph_http_exchange exchange = {.body = {(const uint8_t *)"0123456789", 10}, .most_answer_bytes = 9};
    assert_int_equal(perform("PUT", "/echo", &exchange), -EMSGSIZE);
    assert_null(exchange.answer);
    exchange.most_answer_bytes = 10;
    assert_int_equal(perform("PUT", "/echo", &exchange), 0);
    ph_http_exchange_finish(&exchange);
}

static void a_server_that_stays_silent_times_out(void **state) {
    (void)state;
    struct ph_http_exchange exchange = {.timeout_us = 100 * PH_MILLISECOND_US};
    int64_t start_us = ph_now_us();
    assert_int_equal(perform("GET", "/held", &exchange), -ETIMEDOUT);
    assert_true(ph_now_us() - start_us < 10 * PH_SECOND_US);
}

static void refused_and_bad_addresses_say_so(void **state) {
    (void)state;
    char url[64];
    int fd;
    uint16_t port;
    assert_int_equal(ph_address_listen("127.0.0.1:0", "", &fd, &port, NULL), 0);
    close(fd);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    struct ph_http_exchange exchange = {.method = "GET", .url = url};
    assert_int_equal(ph_http_client_perform(client, &exchange), -ECONNREFUSED);
    exchange.url = "file:///etc/passwd";
    assert_int_equal(ph_http_client_perform(client, &exchange), -EINVAL);
    exchange.url = "not a url";
    assert_int_equal(ph_http_client_perform(client, &exchange), -EINVAL);
}

static void *reset_one_connection(void *opaque) {
    int *listener = opaque, peer;
    char request[512];
    struct linger hard = {1, 0};
    while ((peer = accept(*listener, NULL, NULL)) < 0)
        usleep(1000);
    while (recv(peer, request, sizeof(request), 0) < 0 && errno == EAGAIN)
        usleep(1000);
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(peer);
    return NULL;
}

static void a_broken_connection_is_a_reset(void **state) {
    (void)state;
    char url[64];
    int listener;
    uint16_t port;
    pthread_t thread;
    assert_int_equal(ph_address_listen("127.0.0.1:0", "", &listener, &port, NULL), 0);
    assert_int_equal(ph_thread_start(&thread, "reset", reset_one_connection, &listener), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    struct ph_http_exchange exchange = {.method = "GET", .url = url};
    assert_int_equal(ph_http_client_perform(client, &exchange), -ECONNRESET);
    pthread_join(thread, NULL);
    close(listener);
}

static void *cancel_soon(void *opaque) {
    usleep(50000);
    int64_t *cancelled_us = opaque;
    *cancelled_us = ph_now_us();
    ph_http_client_cancel(client);
    return NULL;
}

static void cancelling_ends_a_running_exchange_at_once(void **state) {
    (void)state;
    int64_t cancelled_us;
    pthread_t thread;
    struct ph_http_exchange exchange = {0};
    assert_int_equal(ph_thread_start(&thread, "cancel", cancel_soon, &cancelled_us), 0);
    assert_int_equal(perform("GET", "/held", &exchange), -ECANCELED);
    int64_t ended_us = ph_now_us();
    pthread_join(thread, NULL);
    assert_true(ended_us - cancelled_us < 5 * PH_SECOND_US); /* it would be held for longer */
    assert_int_equal(perform("GET", "/busy", &exchange), -ECANCELED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bodies_go_both_ways, start, stop),
        cmocka_unit_test_setup_teardown(every_method_works_on_one_connection, start, stop),
        cmocka_unit_test_setup_teardown(retry_after_is_read, start, stop),
        cmocka_unit_test_setup_teardown(a_longer_answer_than_allowed_fails, start, stop),
        cmocka_unit_test_setup_teardown(a_server_that_stays_silent_times_out, start, stop),
        cmocka_unit_test_setup_teardown(refused_and_bad_addresses_say_so, start, stop),
        cmocka_unit_test_setup_teardown(a_broken_connection_is_a_reset, start, stop),
        cmocka_unit_test_setup_teardown(cancelling_ends_a_running_exchange_at_once, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
