#include "core/base/backoff.h"

#include "core/base/random.h"

int64_t ph_backoff_us(unsigned failures, int64_t first_us, int64_t most_us) {
    int64_t wait_us = first_us;
    for (unsigned i = 1; i < failures && wait_us < most_us; i++)
        wait_us *= 2;
    if (wait_us > most_us)
        wait_us = most_us;
    return (int64_t)((double)wait_us * (0.5 + ph_random_unit()));
}
