#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/http/server.h"
#include "core/store/store_routes.h"
#include "tests/unit/http/raw_peer.h"
#include "tests/unit/support/store.h"

static const char origin[] = "http://archive.test";
static const char key[] = "recordings/a/recording.mp4";

static struct ph_test_clock test_clock;
static struct ph_store *store;
static struct ph_http_server *server;
static uint16_t port;
static char target[PH_STORE_URL_BYTES + 64];

static int serve(void **state) {
    (void)state;
    struct ph_store_options options;
    const struct ph_http_server_options listen = {.listen = "127.0.0.1:0", .threads = 1};
    const struct ph_store_put one = {.key = key, .bytes = {(const uint8_t *)"0123456789", 10}};
    if (ph_test_store_make() < 0)
        return -1;
    options = ph_test_store_options();
    ph_test_clock_init(&test_clock, INT64_C(1800000000) * PH_SECOND_US);
    options.clock = &test_clock.base;
    if (ph_store_create(&store, &options, NULL) < 0 || ph_http_server_create(&server, &listen, NULL) < 0 ||
        ph_store_add_routes(store, server) < 0 || ph_http_server_start(server, NULL) < 0)
        return -1;
    port = ph_http_server_port(server);
    return ph_store_put(store, &one, NULL);
}

static int stop_serving(void **state) {
    (void)state;
    ph_http_server_drain(server, ph_now_us() + PH_SECOND_US);
    ph_http_server_destroy(server);
    ph_store_destroy(store);
    return ph_test_store_remove();
}

/* Signs for `name`; what follows the host is in `target`. */
static void sign(const char *name, const char *filename) {
    char url[PH_STORE_URL_BYTES];
    const struct ph_store_link link = {.key = name, .filename = filename, .ttl_s = 60};
    assert_int_equal(ph_store_sign(store, &link, url), 0);
    assert_memory_equal(url, origin, sizeof(origin) - 1);
    snprintf(target, sizeof(target), "%s", url + sizeof(origin) - 1);
}

static void assert_answer(const char *method, const char *headers, unsigned status, const char *body) {
    struct answer answer = raw_ask(port, method, target, headers);
    assert_int_equal(answer.status, status);
    if (body)
        assert_string_equal(answer.body, body);
    assert_string_equal(answer_header(&answer, "Cache-Control"), "private");
    answer_finish(&answer);
}

static void who_has_the_address_gets_the_object(void **state) {
    (void)state;
    sign(key, NULL);
    struct answer answer = raw_ask(port, "GET", target, "");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "0123456789");
    assert_string_equal(answer_header(&answer, "Content-Type"), "video/mp4");
    assert_string_equal(answer_header(&answer, "Accept-Ranges"), "bytes");
    assert_string_equal(answer_header(&answer, "Access-Control-Allow-Origin"), "*");
    assert_null(answer_header(&answer, "Content-Disposition"));
    answer_finish(&answer);
}

static void a_part_of_it_can_be_had(void **state) {
    (void)state;
    char headers[256];
    struct ph_store_object object;
    sign(key, NULL);
    struct answer answer = raw_ask(port, "GET", target, "Range: bytes=2-4\r\n");
    assert_int_equal(answer.status, 206);
    assert_string_equal(answer.body, "234");
    assert_string_equal(answer_header(&answer, "Content-Range"), "bytes 2-4/10");
    answer_finish(&answer);
    assert_answer("GET", "Range: bytes=12-\r\n", 416, NULL);
    assert_int_equal(ph_store_head(store, key, &object), 0);
    snprintf(headers, sizeof(headers), "Range: bytes=8-\r\nIf-Range: \"%s\"\r\n", object.etag);
    assert_answer("GET", headers, 206, "89");
    assert_answer("GET", "Range: bytes=8-\r\nIf-Range: \"another\"\r\n", 200, "0123456789");
    snprintf(headers, sizeof(headers), "If-None-Match: \"%s\"\r\n", object.etag);
    assert_answer("GET", headers, 304, NULL);
}

