#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/http/server.h"
#include "tests/unit/http/raw_peer.h"

/* One server for all tests of this file: how requests come in. */
enum { most_body = 100000 };

static struct ph_metrics *metrics;
static struct ph_http_server *server;
static uint16_t port;

static void echo_request(struct ph_http_request *request, void *opaque) {
    char text[1024];
    (void)opaque;
    const char *q = ph_http_request_query(request, "q"), *empty = ph_http_request_query(request, "empty");
    const char *bearer = ph_http_request_bearer(request),
               *header = ph_http_request_header(request, "x-thing");
    snprintf(text, sizeof(text), "%s %s name=%s q=%s empty=%s none=%s bearer=%s header=%s peer=%s body=%zu",
        ph_http_request_method(request), ph_http_request_path(request),
        ph_http_request_param(request, "name"), q ? q : "-", empty ? empty : "-",
        ph_http_request_query(request, "none") ? "?" : "-", bearer ? bearer : "-", header ? header : "-",
        ph_http_request_peer(request), ph_http_request_body(request).size);
    struct ph_http_response *response = ph_http_response_from_text(200, "text/plain", text);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

static void echo_body(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    struct ph_bytes *body = ph_http_request_body_ref(request);
    struct ph_http_response *response = ph_http_response_from_bytes(200, "application/octet-stream", body);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
    ph_bytes_unref(&body);
}

static void forget_to_answer(struct ph_http_request *request, void *opaque) {
    (void)request;
    (void)opaque;
}

static void answer_nothing(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    ph_http_respond(request, NULL);
}

/* Lets bodies come from who knows the word. */
static struct ph_http_response *ask_for_the_word(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    if (ph_http_request_header(request, "X-Word"))
        return NULL;
    return ph_http_response_problem(401, "Unauthorized", "the word, please");
}

static int start(void **state) {
    const struct ph_http_route routes[] = {
        {"GET", "/echo/{name}", "echo", echo_request, NULL, 0, true, NULL, 0},
        {"PUT", "/body", "body", echo_body, NULL, most_body, false, NULL, 0},
        {"PUT", "/guarded", "body", echo_body, NULL, most_body, false, ask_for_the_word, 0},
        {"GET", "/silent", "silent", forget_to_answer, NULL, 0, false, NULL, 0},
        {"GET", "/nothing", "nothing", answer_nothing, NULL, 0, false, NULL, 0},
    };
    struct ph_http_server_options options = {.listen = "127.0.0.1:0", .threads = 2};
    (void)state;
    int code = ph_metrics_create(&metrics);
    options.metrics = metrics;
    options.idle_timeout_us = 2 * PH_SECOND_US;
    return code ? code : raw_serve(&server, &options, routes, sizeof(routes) / sizeof(routes[0]), &port);
}

static int stop(void **state) {
    (void)state;
    ph_http_server_drain(server, ph_now_us() + PH_SECOND_US);
    ph_http_server_destroy(server);
    ph_metrics_destroy(metrics);
    return 0;
}

static void assert_status(const char *method, const char *target, const char *headers, unsigned status) {
    struct answer answer = raw_ask(port, method, target, headers);
    if (answer.status != status)
        fail_msg("%s %s: %u instead of %u", method, target, answer.status, status);
    answer_finish(&answer);
}

static void a_handler_sees_all_of_the_request(void **state) {
    (void)state;
    struct answer answer = raw_ask(
        port, "GET", "/echo/a%20b?q=x%26+y&empty=&more", "Authorization: bearer  tok\r\nX-Thing: 7\r\n");
    assert_string_equal(answer.body, "GET /echo/a%20b name=a b q=x& y empty= none=- bearer=tok header=7 "
                                     "peer=127.0.0.1 body=0");
    assert_string_equal(answer_header(&answer, "Access-Control-Allow-Origin"), "*");
    answer_finish(&answer);
}

static void a_long_query_value_finds_room(void **state) {
    (void)state;
    char target[2400] = "/echo/x?q=%41";
    memset(target + 13, 'b', 700);
    struct answer answer = raw_ask(port, "GET", target, "");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "q=Abbbb"));
    answer_finish(&answer);
}

