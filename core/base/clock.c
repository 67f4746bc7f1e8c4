#include "core/base/clock.h"

#include <errno.h>
#include <time.h>

static int64_t read_us(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * PH_SECOND_US + now.tv_nsec / 1000;
}

int64_t ph_now_us(void) {
    return read_us(CLOCK_MONOTONIC);
}

int64_t ph_utc_now_us(void) {
    return read_us(CLOCK_REALTIME);
}

static int64_t system_monotonic(struct ph_clock *clock) {
    (void)clock;
    return ph_now_us();
}

static int64_t system_utc(struct ph_clock *clock) {
    (void)clock;
    return ph_utc_now_us();
}

struct ph_clock *ph_clock_system(void) {
    static struct ph_clock clock = {system_monotonic, system_utc};
    return &clock;
}

static int64_t test_monotonic(struct ph_clock *clock) {
    return ((struct ph_test_clock *)clock)->monotonic_us;
}

static int64_t test_utc(struct ph_clock *clock) {
    return ((struct ph_test_clock *)clock)->utc_us;
}

void ph_test_clock_init(struct ph_test_clock *clock, int64_t utc_us) {
    *clock = (struct ph_test_clock){{test_monotonic, test_utc}, 0, utc_us};
}

void ph_test_clock_advance(struct ph_test_clock *clock, int64_t duration_us) {
    clock->monotonic_us += duration_us;
    clock->utc_us += duration_us;
}

int ph_cond_init(pthread_cond_t *cond) {
    pthread_condattr_t attributes;
    int code = pthread_condattr_init(&attributes);
    if (code)
        return -code;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    code = pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return -code;
}

int ph_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us) {
    if (deadline_us == PH_NEVER_US)
        return -pthread_cond_wait(cond, mutex);
    if (deadline_us < 0)
        deadline_us = 0;
    struct timespec deadline = {deadline_us / PH_SECOND_US, deadline_us % PH_SECOND_US * 1000};
    return -pthread_cond_timedwait(cond, mutex, &deadline);
}
