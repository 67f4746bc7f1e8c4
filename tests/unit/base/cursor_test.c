#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/cursor.h"

static const uint8_t wire[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0, 0, 0, 0, 11, 'a', 'b', 'c'};

static struct ph_cursor at_start(size_t size) {
    return ph_cursor_init((struct ph_slice){wire, size});
}

static void numbers_are_big_endian(void **state) {
    (void)state;
    struct ph_cursor cursor = at_start(sizeof(wire));
    assert_int_equal(ph_cursor_u8(&cursor), 1);
    assert_int_equal(ph_cursor_u16(&cursor), 0x0203);
    assert_int_equal(ph_cursor_u24(&cursor), 0x040506);
    assert_int_equal(ph_cursor_u32(&cursor), 0x0708090a);
    assert_int_equal(ph_cursor_u64(&cursor), 11);
    assert_int_equal(ph_cursor_remaining(&cursor), 3);
    ph_cursor_skip(&cursor, 1);
    assert_memory_equal(ph_cursor_rest(&cursor).data, "bc", 2);
    assert_true(ph_cursor_ok(&cursor));
}

static void reading_past_the_end_fails_for_good(void **state) {
    (void)state;
    struct ph_cursor cursor = at_start(3);
    assert_int_equal(ph_cursor_u32(&cursor), 0);
    assert_false(ph_cursor_ok(&cursor));
    assert_int_equal(ph_cursor_u8(&cursor), 0); /* although three bytes are there */
    assert_int_equal(ph_cursor_remaining(&cursor), 0);
}

static void a_huge_size_does_not_wrap(void **state) {
    (void)state;
    struct ph_cursor cursor = at_start(4);
    ph_cursor_u8(&cursor);
    assert_int_equal(ph_cursor_take(&cursor, SIZE_MAX).size, 0);
    assert_false(ph_cursor_ok(&cursor));
}

static void nothing_can_be_read_from_nothing(void **state) {
    (void)state;
    struct ph_cursor cursor = ph_cursor_init((struct ph_slice){NULL, 0});
    assert_int_equal(ph_cursor_rest(&cursor).size, 0);
    assert_true(ph_cursor_ok(&cursor));
    ph_cursor_skip(&cursor, 1);
    assert_false(ph_cursor_ok(&cursor));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_big_endian),
        cmocka_unit_test(reading_past_the_end_fails_for_good),
        cmocka_unit_test(a_huge_size_does_not_wrap),
        cmocka_unit_test(nothing_can_be_read_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
