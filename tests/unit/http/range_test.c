#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/range.h"

static void assert_part(const char *header, uint64_t total, uint64_t first, uint64_t size) {
    uint64_t got_first = 0, got_size = 0;
    assert_int_equal(ph_range_parse(header, total, &got_first, &got_size), PH_RANGE_PART);
    assert_int_equal(got_first, first);
    assert_int_equal(got_size, size);
}

static enum ph_range_verdict verdict(const char *header, uint64_t total) {
    uint64_t first, size;
    return ph_range_parse(header, total, &first, &size);
}

static void a_single_range_is_cut_to_the_body(void **state) {
    (void)state;
    assert_part("bytes=0-0", 10, 0, 1);
    assert_part("bytes=2-5", 10, 2, 4);
    assert_part("bytes=2-", 10, 2, 8);
    assert_part("bytes=2-99", 10, 2, 8);
    assert_part("BYTES = 9-9 ", 10, 9, 1);
    assert_part("bytes=0-99999999999999999999999", 10, 0, 10);
}

static void a_suffix_counts_from_the_end(void **state) {
    (void)state;
    assert_part("bytes=-3", 10, 7, 3);
    assert_part("bytes=-99", 10, 0, 10);
    assert_int_equal(verdict("bytes=-0", 10), PH_RANGE_UNSATISFIABLE);
}

static void what_lies_behind_the_end_is_unsatisfiable(void **state) {
    (void)state;
    assert_int_equal(verdict("bytes=10-", 10), PH_RANGE_UNSATISFIABLE);
    assert_int_equal(verdict("bytes=99999999999999999999999-", 10), PH_RANGE_UNSATISFIABLE);
    assert_int_equal(verdict("bytes=0-", 0), PH_RANGE_UNSATISFIABLE);
    assert_int_equal(verdict("bytes=-1", 0), PH_RANGE_UNSATISFIABLE);
}

static void what_is_malformed_or_manifold_gets_the_whole(void **state) {
    (void)state;
    static const char *const headers[] = {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2",
        "bytes=1-2,4-5", "items=0-1", "bytes=1 - 2", "bytes=--1", "bytes=+1-2", "bytes:0-1", "bytes=0-1x",
        "bytes=0x1-2"};
    assert_int_equal(verdict(NULL, 10), PH_RANGE_WHOLE);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_int_equal(verdict(headers[i], 10), PH_RANGE_WHOLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_range_is_cut_to_the_body),
        cmocka_unit_test(a_suffix_counts_from_the_end),
        cmocka_unit_test(what_lies_behind_the_end_is_unsatisfiable),
        cmocka_unit_test(what_is_malformed_or_manifold_gets_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
