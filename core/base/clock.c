#include "core/base/clock.h"

#include <errno.h>
#include <time.h>

#include "core/base/house_clock.h"

static int64_t read_us(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * PH_SECOND_US + now.tv_nsec / 1000;
}

int64_t ph_now_us(void) {
    return read_us(CLOCK_MONOTONIC);
}

int64_t ph_utc_now_us(void) {
    return ph_clock_utc_us(ph_clock_system());
}

static int64_t system_monotonic(struct ph_clock *clock) {
    (void)clock;
    return ph_now_us();
}

static int64_t machine_awake_or_not(struct ph_clock *clock) {
    (void)clock;
    return read_us(CLOCK_BOOTTIME);
}

static int64_t machine_utc(struct ph_clock *clock) {
    (void)clock;
    return read_us(CLOCK_REALTIME);
}

static struct ph_house_clock system_clock;

static void make_system_clock(void) {
    static struct ph_clock machine = {machine_awake_or_not, machine_utc, NULL};
    ph_house_clock_init(&system_clock, &machine);
    system_clock.base.monotonic_us = system_monotonic; /* what waits are told in */
}

struct ph_house_clock *ph_house_clock_system(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_system_clock);
    return &system_clock;
}

struct ph_clock *ph_clock_system(void) {
    return &ph_house_clock_system()->base;
}

static int64_t test_monotonic(struct ph_clock *clock) {
    return ((struct ph_test_clock *)clock)->monotonic_us;
}

static int64_t test_utc(struct ph_clock *clock) {
    return ((struct ph_test_clock *)clock)->utc_us;
}

static unsigned test_steps(struct ph_clock *clock) {
    return ((struct ph_test_clock *)clock)->steps;
}

void ph_test_clock_init(struct ph_test_clock *clock, int64_t utc_us) {
    *clock = (struct ph_test_clock){.base = {test_monotonic, test_utc, test_steps}, .utc_us = utc_us};
}

void ph_test_clock_advance(struct ph_test_clock *clock, int64_t duration_us) {
    clock->monotonic_us += duration_us;
    clock->utc_us += duration_us;
}

void ph_test_clock_step(struct ph_test_clock *clock, int64_t by_us) {
    clock->utc_us += by_us;
    clock->steps++;
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
