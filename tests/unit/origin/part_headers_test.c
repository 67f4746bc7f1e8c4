#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "origin/part_headers.h"

static void headers_are_read(void **state) {
    (void)state;
    struct ph_part_head head = {.position = {7, 3}};
    struct ph_error error;
    const struct ph_part_headers all = {"6000", "123456789012", "1", "1", "0"};
    assert_int_equal(ph_part_headers_parse(&all, PH_TRACK_VIDEO, &head, &error), 0);
    assert_int_equal(head.position.segment, 7);
    assert_int_equal(head.duration_ticks, 6000);
    assert_true(head.start_ticks == 123456789012);
    assert_true(head.independent && head.last && !head.gap);

    const struct ph_part_headers least = {.duration = "1", .start = "0"};
    assert_int_equal(ph_part_headers_parse(&least, PH_TRACK_VIDEO, &head, &error), 0);
    assert_true(!head.independent && !head.last && !head.gap);
    assert_int_equal(ph_part_headers_parse(&least, PH_TRACK_AUDIO, &head, &error), 0);
    assert_true(head.independent);
}

static void wrong_headers_are_refused(void **state) {
    (void)state;
    const struct ph_part_headers wrong[] = {
        {.start = "0"},
        {.duration = "6000"},
        {.duration = "", .start = "0"},
        {.duration = "-1", .start = "0"},
        {.duration = "4294967296", .start = "0"},
        {.duration = "6000", .start = "-1"},
        {.duration = "6000", .start = "1234567890123456789"},
        {.duration = "6000", .start = "0x1"},
        {.duration = "6000", .start = "0", .independent = "yes"},
        {.duration = "6000", .start = "0", .last = "true"},
        {.duration = "6000", .start = "0", .gap = ""},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ph_part_head head = {0};
        struct ph_error error = {.text = ""};
        assert_int_equal(ph_part_headers_parse(&wrong[i], PH_TRACK_VIDEO, &head, &error), -EINVAL);
        assert_true(error.text[0] != '\0');
    }
}

static void arrival_times_are_microseconds(void **state) {
    (void)state;
    int64_t utc_us = 0;
    assert_int_equal(ph_part_headers_parse_time("1795232249750123", &utc_us), 0);
    assert_true(utc_us == 1795232249750123);
    assert_int_equal(ph_part_headers_parse_time("", &utc_us), -EINVAL);
    assert_int_equal(ph_part_headers_parse_time("12.5", &utc_us), -EINVAL);
    assert_int_equal(ph_part_headers_parse_time("9999999999999999999", &utc_us), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read),
        cmocka_unit_test(wrong_headers_are_refused),
        cmocka_unit_test(arrival_times_are_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
