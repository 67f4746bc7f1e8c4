#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/error.h"

static void setting_an_error_returns_its_code(void **state) {
    (void)state;
    struct ph_error error;
    assert_int_equal(ph_error_set(&error, -EINVAL, "line %d: %s", 3, "part_ms"), -EINVAL);
    assert_string_equal(error.text, "line 3: part_ms");
    assert_int_equal(ph_error_set(NULL, -ENOMEM, "nobody reads"), -ENOMEM);
}

static void a_long_sentence_is_cut(void **state) {
    (void)state;
    struct ph_error error;
    assert_int_equal(ph_error_set(&error, -1, "%2000d", 1), -1);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

static void codes_have_names(void **state) {
    (void)state;
    char name[64], cut[8];
    assert_string_equal(ph_error_name(-ENOENT, name, sizeof(name)), "No such file or directory");
    assert_string_equal(ph_error_name(PH_EOF, name, sizeof(name)), "end of stream");
    assert_string_equal(ph_error_name(PH_INVALID_DATA, name, sizeof(name)), "invalid data");
    assert_string_equal(ph_error_name(-987654, name, sizeof(name)), "unknown error");
    assert_string_equal(ph_error_name(-ENOENT, cut, sizeof(cut)), "No such");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_returns_its_code),
        cmocka_unit_test(a_long_sentence_is_cut),
        cmocka_unit_test(codes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
