#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/random.h"

static void an_id_is_lower_case_base32(void **state) {
    (void)state;
    char id[PH_SESSION_ID_BYTES], other[PH_SESSION_ID_BYTES];
    ph_random_id(id, PH_SESSION_ID_CHARACTERS);
    ph_random_id(other, PH_SESSION_ID_CHARACTERS);
    assert_int_equal(strlen(id), 26);
    assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz234567"), 26);
    assert_string_not_equal(id, other);
}

static void every_character_turns_up(void **state) {
    (void)state;
    char id[4097];
    ph_random_id(id, 4096);
    for (const char *p = "abcdefghijklmnopqrstuvwxyz234567"; *p; p++)
        assert_non_null(strchr(id, *p));
}

static void the_unit_interval_is_filled(void **state) {
    (void)state;
    int upper = 0;
    for (int i = 0; i < 1000; i++) {
        double unit = ph_random_unit();
        assert_true(unit >= 0 && unit < 1);
        upper += unit >= 0.5;
    }
    assert_in_range(upper, 350, 650);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_lower_case_base32),
        cmocka_unit_test(every_character_turns_up),
        cmocka_unit_test(the_unit_interval_is_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
