#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/http/static_files.h"
#include "tests/unit/http/raw_peer.h"
#include "tests/unit/support/allocation_failure.h"

static char folder[64];
static struct ph_http_static *files;
static struct ph_http_server *server;
static uint16_t port;

static const char *in_folder(const char *name) {
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/ph-static-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(mkdir(in_folder("assets"), 0700), 0);
    write_file("index.html", "<title>home</title>");
    write_file("watch.html", "<title>watch</title>");
    write_file("favicon.svg", "<svg/>");
    write_file(".hidden", "secret");
    write_file("assets/app-BkT3x9aQ.js", "let a;");
    write_file("assets/app-BkT3x9aQ.js.gz", "gz of it");
    assert_int_equal(symlink("/etc/passwd", in_folder("assets/passwd")), 0);
    return 0;
}

static int remove_folder(void **state) {
    static const char *const names[] = {"index.html", "watch.html", "favicon.svg", ".hidden",
        "assets/app-BkT3x9aQ.js", "assets/app-BkT3x9aQ.js.gz", "assets/passwd"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(in_folder(names[i]));
    rmdir(in_folder("assets"));
    return rmdir(folder);
}

static void serve(const char *dir) {
    static const struct ph_http_page pages[] = {
        {"/", NULL}, {"/watch/{session}", "watch.html"}, {"/ops", "gone.html"}, {NULL, NULL}};
    struct ph_http_server_options options = {.listen = "127.0.0.1:0", .threads = 1};
    assert_int_equal(ph_http_static_load(&files, dir, "", NULL), 0);
    assert_int_equal(ph_http_server_create(&server, &options, NULL), 0);
    assert_int_equal(ph_http_static_add(files, server, pages), 0);
    assert_int_equal(ph_http_server_start(server, NULL), 0);
    port = ph_http_server_port(server);
}

static void stop_serving(void) {
    ph_http_server_destroy(server);
    ph_http_static_destroy(files);
}

static void assert_answer(const char *target, const char *headers, unsigned status, const char *body) {
    struct answer answer = raw_ask(port, "GET", target, headers);
    if (answer.status != status)
        fail_msg("%s: %u instead of %u", target, answer.status, status);
    if (body)
        assert_string_equal(answer.body, body);
    answer_finish(&answer);
}

static void pages_and_files_are_served(void **state) {
    (void)state;
    serve(folder);
    assert_answer("/", "", 200, "<title>home</title>");
    assert_answer("/watch/s1?token=t", "", 200, "<title>watch</title>");
    assert_answer("/index.html", "", 200, "<title>home</title>");
    assert_answer("/favicon.svg", "", 200, "<svg/>");
    assert_answer("/assets/app-BkT3x9aQ.js", "", 200, "let a;");
    assert_answer("/assets/app-BkT3x9aQ.js", "Accept-Encoding: gzip\r\n", 200, "gz of it");
    assert_answer("/ops", "", 503, NULL);
    stop_serving();
}

static void nothing_else_is_served(void **state) {
    (void)state;
    static const char *const targets[] = {"/assets/nothing.js", "/assets/passwd",
        "/assets/app-BkT3x9aQ.js.gz", "/.hidden", "/assets/", "/assets"};
    static const char *const hostile[] = {"/assets/../index.html", "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd", "/assets/%00", "/assets//../../etc/passwd"};
    serve(folder);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        assert_answer(targets[i], "", 404, NULL);
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
        assert_answer(hostile[i], "", 400, NULL);
    stop_serving();
}

static void pages_are_locked_down_and_assets_cached(void **state) {
    (void)state;
    serve(folder);
    struct answer answer = raw_ask(port, "GET", "/", "");
    const char *policy = answer_header(&answer, "Content-Security-Policy");
    assert_non_null(strstr(policy, "script-src 'self';"));
    assert_non_null(strstr(policy, "media-src 'self' blob:"));
    assert_non_null(strstr(policy, "worker-src 'self' blob:"));
    assert_string_equal(answer_header(&answer, "Referrer-Policy"), "no-referrer");
    assert_string_equal(answer_header(&answer, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(answer_header(&answer, "Cache-Control"), "no-cache");
    char condition[128];
    snprintf(condition, sizeof(condition), "If-None-Match: %s\r\n", answer_header(&answer, "ETag"));
    answer_finish(&answer);
    assert_answer("/", condition, 304, NULL);
    answer = raw_ask(port, "GET", "/assets/app-BkT3x9aQ.js", "");
    assert_string_equal(answer_header(&answer, "Cache-Control"), "public, max-age=31536000, immutable");
    assert_string_equal(answer_header(&answer, "Content-Type"), "text/javascript; charset=utf-8");
    assert_null(answer_header(&answer, "Content-Security-Policy"));
    answer_finish(&answer);
    stop_serving();
}

static void a_missing_folder_says_what_to_run(void **state) {
    (void)state;
    serve(in_folder("nowhere"));
    struct answer answer = raw_ask(port, "GET", "/", "");
    assert_int_equal(answer.status, 503);
    assert_non_null(strstr(answer.body, "scripts/setup"));
    answer_finish(&answer);
    stop_serving();
}

static int load(void *opaque) {
    (void)opaque;
    struct ph_http_static *own;
    int code = ph_http_static_load(&own, folder, "", NULL);
    ph_http_static_destroy(own);
    return code;
}

static void failing_allocations_leak_nothing(void **state) {
    (void)state;
    ph_test_with_failing_allocations(load, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_and_files_are_served),
        cmocka_unit_test(nothing_else_is_served),
        cmocka_unit_test(pages_are_locked_down_and_assets_cached),
        cmocka_unit_test(a_missing_folder_says_what_to_run),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
