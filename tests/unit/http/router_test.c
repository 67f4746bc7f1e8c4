#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/router.h"
#include "tests/unit/support/allocation_failure.h"

static int page, playlist, any_file, put_file, assets, root, anything;
static struct ph_router *router;
static char buffer[64];

static int add_all(struct ph_router *to) {
    int code = ph_router_add(to, "GET", "/live/{session}/{track}/{file}", &any_file);
    if (!code)
        code = ph_router_add(to, "PUT", "/live/{session}/{track}/{file}", &put_file);
    if (!code)
        code = ph_router_add(to, "GET", "/live/{session}/{track}/index.m3u8", &playlist);
    if (!code)
        code = ph_router_add(to, "GET", "/assets/{path...}", &assets);
    if (!code)
        code = ph_router_add(to, "GET", "/watch/{session}", &page);
    if (!code)
        code = ph_router_add(to, NULL, "/any", &anything);
    if (!code)
        code = ph_router_add(to, "GET", "/", &root);
    return code;
}

static int create(void **state) {
    (void)state;
    return ph_router_create(&router) || add_all(router);
}

static int destroy(void **state) {
    (void)state;
    ph_router_destroy(router);
    return 0;
}

static struct ph_router_match find(const char *method, const char *path) {
    size_t used;
    struct ph_router_match match = ph_router_find(router, method, path, buffer, sizeof(buffer), &used);
    assert_true(used <= sizeof(buffer));
    return match;
}

static void parameters_are_captured_and_decoded(void **state) {
    (void)state;
    struct ph_router_match match = find("GET", "/live/s%311/v720/7.0.m4s");
    assert_int_equal(match.verdict, PH_ROUTER_FOUND);
    assert_ptr_equal(match.target, &any_file);
    assert_int_equal(match.param_count, 3);
    assert_string_equal(match.params[0].name, "session");
    assert_string_equal(match.params[0].value, "s11");
    assert_string_equal(match.params[2].value, "7.0.m4s");
}

static void a_literal_beats_a_parameter(void **state) {
    (void)state;
    assert_ptr_equal(find("GET", "/live/s1/v720/index.m3u8").target, &playlist);
    assert_ptr_equal(find("GET", "/live/s1/v720/index.m3u8x").target, &any_file);
    assert_ptr_equal(find("PUT", "/live/s1/v720/index.m3u8").target, &put_file);
}

static void the_rest_keeps_its_slashes_and_may_be_empty(void **state) {
    (void)state;
    assert_string_equal(find("GET", "/assets/a/b%20c/d.js").params[0].value, "a/b c/d.js");
    assert_string_equal(find("GET", "/assets/").params[0].value, "");
    assert_string_equal(find("GET", "/assets").params[0].value, "");
}

static void the_root_is_a_path_of_its_own(void **state) {
    (void)state;
    assert_ptr_equal(find("GET", "/").target, &root);
    assert_int_equal(find("GET", "//").verdict, PH_ROUTER_NOT_FOUND);
}

static void head_is_answered_by_get(void **state) {
    (void)state;
    assert_ptr_equal(find("HEAD", "/watch/s1").target, &page);
}

static void a_route_without_method_takes_any(void **state) {
    (void)state;
    assert_ptr_equal(find("PATCH", "/any").target, &anything);
}

static void a_wrong_method_lists_the_right_ones(void **state) {
    (void)state;
    struct ph_router_match match = find("POST", "/live/s1/v720/index.m3u8");
    assert_int_equal(match.verdict, PH_ROUTER_WRONG_METHOD);
    assert_ptr_equal(match.target, &playlist);
    assert_string_equal(match.allow, "GET, HEAD, PUT, OPTIONS");
}

static void unknown_and_empty_segments_are_not_found(void **state) {
    (void)state;
    static const char *const paths[] = {"/watch", "/watch/", "/watch/s1/", "/watch//s1", "/nothing",
        "/live/s1/v720", "/Watch/s1", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(find("GET", paths[i]).verdict, PH_ROUTER_NOT_FOUND);
}

static void treacherous_paths_are_refused(void **state) {
    (void)state;
    static const char *const paths[] = {"", "watch/s1", "*", "/watch/..", "/watch/%2e%2E",
        "/assets/../secret", "/assets/./x", "/watch/%2fetc", "/watch/a%5cb", "/watch/%00", "/watch/s%0a",
        "/watch/%", "/watch/%4", "/watch/%zz", "/watch/\x7f", "/watch/%4/"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(find("GET", paths[i]).verdict, PH_ROUTER_BAD_PATH);
}

static void a_path_longer_than_the_buffer_is_refused(void **state) {
    (void)state;
    char path[2 * sizeof(buffer)];
    memset(path, 'a', sizeof(path));
    memcpy(path, "/watch/", 7);
    path[sizeof(buffer) - 1] = '\0';
    assert_int_equal(find("GET", path).verdict, PH_ROUTER_FOUND);
    path[sizeof(buffer) - 1] = 'a';
    path[sizeof(buffer)] = '\0';
    assert_int_equal(find("GET", path).verdict, PH_ROUTER_TOO_LONG);
}

static void malformed_patterns_are_refused(void **state) {
    (void)state;
    static const char *const patterns[] = {
        "", "live", "/live/", "//", "/{}", "/{a", "/a}", "/{a}b", "/{p...}/x", "/{...}"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        assert_int_equal(ph_router_add(router, "GET", patterns[i], &root), -EINVAL);
    assert_int_equal(ph_router_add(router, "GET", "/watch/{other}", &root), -EEXIST);
}

static int build_router(void *opaque) {
    (void)opaque;
    struct ph_router *own;
    int code = ph_router_create(&own);
    if (!code)
        code = add_all(own);
    ph_router_destroy(own);
    return code;
}

static void failing_allocations_leak_nothing(void **state) {
    (void)state;
    ph_test_with_failing_allocations(build_router, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_captured_and_decoded),
        cmocka_unit_test(a_literal_beats_a_parameter),
        cmocka_unit_test(the_rest_keeps_its_slashes_and_may_be_empty),
        cmocka_unit_test(the_root_is_a_path_of_its_own),
        cmocka_unit_test(head_is_answered_by_get),
        cmocka_unit_test(a_route_without_method_takes_any),
        cmocka_unit_test(a_wrong_method_lists_the_right_ones),
        cmocka_unit_test(unknown_and_empty_segments_are_not_found),
        cmocka_unit_test(treacherous_paths_are_refused),
        cmocka_unit_test(a_path_longer_than_the_buffer_is_refused),
        cmocka_unit_test(malformed_patterns_are_refused),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, create, destroy);
}
