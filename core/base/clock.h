/* Time. Durations and instants are microseconds in int64_t, `_us` in the name.
 *
 * Pure code takes the time as an argument. Code that must ask takes a `struct ph_clock *`, so that a test can
 * move the time by hand. */
#ifndef PH_BASE_CLOCK_H
#define PH_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define PH_SECOND_US INT64_C(1000000)
#define PH_MILLISECOND_US INT64_C(1000)
/* A deadline that never comes. */
#define PH_NEVER_US INT64_MAX

struct ph_clock {
    int64_t (*monotonic_us)(struct ph_clock *clock);
    int64_t (*utc_us)(struct ph_clock *clock);
    unsigned (*steps)(struct ph_clock *clock); /* NULL: none is ever made */
};

/* The process's clocks: CLOCK_MONOTONIC, and UTC that does not jump (house_clock.h). Lives for ever. */
struct ph_clock *ph_clock_system(void);

static inline int64_t ph_clock_monotonic_us(struct ph_clock *clock) {
    return clock->monotonic_us(clock);
}
static inline int64_t ph_clock_utc_us(struct ph_clock *clock) {
    return clock->utc_us(clock);
}
/* How often UTC was put forward or back by more than it is moved by degrees. Who compares what others wrote
 * with the time asks whether this has changed. */
static inline unsigned ph_clock_steps(struct ph_clock *clock) {
    return clock->steps ? clock->steps(clock) : 0;
}
/* Whether it has since `known`, which becomes what it is. */
static inline bool ph_clock_has_stepped(struct ph_clock *clock, unsigned *known) {
    unsigned before = *known;
    *known = ph_clock_steps(clock);
    return *known != before;
}
/* Shorthands for the system's clock. */
int64_t ph_now_us(void);
int64_t ph_utc_now_us(void);

/* A clock that moves only when told to. Embedded; not thread-safe. */
struct ph_test_clock {
    struct ph_clock base;
    int64_t monotonic_us;
    int64_t utc_us;
    unsigned steps;
};
void ph_test_clock_init(struct ph_test_clock *clock, int64_t utc_us);
void ph_test_clock_advance(struct ph_test_clock *clock, int64_t duration_us);
/* UTC alone, by a step. */
void ph_test_clock_step(struct ph_test_clock *clock, int64_t by_us);

/* A condition variable that waits on CLOCK_MONOTONIC. 0 or -errno. */
int ph_cond_init(pthread_cond_t *cond);
/* Waits until signalled (0) or until ph_now_us() reaches the deadline (-ETIMEDOUT). May wake for no reason,
 * as condition variables do: check the condition in a loop. PH_NEVER_US waits without a deadline. */
int ph_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us);

#endif
