#include "core/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void bytes_come_back(void **state) {
    (void)state;
    const uint8_t bytes[] = {0x00, 0x9a, 0xf0, 0xff};
    uint8_t read[sizeof(bytes)];
    char text[2 * sizeof(bytes) + 1];
    ph_hex_write(bytes, sizeof(bytes), text);
    assert_string_equal(text, "009af0ff");
    assert_true(ph_hex_read(text, read, sizeof(read)));
    assert_memory_equal(read, bytes, sizeof(bytes));
    ph_hex_write(bytes, 0, text);
    assert_string_equal(text, "");
}

static void what_is_no_digit_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"0", "", "0g", "g0", "0A", "a ", "1\x80"};
    uint8_t byte;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(ph_hex_read(texts[i], &byte, 1));
    assert_true(ph_hex_read("0a and more", &byte, 1));
    assert_int_equal(byte, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(what_is_no_digit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
