#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/conditional.h"

static void a_list_matches_weakly(void **state) {
    (void)state;
    assert_true(ph_etag_list_matches("\"a\"", "\"a\""));
    assert_true(ph_etag_list_matches("\"x\", W/\"a\"", "\"a\""));
    assert_true(ph_etag_list_matches(" \"x\",\"a\" ", "W/\"a\""));
    assert_true(ph_etag_list_matches("*", "\"a\""));
    assert_true(ph_etag_list_matches("\"with, comma\", \"a\"", "\"a\""));
}

static void other_and_malformed_tags_do_not_match(void **state) {
    (void)state;
    static const char *const lists[] = {
        "", "\"b\"", "a", "\"a", "\"ab\"", "W/a", "\"x\" y \"a\"", "w/\"a\"", "\"x\",*"};
    assert_false(ph_etag_list_matches(NULL, "\"a\""));
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        assert_false(ph_etag_list_matches(lists[i], "\"a\""));
}

static void a_range_needs_the_same_strong_tag(void **state) {
    (void)state;
    assert_true(ph_if_range_holds(NULL, NULL));
    assert_true(ph_if_range_holds("\"a\"", "\"a\""));
    assert_false(ph_if_range_holds("\"b\"", "\"a\""));
    assert_false(ph_if_range_holds("W/\"a\"", "W/\"a\""));
    assert_false(ph_if_range_holds("Sat, 21 Nov 2026 03:52:48 GMT", "\"a\""));
    assert_false(ph_if_range_holds("\"a\"", NULL));
}

static void gzip_is_sent_to_who_accepts_it(void **state) {
    (void)state;
    static const char *const yes[] = {"gzip", "deflate, GZIP", "br;q=1.0, gzip;q=0.5", "*", "x-gzip",
        "gzip ; q=0.001", "identity;q=0,*;q=1"};
    static const char *const no[] = {
        "", "deflate", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "gzipped", "br, ,", "gzip;q="};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        assert_true(ph_accepts_gzip(yes[i]));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(ph_accepts_gzip(no[i]));
    assert_false(ph_accepts_gzip(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_matches_weakly),
        cmocka_unit_test(other_and_malformed_tags_do_not_match),
        cmocka_unit_test(a_range_needs_the_same_strong_tag),
        cmocka_unit_test(gzip_is_sent_to_who_accepts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
