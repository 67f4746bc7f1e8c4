#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/outbox/retry.h"

static void waits_double_up_to_an_hour_and_vary_by_half(void **state) {
    (void)state;
    assert_int_equal(ph_retry_wait_ms(1, 0.5), 5000);
    assert_int_equal(ph_retry_wait_ms(2, 0.5), 10000);
    assert_int_equal(ph_retry_wait_ms(4, 0.5), 40000);
    assert_int_equal(ph_retry_wait_ms(1, 0), 2500);
    assert_in_range(ph_retry_wait_ms(1, 0.999), 7400, 7500);
    assert_int_equal(ph_retry_wait_ms(100, 0.5), 3600 * 1000);
    assert_int_equal(ph_retry_wait_ms(INT64_MAX, 0.5), 3600 * 1000);
}

static void replies_are_judged_by_stage_and_class(void **state) {
    static const struct {
        enum ph_smtp_stage stage;
        const char *reply;
        enum ph_smtp_verdict verdict;
    } table[] = {
        {PH_SMTP_MAIL, "250 2.1.0 Ok", PH_SMTP_GO_ON},
        {PH_SMTP_RCPT, "251 User not local; will forward", PH_SMTP_GO_ON},
        {PH_SMTP_DATA, "354 go ahead", PH_SMTP_GO_ON},
        {PH_SMTP_DATA, "250 what?", PH_SMTP_LATER},
        {PH_SMTP_CONTENT, "250 queued", PH_SMTP_GO_ON},
        {PH_SMTP_RCPT, "450 4.2.1 busy", PH_SMTP_LATER},
        {PH_SMTP_RCPT, "451 greylisted", PH_SMTP_LATER},
        {PH_SMTP_MAIL, "421 closing", PH_SMTP_LATER},
        {PH_SMTP_CONTENT, "452 4.3.1 full", PH_SMTP_LATER},
        {PH_SMTP_MAIL, "530 5.7.0 Authentication required", PH_SMTP_LATER},
        {PH_SMTP_MAIL, "553 5.7.1 Sender address rejected", PH_SMTP_LATER},
        {PH_SMTP_RCPT, "530 5.7.0 Must issue STARTTLS", PH_SMTP_LATER},
        {PH_SMTP_RCPT, "550 5.1.1 No such user", PH_SMTP_NO_MAILBOX},
        {PH_SMTP_RCPT, "550 5.1.10 Null MX", PH_SMTP_NO_MAILBOX},
        {PH_SMTP_RCPT, "550 5.2.1 disabled", PH_SMTP_NO_MAILBOX},
        {PH_SMTP_RCPT, "550 5.7.1 Rejected by policy", PH_SMTP_REFUSED},
        {PH_SMTP_RCPT, "552 5.2.2 Mailbox full", PH_SMTP_REFUSED},
        {PH_SMTP_RCPT, "550 No such user", PH_SMTP_NO_MAILBOX},
        {PH_SMTP_RCPT, "550", PH_SMTP_NO_MAILBOX},
        {PH_SMTP_RCPT, "554 Relay access denied", PH_SMTP_REFUSED},
        {PH_SMTP_CONTENT, "550 5.7.1 spam", PH_SMTP_REFUSED},
        {PH_SMTP_CONTENT, "554 5.6.0 no", PH_SMTP_REFUSED},
        {PH_SMTP_RCPT, "", PH_SMTP_LATER},
        {PH_SMTP_RCPT, "999 what", PH_SMTP_LATER},
        {PH_SMTP_RCPT, "-5 what", PH_SMTP_LATER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (ph_smtp_judge(table[i].stage, table[i].reply) != table[i].verdict)
            fail_msg("stage %d, \"%s\": %d", table[i].stage, table[i].reply,
                ph_smtp_judge(table[i].stage, table[i].reply));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_an_hour_and_vary_by_half),
        cmocka_unit_test(replies_are_judged_by_stage_and_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
