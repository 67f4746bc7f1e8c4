#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/bytes.h"
#include "tests/unit/support/allocation_failure.h"

static void a_copy_is_its_own_memory(void **state) {
    (void)state;
    char source[] = "part";
    struct ph_bytes *bytes = ph_bytes_copy(source, 4);
    source[0] = 'X';
    assert_memory_equal(ph_bytes_data(bytes), "part", 4);
    assert_int_equal(ph_bytes_size(bytes), 4);
    ph_bytes_unref(&bytes);
    assert_null(bytes);
}

static void the_last_reference_frees(void **state) {
    (void)state;
    struct ph_bytes *bytes = ph_bytes_create(3);
    memcpy(ph_bytes_writable(bytes), "abc", 3);
    struct ph_bytes *second = ph_bytes_ref(bytes);
    assert_ptr_equal(bytes, second);
    ph_bytes_unref(&bytes);
    assert_memory_equal(ph_bytes_slice(second).data, "abc", 3);
    ph_bytes_unref(&second);
    ph_bytes_unref(&second);
}

static void an_adopted_block_is_not_copied(void **state) {
    (void)state;
    char *block = strdup("block");
    struct ph_bytes *bytes = ph_bytes_adopt(block, 5);
    assert_ptr_equal(ph_bytes_data(bytes), block);
    ph_bytes_unref(&bytes);
}

static void empty_bytes_have_data(void **state) {
    (void)state;
    struct ph_bytes *bytes = ph_bytes_copy(NULL, 0);
    assert_non_null(bytes);
    assert_int_equal(ph_bytes_size(bytes), 0);
    ph_bytes_unref(&bytes);
    assert_null(ph_bytes_ref(NULL));
}

static void an_impossible_size_is_refused(void **state) {
    (void)state;
    assert_null(ph_bytes_create(SIZE_MAX));
}

static int copy_and_adopt(void *opaque) {
    (void)opaque;
    struct ph_bytes *copy = ph_bytes_copy("x", 1);
    char *block = strdup("y"); /* adopt frees it when it fails */
    struct ph_bytes *adopted = block ? ph_bytes_adopt(block, 1) : NULL;
    int code = copy && adopted ? 0 : -ENOMEM;
    ph_bytes_unref(&copy);
    ph_bytes_unref(&adopted);
    return code;
}

static void failing_allocations_leak_nothing(void **state) {
    (void)state;
    ph_test_with_failing_allocations(copy_and_adopt, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_its_own_memory),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(an_adopted_block_is_not_copied),
        cmocka_unit_test(empty_bytes_have_data),
        cmocka_unit_test(an_impossible_size_is_refused),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
