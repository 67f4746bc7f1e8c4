#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/base/builder.h"
#include "tests/unit/support/allocation_failure.h"

static void numbers_are_big_endian(void **state) {
    (void)state;
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0};
    struct ph_builder builder = {0};
    ph_builder_u8(&builder, 1);
    ph_builder_u16(&builder, 0x0203);
    ph_builder_u24(&builder, 0x040506);
    ph_builder_u32(&builder, 0x0708090a);
    ph_builder_u64(&builder, 11);
    ph_builder_zeros(&builder, 2);
    struct ph_bytes *bytes = ph_builder_finish(&builder);
    assert_int_equal(ph_bytes_size(bytes), sizeof(expected));
    assert_memory_equal(ph_bytes_data(bytes), expected, sizeof(expected));
    assert_int_equal(builder.size, 0);
    ph_bytes_unref(&bytes);
}

static void text_longer_than_the_first_block_stays_whole(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    for (int i = 0; i < 1000; i++)
        ph_builder_format(&builder, "%03d,", i);
    char *text = ph_builder_finish_string(&builder);
    assert_int_equal(strlen(text), 4000);
    assert_memory_equal(text + 3996, "999,", 5);
    free(text);
}

static void a_size_is_patched_later(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    ph_builder_u32(&builder, 0);
    ph_builder_text(&builder, "moof");
    ph_builder_patch_u32(&builder, 0, (uint32_t)builder.size);
    assert_memory_equal(builder.data, "\0\0\0\10moof", 8);
    ph_builder_discard(&builder);
}

static void clearing_keeps_the_memory(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    ph_builder_text(&builder, "old");
    uint8_t *memory = builder.data;
    ph_builder_clear(&builder);
    ph_builder_text(&builder, "new");
    assert_ptr_equal(builder.data, memory);
    assert_int_equal(builder.size, 3);
    ph_builder_discard(&builder);
}

static void nothing_built_is_empty_bytes(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    struct ph_bytes *bytes = ph_builder_finish(&builder);
    assert_non_null(bytes);
    assert_int_equal(ph_bytes_size(bytes), 0);
    ph_bytes_unref(&bytes);
}

static void an_impossible_size_fails_and_is_remembered(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    ph_builder_text(&builder, "a");
    ph_builder_zeros(&builder, SIZE_MAX - 1);
    ph_builder_text(&builder, "b");
    assert_false(ph_builder_ok(&builder));
    assert_null(ph_builder_finish(&builder));
    assert_null(builder.data);
}

static int build(void *opaque) {
    (void)opaque;
    struct ph_builder builder = {0};
    for (int i = 0; i < 200; i++)
        ph_builder_format(&builder, "%d %s", i, "grows over several blocks");
    ph_builder_u32(&builder, 7);
    struct ph_bytes *bytes = ph_builder_finish(&builder);
    if (!bytes)
        return -ENOMEM;
    ph_bytes_unref(&bytes);
    return 0;
}

static void failing_allocations_are_reported_at_the_end(void **state) {
    (void)state;
    ph_test_with_failing_allocations(build, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_big_endian),
        cmocka_unit_test(text_longer_than_the_first_block_stays_whole),
        cmocka_unit_test(a_size_is_patched_later),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(nothing_built_is_empty_bytes),
        cmocka_unit_test(an_impossible_size_fails_and_is_remembered),
        cmocka_unit_test(failing_allocations_are_reported_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
