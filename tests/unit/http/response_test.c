#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/http/server.h"
#include "tests/unit/http/raw_peer.h"
#include "tests/unit/support/allocation_failure.h"

/* The forms a shared response takes: whole, HEAD, 304, gzip, range. */
static struct ph_http_response *text, *chain, *file, *plain;
static struct ph_http_server *server;
static uint16_t port;

static struct ph_http_response *make_chain(void) {
    struct ph_bytes *blocks[] = {
        ph_bytes_copy("0123", 4), ph_bytes_copy("", 0), ph_bytes_copy("456789", 6), ph_bytes_copy("ab", 2)};
    struct ph_http_response *response = NULL;
    if (blocks[0] && blocks[1] && blocks[2] && blocks[3])
        response = ph_http_response_from_chain(200, "video/mp4", blocks, 4);
    for (int i = 0; i < 4; i++)
        ph_bytes_unref(&blocks[i]);
    if (response && ph_http_response_set_etag(response, "\"c1\""))
        ph_http_response_unref(&response);
    if (response)
        ph_http_response_allow_range(response);
    return response;
}

static struct ph_http_response *make_file(void) {
    int fd = memfd_create("body", MFD_CLOEXEC);
    if (fd < 0 || write(fd, "..0123456789ab..", 16) != 16)
        return NULL;
    struct ph_http_response *response = ph_http_response_from_file(200, "video/mp4", fd, 2, 12);
    if (response)
        ph_http_response_allow_range(response);
    return response;
}

static struct ph_http_response *make_text(void) {
    struct ph_http_response *response = ph_http_response_from_text(200, "text/plain", "a long text");
    struct ph_bytes *gzip = ph_bytes_copy("zipped", 6);
    int code = response && gzip ? 0 : -ENOMEM;
    if (!code)
        code = ph_http_response_set_gzip(response, gzip);
    if (!code)
        code = ph_http_response_set_etag(response, "\"t1\"");
    if (!code)
        code = ph_http_response_add_header(response, "Cache-Control", "max-age=5");
    ph_bytes_unref(&gzip);
    if (code)
        ph_http_response_unref(&response);
    return response;
}

static void send_shared(struct ph_http_request *request, void *opaque) {
    ph_http_respond(request, *(struct ph_http_response **)opaque);
}

static int start(void **state) {
    const struct ph_http_route routes[] = {
        {"GET", "/text", "text", send_shared, &text, 0, true, NULL, 0},
        {"GET", "/private", "text", send_shared, &text, 0, false, NULL, 0},
        {"GET", "/chain", "chain", send_shared, &chain, 0, false, NULL, 0},
        {"GET", "/file", "file", send_shared, &file, 0, false, NULL, 0},
        {"GET", "/plain", "plain", send_shared, &plain, 0, false, NULL, 0},
    };
    struct ph_http_server_options options = {.listen = "127.0.0.1:0", .threads = 2};
    (void)state;
    text = make_text();
    chain = make_chain();
    file = make_file();
    plain = ph_http_response_create(204);
    if (!text || !chain || !file || !plain)
        return -ENOMEM;
    return raw_serve(&server, &options, routes, sizeof(routes) / sizeof(routes[0]), &port);
}

static int stop(void **state) {
    (void)state;
    ph_http_server_destroy(server);
    ph_http_response_unref(&text);
    ph_http_response_unref(&chain);
    ph_http_response_unref(&file);
    ph_http_response_unref(&plain);
    return 0;
}

static void assert_header(const struct answer *answer, const char *name, const char *expected) {
    const char *value = answer_header(answer, name);
    if (!expected) {
        assert_null(value);
        return;
    }
    if (!value)
        fail_msg("%s is missing in %s", name, answer->head);
    assert_string_equal(value, expected);
}

static void the_whole_carries_its_headers(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "GET", "/text", "");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "a long text");
    assert_header(&answer, "Content-Length", "11");
    assert_header(&answer, "Content-Type", "text/plain");
    assert_header(&answer, "Cache-Control", "max-age=5");
    assert_header(&answer, "ETag", "\"t1\"");
    assert_header(&answer, "Vary", "Accept-Encoding");
    assert_header(&answer, "Content-Encoding", NULL);
    assert_header(&answer, "Access-Control-Allow-Origin", "*");
    assert_non_null(answer_header(&answer, "Date"));
    assert_non_null(
        strstr(answer_header(&answer, "Access-Control-Expose-Headers"), "Age, Date, ETag, Content-Length"));
    answer_finish(&answer);
}

static void cors_is_the_route_s_not_the_response_s(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "GET", "/private", "");
    assert_header(&answer, "Access-Control-Allow-Origin", NULL);
    answer_finish(&answer);
}

static void head_says_what_get_would(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "HEAD", "/chain", "Range: bytes=0-1\r\n");
    assert_int_equal(answer.status, 200);
    assert_header(&answer, "Content-Length", "12");
}

static void what_the_client_has_is_not_sent_again(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "GET", "/text", "If-None-Match: \"x\", W/\"t1\"\r\n");
    assert_int_equal(answer.status, 304);
    assert_header(&answer, "ETag", "\"t1\"");
    assert_header(&answer, "Cache-Control", "max-age=5");
    assert_header(&answer, "Content-Type", NULL);
    assert_header(&answer, "Vary", "Accept-Encoding");
    answer_finish(&answer);
    answer = raw_ask(port, "GET", "/text", "If-None-Match: \"t2\"\r\n");
    assert_int_equal(answer.status, 200);
    answer_finish(&answer);
}

