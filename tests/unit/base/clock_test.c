#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "core/base/clock.h"

static void the_test_clock_moves_when_told(void **state) {
    (void)state;
    struct ph_test_clock clock;
    ph_test_clock_init(&clock, 1000);
    assert_int_equal(ph_clock_monotonic_us(&clock.base), 0);
    ph_test_clock_advance(&clock, 5 * PH_SECOND_US);
    assert_int_equal(ph_clock_monotonic_us(&clock.base), 5000000);
    assert_int_equal(ph_clock_utc_us(&clock.base), 5001000);
}

static void the_system_clock_is_the_machine_s(void **state) {
    (void)state;
    int64_t before_us = ph_now_us();
    assert_true(ph_clock_monotonic_us(ph_clock_system()) >= before_us);
    assert_true(ph_clock_utc_us(ph_clock_system()) > INT64_C(1700000000) * PH_SECOND_US);
}

static void waiting_ends_at_the_deadline_even_a_past_one(void **state) {
    (void)state;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond;
    assert_int_equal(ph_cond_init(&cond), 0);
    pthread_mutex_lock(&mutex);
    int64_t deadline_us = ph_now_us() + 10 * PH_MILLISECOND_US;
    while (ph_cond_wait_until(&cond, &mutex, deadline_us) != -ETIMEDOUT) {
    }
    assert_true(ph_now_us() >= deadline_us);
    assert_int_equal(ph_cond_wait_until(&cond, &mutex, 0), -ETIMEDOUT);
    assert_int_equal(ph_cond_wait_until(&cond, &mutex, -7), -ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&cond);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_test_clock_moves_when_told),
        cmocka_unit_test(the_system_clock_is_the_machine_s),
        cmocka_unit_test(waiting_ends_at_the_deadline_even_a_past_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
