/* How long to wait before trying again. */
#ifndef PH_BASE_BACKOFF_H
#define PH_BASE_BACKOFF_H

#include <stdint.h>

/* After `failures` (1 or more) in a row: doubles from `first_us` up to `most_us`, times a random factor of
 * 0.5 to 1.5, so that those who failed together do not come back together. */
int64_t ph_backoff_us(unsigned failures, int64_t first_us, int64_t most_us);
/* The same times a factor of 0.5 to 1: never longer than `most_us`. */
int64_t ph_backoff_within_us(unsigned failures, int64_t first_us, int64_t most_us);

#endif