static void gzip_goes_to_who_accepts_it(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "GET", "/text", "Accept-Encoding: br, gzip\r\n");
    assert_string_equal(answer.body, "zipped");
    assert_header(&answer, "Content-Encoding", "gzip");
    assert_header(&answer, "ETag", "W/\"t1\"");
    assert_header(&answer, "Vary", "Accept-Encoding");
    answer_finish(&answer);
    answer = raw_ask(port, "GET", "/text", "Accept-Encoding: gzip\r\nIf-None-Match: W/\"t1\"\r\n");
    assert_int_equal(answer.status, 304);
    assert_header(&answer, "ETag", "W/\"t1\"");
    assert_header(&answer, "Content-Encoding", NULL);
    answer_finish(&answer);
}

static void assert_range(
    const char *path, const char *headers, unsigned status, const char *body, const char *range) {
    struct answer answer = raw_ask(port, "GET", path, headers);
    assert_int_equal(answer.status, status);
    assert_string_equal(answer.body, body);
    assert_header(&answer, "Content-Range", range);
    assert_header(&answer, "Accept-Ranges", "bytes");
    answer_finish(&answer);
}

static void a_range_is_cut_out_of_blocks_and_files(void **state) {
    (void)state;
    static const char *const paths[] = {"/chain", "/file"};
    for (int i = 0; i < 2; i++) {
        assert_range(paths[i], "", 200, "0123456789ab", NULL);
        assert_range(paths[i], "Range: bytes=0-3\r\n", 206, "0123", "bytes 0-3/12");
        assert_range(paths[i], "Range: bytes=3-10\r\n", 206, "3456789a", "bytes 3-10/12");
        assert_range(paths[i], "Range: bytes=-1\r\n", 206, "b", "bytes 11-11/12");
        assert_range(paths[i], "Range: bytes=12-\r\n", 416, "", "bytes */12");
        assert_range(paths[i], "Range: bytes=0-1,3-4\r\n", 200, "0123456789ab", NULL);
    }
    assert_range("/chain", "Range: bytes=0-3\r\nIf-Range: \"c1\"\r\n", 206, "0123", "bytes 0-3/12");
    assert_range("/chain", "Range: bytes=0-3\r\nIf-Range: \"c0\"\r\n", 200, "0123456789ab", NULL);
    struct answer answer = raw_ask(port, "GET", "/chain", "Range: bytes=0-3\r\nIf-None-Match: \"c1\"\r\n");
    assert_int_equal(answer.status, 304);
    answer_finish(&answer);
}

static void a_response_that_forbids_ranges_stays_whole(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "GET", "/text", "Range: bytes=0-0\r\n");
    assert_int_equal(answer.status, 200);
    assert_header(&answer, "Accept-Ranges", NULL);
    answer_finish(&answer);
}

static void no_content_has_no_length(void **state) {
    (void)state;
    struct answer answer = raw_ask(port, "GET", "/plain", "");
    assert_int_equal(answer.status, 204);
    assert_header(&answer, "Content-Length", NULL);
    answer_finish(&answer);
}

static void forged_headers_are_refused(void **state) {
    (void)state;
    struct ph_http_response *response = ph_http_response_create(200);
    assert_int_equal(ph_http_response_add_header(response, "X", "a\r\nSet-Cookie: b"), -EINVAL);
    assert_int_equal(ph_http_response_add_header(response, "X: Y", "a"), -EINVAL);
    assert_int_equal(ph_http_response_add_header(response, "", "a"), -EINVAL);
    assert_int_equal(ph_http_response_set_etag(response, "unquoted"), -EINVAL);
    assert_int_equal(ph_http_response_set_etag(response, "\"a\"b\""), -EINVAL);
    assert_int_equal(ph_http_response_set_etag(response, "\"\n\""), -EINVAL);
    assert_int_equal(ph_http_response_set_etag(response, "\""), -EINVAL);
    assert_int_equal(ph_http_response_status(response), 200);
    ph_http_response_unref(&response);
    ph_http_response_unref(&response);
}

static int make_all(void *opaque) {
    (void)opaque;
    struct ph_http_response *made[] = {make_text(), make_chain(), make_file(),
        ph_http_response_problem(404, "Not Found", NULL), ph_http_response_create(204)};
    int code = 0;
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        if (!made[i])
            code = -ENOMEM;
        ph_http_response_unref(&made[i]);
    }
    return code;
}

static void failing_allocations_leak_nothing(void **state) {
    (void)state;
    ph_test_with_failing_allocations(make_all, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_carries_its_headers),
        cmocka_unit_test(cors_is_the_route_s_not_the_response_s),
        cmocka_unit_test(head_says_what_get_would),
        cmocka_unit_test(what_the_client_has_is_not_sent_again),
        cmocka_unit_test(gzip_goes_to_who_accepts_it),
        cmocka_unit_test(a_range_is_cut_out_of_blocks_and_files),
        cmocka_unit_test(a_response_that_forbids_ranges_stays_whole),
        cmocka_unit_test(no_content_has_no_length),
        cmocka_unit_test(forged_headers_are_refused),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
