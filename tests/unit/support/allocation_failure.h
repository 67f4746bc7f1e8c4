/* Runs a scenario again and again while its n-th allocation fails, n = 0, 1, 2 … until it passes without a
 * failure.
 *
 * The scenario returns 0 when it reached its end, a negative code (usually -ENOMEM) when an allocation failed
 * on the way; anything it owns must be freed in both cases (LeakSanitizer watches). Only allocations made by
 * the program's own objects are counted: shared libraries keep their malloc. */
#ifndef PH_TEST_ALLOCATION_FAILURE_H
#define PH_TEST_ALLOCATION_FAILURE_H

void ph_test_with_failing_allocations(int (*scenario)(void *opaque), void *opaque);

#endif
