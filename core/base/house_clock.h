/* UTC that does not jump: what a process takes for the time of day.
 *
 * A machine's wall clock is set now and then: by NTP, by an operator, by a host that wakes its guests.
 * Tokens, leases and what waits in the database are told in UTC; a clock that jumps would end what lives and
 * keep what is over. So the house's time goes on as the monotonic clock does, and follows its source
 *
 *     where that is near (PH_HOUSE_CLOCK_NEAR_US)   by going a tenth faster or slower,
 *     where it is far                               once it has been as far for PH_HOUSE_CLOCK_DOUBT_US: in
 * one step, which ph_clock_steps() counts.
 *
 * The source is the machine's wall clock, or what all nodes share (the database's server) once that was heard
 * and as long as the machine's says something else. It is looked at when somebody asks for the time. */
#ifndef PH_BASE_HOUSE_CLOCK_H
#define PH_BASE_HOUSE_CLOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/clock.h"

#define PH_HOUSE_CLOCK_NEAR_US (60 * PH_SECOND_US)
#define PH_HOUSE_CLOCK_DOUBT_US (5 * 60 * PH_SECOND_US)

/* Embedded. Used from any thread. Offsets are to be added to the machine's monotonic clock. */
struct ph_house_clock {
    struct ph_clock base;
    struct ph_clock *machine; /* borrowed */
    pthread_mutex_t lock;
    _Atomic int64_t offset_us; /* written under lock */
    _Atomic int64_t looked_us; /* written under lock: monotonic */
    _Atomic unsigned steps;    /* written under lock */
    bool has_begun;            /* under lock, as the rest */
    bool has_heard;
    bool is_in_doubt;
    int64_t heard_us;       /* offset */
    int64_t doubted_us;     /* offset: what the source said when it was looked at last */
    int64_t doubt_since_us; /* monotonic */
};

/* It begins with what the machine's wall clock says when it is asked first. */
void ph_house_clock_init(struct ph_house_clock *clock, struct ph_clock *machine);
/* What the clock that all nodes share said, in the middle of a question and its answer that took so long.
 * What took longer than a second is not believed. The first one is, at once. */
void ph_house_clock_hear(struct ph_house_clock *clock, int64_t utc_us, int64_t round_trip_us);

struct ph_house_clock_view {
    int64_t machine_ahead_us; /* the machine's wall clock, before the house's */
    int64_t source_ahead_us;
    bool is_in_doubt; /* the source is far from the house's time, which does not follow it yet */
};
struct ph_house_clock_view ph_house_clock_look(struct ph_house_clock *clock);

/* The process's own, on the machine's clocks; what ph_clock_system() gives. Time that the machine sleeps
 * counts. */
struct ph_house_clock *ph_house_clock_system(void);

#endif
