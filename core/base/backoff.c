#include "core/base/backoff.h"

#include "core/base/random.h"

static int64_t longest_us(unsigned failures, int64_t first_us, int64_t most_us) {
    int64_t wait_us = first_us;
    for (unsigned i = 1; i < failures && wait_us < most_us; i++)
        wait_us *= 2;
    return wait_us < most_us ? wait_us : most_us;
}

int64_t ph_backoff_us(unsigned failures, int64_t first_us, int64_t most_us) {
    return (int64_t)((double)longest_us(failures, first_us, most_us) * (0.5 + ph_random_unit()));
}

int64_t ph_backoff_within_us(unsigned failures, int64_t first_us, int64_t most_us) {
    return (int64_t)((double)longest_us(failures, first_us, most_us) * (0.5 + 0.5 * ph_random_unit()));
}
