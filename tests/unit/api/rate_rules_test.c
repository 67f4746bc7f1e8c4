#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/rate_rules.h"

static void what_is_not_named_keeps_its_default(void **state) {
    struct ph_rate_rules rules;
    (void)state;
    assert_int_equal(ph_rate_rules_parse("", &rules), 0);
    assert_int_equal(rules.rules[PH_RATE_ANONYMOUS].count, 100);
    assert_int_equal(rules.rules[PH_RATE_ANONYMOUS].period_s, 900);
    assert_int_equal(rules.rules[PH_RATE_FREE].count, 0);
    assert_int_equal(ph_rate_rules_parse("starts=3/7,chat=0/1", &rules), 0);
    assert_int_equal(rules.rules[PH_RATE_STARTS].count, 3);
    assert_int_equal(rules.rules[PH_RATE_STARTS].period_s, 7);
    assert_int_equal(rules.rules[PH_RATE_CHAT].count, 0);
    assert_int_equal(rules.rules[PH_RATE_CALLS].count, 600);
    assert_int_equal(ph_rate_rules_parse("off", &rules), 0);
    for (int i = 0; i < PH_RATE_CLASSES; i++)
        assert_int_equal(rules.rules[i].count, 0);
}

static void other_forms_are_refused(void **state) {
    static const char *const texts[] = {"starts", "starts=", "starts=3", "starts=3/", "starts=3/0",
        "starts=-1/2", "starts=3/7,", ",", "nonsense=3/7", "=3/7", "starts=3/7 ", "starts=1234567/7",
        "Starts=3/7"};
    struct ph_rate_rules rules;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (ph_rate_rules_parse(texts[i], &rules) != -EINVAL)
            fail_msg("\"%s\" is taken", texts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_named_keeps_its_default),
        cmocka_unit_test(other_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
