#include "core/base/ticker.h"

#include "core/base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct counter {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* with lock */
    int count;              /* guarded by lock */
};

static void count(void *opaque) {
    struct counter *counter = opaque;
    pthread_mutex_lock(&counter->lock);
    counter->count++;
    pthread_cond_broadcast(&counter->changed);
    pthread_mutex_unlock(&counter->lock);
}

static void init(struct counter *counter) {
    *counter = (struct counter){.count = 0};
    pthread_mutex_init(&counter->lock, NULL);
    assert_int_equal(ph_cond_init(&counter->changed), 0);
}

static void finish(struct counter *counter) {
    pthread_cond_destroy(&counter->changed);
    pthread_mutex_destroy(&counter->lock);
}

static void it_ticks_again_and_again_until_it_is_stopped(void **state) {
    (void)state;
    struct counter counter;
    struct ph_ticker *ticker;
    init(&counter);
    struct ph_ticker_options options = {
        .name = "count", .period_us = PH_MILLISECOND_US, .tick = count, .opaque = &counter};
    assert_int_equal(ph_ticker_start(&ticker, &options), 0);
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    int code = 0;
    pthread_mutex_lock(&counter.lock);
    while (counter.count < 3 && code != -ETIMEDOUT)
        code = ph_cond_wait_until(&counter.changed, &counter.lock, deadline_us);
    pthread_mutex_unlock(&counter.lock);
    ph_ticker_stop(&ticker);
    assert_null(ticker);
    assert_true(counter.count >= 3); /* its thread is gone */
    ph_ticker_stop(&ticker);
    finish(&counter);
}

static void one_that_is_not_due_is_stopped_at_once(void **state) {
    (void)state;
    struct counter counter;
    struct ph_ticker *ticker;
    init(&counter);
    struct ph_ticker_options options = {.name = "count",
        .first_us = 3600 * PH_SECOND_US,
        .period_us = PH_SECOND_US,
        .tick = count,
        .opaque = &counter};
    assert_int_equal(ph_ticker_start(&ticker, &options), 0);
    ph_ticker_stop(&ticker);
    assert_int_equal(counter.count, 0);
    finish(&counter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ticks_again_and_again_until_it_is_stopped),
        cmocka_unit_test(one_that_is_not_due_is_stopped_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