static void an_absolute_target_is_its_path(void **state) {
    (void)state;
    assert_status("GET", "http://example.org/echo/x", "", 200);
    assert_status("GET", "http://example.org", "", 404);
}

static void a_body_that_is_refused_beforehand_is_not_kept(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "PUT", "/guarded", "Content-Length: 0\r\n");
    assert_int_equal(answer.status, 401);
    answer_finish(&answer);
    int fd = raw_dial(port);
    raw_send(fd, "PUT /guarded HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    answer = raw_receive(fd, false);
    assert_int_equal(answer.status, 401);
    answer_finish(&answer);
    raw_send(fd, "PUT /guarded HTTP/1.1\r\nHost: a\r\nX-Word: please\r\nContent-Length: 5\r\n\r\nworld");
    answer = raw_receive(fd, false);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "world");
    answer_finish(&answer);
    close(fd);
}

static void what_no_route_takes_is_a_problem(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "GET", "/unknown", "");
    assert_int_equal(answer.status, 404);
    assert_string_equal(answer_header(&answer, "Content-Type"), "application/problem+json");
    answer_finish(&answer);
    answer = raw_ask(port, "DELETE", "/body", "");
    assert_int_equal(answer.status, 405);
    assert_string_equal(answer_header(&answer, "Allow"), "PUT, OPTIONS");
    answer_finish(&answer);
}

static void options_answers_preflights_where_cors_is_on(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "OPTIONS", "/echo/x", "Origin: http://a\r\n");
    assert_int_equal(answer.status, 204);
    assert_string_equal(answer_header(&answer, "Access-Control-Allow-Methods"), "GET, HEAD, OPTIONS");
    assert_non_null(strstr(answer_header(&answer, "Access-Control-Allow-Headers"), "Authorization"));
    assert_non_null(answer_header(&answer, "Access-Control-Max-Age"));
    answer_finish(&answer);
    answer = raw_ask(port, "OPTIONS", "/body", "Origin: http://a\r\n");
    assert_int_equal(answer.status, 204);
    assert_null(answer_header(&answer, "Access-Control-Allow-Origin"));
    answer_finish(&answer);
}

static void malformed_requests_are_refused(void **state) {
    (void)state;
    assert_status("GET", "/echo/..", "", 400);
    assert_status("GET", "/echo/%00", "", 400);
    assert_status("GET", "/echo/%zz", "", 400);
    assert_status("GET", "/echo/x?q=%4", "", 400);
    assert_status("GET", "/echo/x?q=%00", "", 400);
    assert_status("GET", "/echo/x?%zz=1", "", 400);
    assert_status("PUT", "/body", "Content-Length: x\r\n", 400);
}

static void too_long_addresses_and_headers_are_refused(void **state) {
    (void)state;
    char *text = malloc(70000);
    memset(text, 'a', 70000);
    memcpy(text, "GET /echo/", 10);
    memcpy(text + 2000, " HTTP/1.1\r\nHost: x\r\n\r\n", 23);
    int fd = raw_dial(port);
    raw_send(fd, text);
    assert_int_equal(raw_receive(fd, true).status, 414);
    close(fd);
    memset(text, 'a', 70000);
    memcpy(text, "GET /echo/x HTTP/1.1\r\nHost: x\r\nX-Long: ", 39);
    memcpy(text + 60000, "\r\n\r\n", 5);
    fd = raw_dial(port);
    raw_send(fd, text);
    unsigned status = raw_receive(fd, true).status;
    assert_true(status == 431 || status == 413 || status == 0); /* the library may reset before it is read */
    close(fd);
    free(text);
}

static struct answer put(int fd, const char *framing, const void *body, size_t size, size_t chunk) {
    char head[256];
    snprintf(head, sizeof(head), "PUT /body HTTP/1.1\r\nHost: test\r\n%s\r\n\r\n", framing);
    raw_send(fd, head);
    for (size_t at = 0; chunk && at < size; at += chunk) {
        size_t part = size - at < chunk ? size - at : chunk;
        snprintf(head, sizeof(head), "%zx\r\n", part);
        raw_send(fd, head);
        raw_send_bytes(fd, (const char *)body + at, part);
        raw_send(fd, "\r\n");
    }
    if (chunk)
        raw_send(fd, "0\r\n\r\n");
    else
        raw_send_bytes(fd, body, size);
    return raw_receive(fd, false);
}