static void its_size_can_be_asked_for(void **state) {
    (void)state;
    sign(key, NULL);
    int fd = raw_dial(port);
    char request[sizeof(target) + 64];
    snprintf(request, sizeof(request), "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    raw_send(fd, request);
    struct answer answer = raw_receive(fd, true);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Length"), "10");
    answer_finish(&answer);
    close(fd);
}

static void a_download_has_its_name(void **state) {
    (void)state;
    sign(key, "Zoë.mp4");
    struct answer answer = raw_ask(port, "GET", target, "");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Disposition"),
        "attachment; filename=\"Zo_.mp4\"; filename*=UTF-8''Zo%C3%AB.mp4");
    answer_finish(&answer);
    /* Nobody else chooses it. */
    char *name = strstr(target, "Zo_.mp4");
    assert_non_null(name);
    name[0] = 'X';
    assert_answer("GET", "", 403, NULL);
}

static void a_signature_is_for_one_object(void **state) {
    (void)state;
    char other[sizeof(target)];
    const struct ph_store_put one = {.key = "recordings/b/recording.mp4", .bytes = {(const uint8_t *)"x", 1}};
    assert_int_equal(ph_store_put(store, &one, NULL), 0);
    sign(key, NULL);
    snprintf(other, sizeof(other), "%s", target);
    memcpy(strstr(other, "/a/"), "/b/", 3);
    snprintf(target, sizeof(target), "%s", other);
    struct answer answer = raw_ask(port, "GET", target, "");
    assert_int_equal(answer.status, 403);
    assert_string_equal(answer_header(&answer, "Content-Type"), "application/problem+json");
    answer_finish(&answer);
    snprintf(target, sizeof(target), "/archive/%s", key);
    assert_answer("GET", "", 403, NULL);
    snprintf(target, sizeof(target), "/archive/.new/x");
    assert_answer("GET", "", 403, NULL);
}

static void any_other_byte_spoils_it(void **state) {
    (void)state;
    static const char *const names[] = {"X-Amz-Algorithm=", "X-Amz-Credential=", "X-Amz-Date=",
        "X-Amz-Expires=", "X-Amz-SignedHeaders=", "X-Amz-Signature="};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sign(key, NULL);
        char *value = strstr(target, names[i]);
        assert_non_null(value);
        value += strlen(names[i]);
        *value = *value == '1' ? '2' : '1';
        assert_answer("GET", "", 403, NULL);
    }
}

static void an_address_ends(void **state) {
    (void)state;
    sign(key, NULL);
    ph_test_clock_advance(&test_clock, 59 * PH_SECOND_US);
    assert_answer("GET", "", 200, NULL);
    ph_test_clock_advance(&test_clock, 2 * PH_SECOND_US);
    struct answer answer = raw_ask(port, "GET", target, "");
    assert_int_equal(answer.status, 403);
    assert_non_null(strstr(answer.body, "expired"));
    answer_finish(&answer);
}

static void what_was_removed_is_not_found(void **state) {
    (void)state;
    sign(key, NULL);
    assert_int_equal(ph_store_remove(store, key), 0);
    assert_answer("GET", "", 404, NULL);
}

static void an_address_lives_a_week_at_most(void **state) {
    (void)state;
    char url[PH_STORE_URL_BYTES];
    assert_int_equal(ph_store_sign(store, &(struct ph_store_link){.key = key, .ttl_s = 0}, url), -EINVAL);
    assert_int_equal(
        ph_store_sign(store, &(struct ph_store_link){.key = key, .ttl_s = 604801}, url), -EINVAL);
    assert_int_equal(ph_store_sign(store, &(struct ph_store_link){.key = key, .ttl_s = 604800}, url), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, serve, stop_serving)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(who_has_the_address_gets_the_object),
        CASE(a_part_of_it_can_be_had),
        CASE(its_size_can_be_asked_for),
        CASE(a_download_has_its_name),
        CASE(a_signature_is_for_one_object),
        CASE(any_other_byte_spoils_it),
        CASE(an_address_ends),
        CASE(what_was_removed_is_not_found),
        CASE(an_address_lives_a_week_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
