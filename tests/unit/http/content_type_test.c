#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/content_type.h"

static void the_ending_decides(void **state) {
    (void)state;
    assert_string_equal(ph_content_type("index.html"), "text/html; charset=utf-8");
    assert_string_equal(ph_content_type("assets/a.min.JS"), "text/javascript; charset=utf-8");
    assert_string_equal(ph_content_type("favicon.svg"), "image/svg+xml");
    assert_string_equal(ph_content_type("noending"), "application/octet-stream");
    assert_string_equal(ph_content_type("x.exe"), "application/octet-stream");
}

static void only_what_the_build_named_after_its_content_is_hashed(void **state) {
    (void)state;
    assert_true(ph_is_hashed_asset("assets/index-BkT3x9aQ.js"));
    assert_true(ph_is_hashed_asset("assets/index-B_T3-9aQ.js.map"));
    assert_false(ph_is_hashed_asset("index.html"));
    assert_false(ph_is_hashed_asset("assets/index.js"));
    assert_false(ph_is_hashed_asset("assets/-BkT3x9a.js"));
    assert_false(ph_is_hashed_asset("my-longname.js"));
    assert_false(ph_is_hashed_asset("assets/index-BkT3x9a!.js"));
    assert_false(ph_is_hashed_asset("assets/noending"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ending_decides),
        cmocka_unit_test(only_what_the_build_named_after_its_content_is_hashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
