#include "core/media/storyboard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct ph_storyboard_sheet example = {
    .first_tile = 25, .tiles = 7, .columns = 5, .rows = 5, .width = 160, .height = 90, .interval_ms = 10000};

static void the_header_is_read_as_it_was_written(void **state) {
    (void)state;
    char text[PH_STORYBOARD_TEXT_BYTES];
    struct ph_storyboard_sheet sheet = {.first_tile = 25};
    ph_storyboard_header_write(&example, text);
    assert_string_equal(text, "7, 5, 5, 160, 90, 10000");
    assert_int_equal(ph_storyboard_header_parse(text, &sheet), 0);
    assert_memory_equal(&sheet, &example, sizeof(sheet));
    assert_int_equal(ph_storyboard_header_parse("7,5,5,160,90,10000", &sheet), 0);
}

static void headers_that_describe_no_sheet_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"", "7", "7, 5, 5, 160, 90", "7, 5, 5, 160, 90, 10000, 1",
        "0, 5, 5, 160, 90, 10000", "26, 5, 5, 160, 90, 10000", "1, 0, 5, 160, 90, 10000",
        "1, 17, 5, 160, 90, 10000", "1, 5, 5, 1025, 90, 10000", "1, 5, 5, 160, 0, 10000",
        "1, 5, 5, 160, 90, 99", "1, 5, 5, 160, 90, 3600001", "-1, 5, 5, 160, 90, 10000",
        "01, 5, 5, 160, 90, 10000", "1, 5, 5, 160, 90, 10000 ", "1; 5; 5; 160; 90; 10000",
        "99999999999999999999999, 5, 5, 160, 90, 10000"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ph_storyboard_sheet sheet;
        if (ph_storyboard_header_parse(texts[i], &sheet) != -EINVAL)
            fail_msg("taken: %s", texts[i]);
    }
}

static void a_file_is_named_by_its_first_tile(void **state) {
    (void)state;
    uint64_t first = 1;
    assert_int_equal(ph_storyboard_file_parse("0.jpg", &first), 0);
    assert_int_equal(first, 0);
    assert_int_equal(ph_storyboard_file_parse("125.jpg", &first), 0);
    assert_int_equal(first, 125);
    static const char *const names[] = {"", ".jpg", "a.jpg", "1.jpeg", "01.jpg", "1.jpg.jpg", "-1.jpg",
        "99999999999.jpg", "18446744073709551617.jpg", "index"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(ph_storyboard_file_parse(names[i], &first), -EINVAL);
}

/* The last line of a sheet counts; order, rubbish and a torn tail make no difference. */
static void the_index_tells_each_sheet_once(void **state) {
    (void)state;
    static const char text[] = "0, 1, 5, 5, 160, 90, 10000\n"
                               "0, 2, 5, 5, 160, 90, 10000\n"
                               "30, 1, 5, 5, 160, 90, 10000\n"
                               "0, 25, 5, 5, 160, 90, 10000\n"
                               "rubbish\n"
                               "\n"
                               "25, 3, 5, 5, 160, 90, 10000\n"
                               "30, 2, 5, 5, 160, 90, 100";
    const struct ph_slice index = {(const uint8_t *)text, strlen(text)};
    struct ph_storyboard_sheet sheets[3];
    assert_int_equal(ph_storyboard_index_parse(index, sheets, 3), 3);
    static const uint32_t firsts[] = {0, 25, 30}, tiles[] = {25, 3, 1};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sheets[i].first_tile, firsts[i]);
        assert_int_equal(sheets[i].tiles, tiles[i]);
    }
    assert_int_equal(ph_storyboard_index_parse(index, sheets, 1), 1);
    assert_int_equal(sheets[0].tiles, 25);
}

static void a_line_is_read_as_it_was_written(void **state) {
    (void)state;
    char line[PH_STORYBOARD_TEXT_BYTES];
    struct ph_storyboard_sheet sheet;
    ph_storyboard_line_write(&example, line);
    assert_string_equal(line, "25, 7, 5, 5, 160, 90, 10000\n");
    const struct ph_slice index = {(const uint8_t *)line, strlen(line)};
    assert_int_equal(ph_storyboard_index_parse(index, &sheet, 1), 1);
    assert_memory_equal(&sheet, &example, sizeof(sheet));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_read_as_it_was_written),
        cmocka_unit_test(headers_that_describe_no_sheet_are_refused),
        cmocka_unit_test(a_file_is_named_by_its_first_tile),
        cmocka_unit_test(the_index_tells_each_sheet_once),
        cmocka_unit_test(a_line_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