static void bodies_arrive_whole_and_keep_the_connection(void **state) {
    (void)state;
    char *body = malloc(most_body);
    for (size_t i = 0; i < most_body; i++)
        body[i] = (char)(i * 31);
    int fd = raw_dial(port);
    struct answer answer = put(fd, "Content-Length: 100000", body, most_body, 0);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body_bytes, most_body);
    assert_memory_equal(answer.body, body, most_body);
    answer_finish(&answer);
    answer = put(fd, "Transfer-Encoding: chunked", body, most_body, 7777);
    assert_int_equal(answer.body_bytes, most_body);
    assert_memory_equal(answer.body, body, most_body);
    answer_finish(&answer);
    answer = put(fd, "Content-Length: 0", "", 0, 0);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body_bytes, 0);
    answer_finish(&answer);
    close(fd);
    free(body);
}

static void too_large_bodies_are_refused(void **state) {
    (void)state;
    char *body = calloc(1, most_body + 1);
    int fd = raw_dial(port);
    struct answer answer = put(fd, "Content-Length: 100001", body, most_body + 1, 0);
    assert_int_equal(answer.status, 413);
    answer_finish(&answer);
    answer = put(fd, "Transfer-Encoding: chunked", body, most_body + 1, 5000);
    assert_int_equal(answer.status, 413);
    answer_finish(&answer);
    answer = put(fd, "Content-Length: 2", "ok", 2, 0); /* the connection is still good */
    assert_string_equal(answer.body, "ok");
    answer_finish(&answer);
    close(fd);
    fd = raw_dial(port);
    raw_send(fd, "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n");
    assert_int_equal(raw_receive(fd, true).status, 413);
    close(fd);
    fd = raw_dial(port); /* told before it sends */
    raw_send(fd, "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(raw_receive(fd, true).status, 413);
    close(fd);
    free(body);
}

static void an_endless_chunked_body_is_cut(void **state) {
    (void)state;
    static char chunk[65536];
    char head[32];
    int fd = raw_dial(port);
    raw_send(fd, "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    snprintf(head, sizeof(head), "%zx\r\n", sizeof(chunk));
    for (int i = 0; i < 200; i++) {
        raw_send(fd, head);
        raw_send_bytes(fd, chunk, sizeof(chunk));
        raw_send(fd, "\r\n");
    }
    assert_true(raw_is_closed(fd));
    close(fd);
}

static void a_body_cut_short_reaches_no_handler(void **state) {
    (void)state;
    int fd = raw_dial(port);
    raw_send(fd, "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    shutdown(fd, 1);
    assert_int_equal(raw_receive(fd, false).status, 0);
    close(fd);
}

static void a_dripping_head_is_cut(void **state) {
    (void)state;
    raw_assert_drip_is_cut(port, "GET /echo/x HTTP/1.1\r\nX-Slow: ");
}

static void a_dripping_body_is_cut(void **state) {
    (void)state;
    raw_assert_drip_is_cut(port, "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
}

static void pipelined_requests_are_answered_in_order(void **state) {
    (void)state;
    int fd = raw_dial(port);
    raw_send(fd, "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /echo/2 HTTP/1.1\r\nHost: x\r\n\r\n");
    for (const char *name = "1"; *name; name = *name == '1' ? "2" : "") {
        struct answer answer = raw_receive(fd, false);
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.body[strlen("GET /echo/")], *name);
        answer_finish(&answer);
    }
    close(fd);
}

static void a_handler_that_does_not_answer_gets_500(void **state) {
    (void)state;
    assert_status("GET", "/silent", "", 500);
    assert_status("GET", "/nothing", "", 500);
}

static void requests_are_counted(void **state) {
    (void)state;
    assert_status("GET", "/echo/x", "", 200);
    struct ph_builder builder = {0};
    ph_metrics_render(metrics, &builder);
    char *text = ph_builder_finish_string(&builder);
    assert_non_null(strstr(text, "porthole_http_requests_total{kind=\"echo\",status=\"200\"}"));
    assert_non_null(strstr(text, "porthole_http_requests_total{kind=\"unmatched\",status=\"404\"}"));
    assert_non_null(strstr(text, "porthole_http_response_bytes_total{kind=\"echo\"}"));
    assert_non_null(strstr(text, "porthole_http_request_duration_seconds_count{kind=\"echo\",held=\"no\"}"));
    assert_non_null(strstr(text, "porthole_http_connections "));
    assert_non_null(strstr(text, "porthole_http_held_requests 0"));
    free(text);
}

static void a_second_server_on_the_port_is_told_so(void **state) {
    (void)state;
    char listen[32];
    struct ph_error error;
    struct ph_http_server *second;
    snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
    struct ph_http_server_options options = {.listen = listen};
    assert_int_equal(ph_http_server_create(&second, &options, &error), 0);
    assert_int_equal(ph_http_server_start(second, &error), -EADDRINUSE);
    assert_non_null(strstr(error.text, "PORTHOLE_HTTP_LISTEN"));
    ph_http_server_destroy(second);
}

static void connections_over_the_limit_are_closed_at_once(void **state) {
    (void)state;
    struct ph_http_server *second;
    struct ph_http_server_options options = {.listen = "127.0.0.1:0", .threads = 2, .most_connections = 2};
    assert_int_equal(ph_http_server_create(&second, &options, NULL), 0);
    assert_int_equal(ph_http_server_start(second, NULL), 0);
    int fds[3];
    for (int i = 0; i < 3; i++) { /* each is counted when it has been answered */
        fds[i] = raw_dial(ph_http_server_port(second));
        raw_send(fds[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        struct answer answer = raw_receive(fds[i], false);
        assert_int_equal(answer.status, i < 2 ? 404 : 0);
        answer_finish(&answer);
    }
    close(fds[0]);
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    for (unsigned status = 0; status != 404 && ph_now_us() < deadline_us;) { /* the place is free again */
        struct answer answer = raw_ask(ph_http_server_port(second), "GET", "/", "");
        status = answer.status;
        answer_finish(&answer);
    }
    assert_true(ph_now_us() < deadline_us);
    close(fds[1]);
    close(fds[2]);
    ph_http_server_destroy(second);
}

static void ipv6_is_served(void **state) {
    (void)state;
    struct ph_http_server *second;
    struct ph_http_server_options options = {.listen = "[::]:0", .threads = 1};
    assert_int_equal(ph_http_server_create(&second, &options, NULL), 0);
    assert_int_equal(ph_http_server_start(second, NULL), 0);
    struct answer answer = raw_ask(ph_http_server_port(second), "GET", "/", ""); /* IPv4 on the same socket */
    assert_int_equal(answer.status, 404);
    answer_finish(&answer);
    ph_http_server_destroy(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_sees_all_of_the_request),
        cmocka_unit_test(a_long_query_value_finds_room),
        cmocka_unit_test(an_absolute_target_is_its_path),
        cmocka_unit_test(a_body_that_is_refused_beforehand_is_not_kept),
        cmocka_unit_test(what_no_route_takes_is_a_problem),
        cmocka_unit_test(options_answers_preflights_where_cors_is_on),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(too_long_addresses_and_headers_are_refused),
        cmocka_unit_test(bodies_arrive_whole_and_keep_the_connection),
        cmocka_unit_test(too_large_bodies_are_refused),
        cmocka_unit_test(an_endless_chunked_body_is_cut),
        cmocka_unit_test(a_body_cut_short_reaches_no_handler),
        cmocka_unit_test(a_dripping_head_is_cut),
        cmocka_unit_test(a_dripping_body_is_cut),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_handler_that_does_not_answer_gets_500),
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(a_second_server_on_the_port_is_told_so),
        cmocka_unit_test(connections_over_the_limit_are_closed_at_once),
        cmocka_unit_test(ipv6_is_served),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
