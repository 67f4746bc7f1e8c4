#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#include "origin/spool_index.h"

static const uint8_t part_bytes[] = "moof and mdat";
static const struct ph_part_head head = {.position = {123456, 9},
    .start_ticks = 7407360000,
    .duration_ticks = 6000,
    .independent = true,
    .last = true};

static void write_example(struct ph_builder *builder) {
    ph_spool_record_write(
        builder, &head, sizeof(part_bytes), (uint32_t)crc32_z(0, part_bytes, sizeof(part_bytes)));
}

static void a_line_is_read_as_it_was_written(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    struct ph_spool_record record;
    size_t consumed = 0;
    write_example(&builder);
    const struct ph_slice text = {builder.data, builder.size};
    assert_int_equal(ph_spool_record_parse(text, &record, &consumed), 0);
    assert_int_equal(consumed, builder.size);
    assert_int_equal(ph_part_position_compare(record.head.position, head.position), 0);
    assert_true(record.head.start_ticks == head.start_ticks);
    assert_int_equal(record.head.duration_ticks, head.duration_ticks);
    assert_true(record.head.independent && record.head.last && !record.head.gap);
    assert_int_equal(record.bytes, sizeof(part_bytes));
    uint32_t crc = (uint32_t)crc32_z(0, part_bytes, sizeof(part_bytes));
    assert_int_equal(ph_spool_record_check(text, &record, crc), record.check);
    ph_builder_discard(&builder);
}

static void a_line_torn_anywhere_is_no_line(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    write_example(&builder);
    for (size_t size = 0; size < builder.size; size++) {
        struct ph_spool_record record;
        size_t consumed;
        assert_int_equal(ph_spool_record_parse((struct ph_slice){builder.data, size}, &record, &consumed),
            PH_INVALID_DATA);
    }
    ph_builder_discard(&builder);
}

static void a_changed_byte_never_passes(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    uint32_t crc = (uint32_t)crc32_z(0, part_bytes, sizeof(part_bytes));
    write_example(&builder);
    for (size_t at = 0; at + 1 < builder.size; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t before = builder.data[at];
            struct ph_spool_record record;
            struct ph_slice text = {builder.data, builder.size};
            size_t consumed;
            builder.data[at] = (uint8_t)value;
            bool passes = ph_spool_record_parse(text, &record, &consumed) == 0 &&
                          ph_spool_record_check(text, &record, crc) == record.check;
            builder.data[at] = before;
            assert_int_equal(passes, value == before);
        }
    }
    ph_builder_discard(&builder);
}

static void strange_lines_are_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"\n", " \n", "1 2 3\n", "1 2 3 4 5 i\n", "1 2 3 4 5 i 0123456\n",
        "1 2 3 4 5 i 0123456g\n", "1 2 3 4 5 x 01234567\n", "-1 2 3 4 5 - 01234567\n",
        "1 4294967295 3 4 5 - 01234567\n", "99999999999999999999 2 3 4 5 - 01234567\n",
        "1 2 3 4 4294967296 - 01234567\n", "1  2 3 4 5 - 01234567\n"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ph_spool_record record;
        size_t consumed;
        const struct ph_slice text = {(const uint8_t *)wrong[i], strlen(wrong[i])};
        assert_int_equal(ph_spool_record_parse(text, &record, &consumed), PH_INVALID_DATA);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_read_as_it_was_written),
        cmocka_unit_test(a_line_torn_anywhere_is_no_line),
        cmocka_unit_test(a_changed_byte_never_passes),
        cmocka_unit_test(strange_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
