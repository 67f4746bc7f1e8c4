#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/backoff.h"

static void it_doubles_to_its_limit_around_a_random_factor(void **state) {
    static const int64_t middles[] = {100, 200, 400, 800, 1000, 1000};
    (void)state;
    for (unsigned failures = 1; failures <= 6; failures++) {
        int64_t middle = middles[failures - 1], least = INT64_MAX, most = 0;
        for (int i = 0; i < 1000; i++) {
            int64_t wait = ph_backoff_us(failures, 100, 1000);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        assert_in_range(least, middle / 2, middle * 6 / 10);
        assert_in_range(most, middle * 14 / 10, middle * 15 / 10);
    }
    assert_in_range(ph_backoff_us(4000000000U, 100, 1000), 500, 1500);
}

static void within_its_limit_it_is_half_of_it_at_least(void **state) {
    static const int64_t limits[] = {100, 200, 400, 800, 1000, 1000};
    (void)state;
    for (unsigned failures = 1; failures <= 6; failures++) {
        int64_t limit = limits[failures - 1], least = INT64_MAX, most = 0;
        for (int i = 0; i < 1000; i++) {
            int64_t wait = ph_backoff_within_us(failures, 100, 1000);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        assert_in_range(least, limit / 2, limit * 55 / 100);
        assert_in_range(most, limit * 95 / 100, limit);
    }
    assert_in_range(ph_backoff_within_us(4000000000U, 100, 1000), 500, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_doubles_to_its_limit_around_a_random_factor),
        cmocka_unit_test(within_its_limit_it_is_half_of_it_at_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
