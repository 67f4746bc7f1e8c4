#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/backoff.h"

struct range {
    int64_t least, most;
};

static struct range range_of(int64_t (*backoff)(unsigned, int64_t, int64_t), unsigned failures) {
    struct range range = {INT64_MAX, 0};
    for (int i = 0; i < 1000; i++) {
        int64_t wait = backoff(failures, 100, 1000);
        range.least = wait < range.least ? wait : range.least;
        range.most = wait > range.most ? wait : range.most;
    }
    return range;
}

static const int64_t doubled[] = {100, 200, 400, 800, 1000, 1000};

static void it_doubles_to_its_limit_around_a_random_factor(void **state) {
    (void)state;
    for (unsigned failures = 1; failures <= 6; failures++) {
        struct range range = range_of(ph_backoff_us, failures);
        int64_t middle = doubled[failures - 1];
        assert_in_range(range.least, middle / 2, middle * 6 / 10);
        assert_in_range(range.most, middle * 14 / 10, middle * 15 / 10);
    }
    assert_in_range(ph_backoff_us(4000000000U, 100, 1000), 500, 1500);
}

static void within_its_limit_it_is_half_of_it_at_least(void **state) {
    (void)state;
    for (unsigned failures = 1; failures <= 6; failures++) {
        struct range range = range_of(ph_backoff_within_us, failures);
        int64_t limit = doubled[failures - 1];
        assert_in_range(range.least, limit / 2, limit * 55 / 100);
        assert_in_range(range.most, limit * 95 / 100, limit);
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
