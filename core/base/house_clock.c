#include "core/base/house_clock.h"

#include <stdlib.h>

/* What is looked at more often would cost more than it tells. */
static const int64_t look_every_us = 10 * PH_MILLISECOND_US;
/* Nearer than this the machine's own is the finer one. */
static const int64_t agree_us = 250 * PH_MILLISECOND_US;
/* A clock in doubt may be set right by degrees meanwhile. */
static const int64_t same_doubt_us = 5 * PH_SECOND_US;
static const int64_t most_round_trip_us = PH_SECOND_US;

enum { SLEW_DIVISOR = 10 };

static struct ph_house_clock *house_of(struct ph_clock *clock) {
    return (struct ph_house_clock *)clock; /* `base` comes first */
}

static int64_t machine_offset_us(struct ph_house_clock *clock, int64_t now_us) {
    return ph_clock_utc_us(clock->machine) - now_us;
}

static void step_to(struct ph_house_clock *clock, int64_t offset_us) {
    atomic_store_explicit(&clock->offset_us, offset_us, memory_order_relaxed);
    clock->is_in_doubt = false;
}

/* By what there was time for since the last look; who looks beside others may come after them. */
static void slew_to(struct ph_house_clock *clock, int64_t ahead_us, int64_t now_us) {
    int64_t elapsed_us = now_us - atomic_load_explicit(&clock->looked_us, memory_order_relaxed);
    int64_t most_us = elapsed_us > 0 ? elapsed_us / SLEW_DIVISOR : 0;
    int64_t by_us = ahead_us > most_us ? most_us : ahead_us < -most_us ? -most_us : ahead_us;
    atomic_fetch_add_explicit(&clock->offset_us, by_us, memory_order_relaxed);
    clock->is_in_doubt = false;
}

/* Whether the source has said the same for long enough. */
static bool is_to_be_believed(struct ph_house_clock *clock, int64_t source_us, int64_t now_us) {
    if (!clock->is_in_doubt || llabs(source_us - clock->doubted_us) > same_doubt_us)
        clock->doubt_since_us = now_us;
    clock->is_in_doubt = true;
    clock->doubted_us = source_us;
    return now_us - clock->doubt_since_us >= PH_HOUSE_CLOCK_DOUBT_US;
}

/* The offset of what is followed. Under the lock. */
static int64_t source_us(struct ph_house_clock *clock, int64_t machine_us) {
    bool agree = !clock->has_heard || llabs(machine_us - clock->heard_us) <= agree_us;
    return agree ? machine_us : clock->heard_us;
}

static void follow(struct ph_house_clock *clock, int64_t now_us) {
    int64_t source = source_us(clock, machine_offset_us(clock, now_us));
    int64_t ahead_us = source - atomic_load_explicit(&clock->offset_us, memory_order_relaxed);
    if (!clock->has_begun) {
        step_to(clock, source);
        clock->has_begun = true;
    } else if (llabs(ahead_us) <= PH_HOUSE_CLOCK_NEAR_US) {
        slew_to(clock, ahead_us, now_us);
    } else if (is_to_be_believed(clock, source, now_us)) {
        step_to(clock, source);
        atomic_fetch_add_explicit(&clock->steps, 1, memory_order_release);
    }
    atomic_store_explicit(&clock->looked_us, now_us, memory_order_release);
}

static int64_t house_monotonic(struct ph_clock *base) {
    return ph_clock_monotonic_us(house_of(base)->machine);
}

static int64_t house_utc(struct ph_clock *base) {
    struct ph_house_clock *clock = house_of(base);
    int64_t now_us = ph_clock_monotonic_us(clock->machine);
    int64_t looked_us = atomic_load_explicit(&clock->looked_us, memory_order_acquire);
    if (looked_us == INT64_MIN) {
        /* Nobody goes on before there is a time. */
        pthread_mutex_lock(&clock->lock);
        if (!clock->has_begun)
            follow(clock, now_us);
        pthread_mutex_unlock(&clock->lock);
    } else if (now_us - looked_us >= look_every_us && pthread_mutex_trylock(&clock->lock) == 0) {
        follow(clock, now_us);
        pthread_mutex_unlock(&clock->lock);
    }
    return now_us + atomic_load_explicit(&clock->offset_us, memory_order_relaxed);
}

static unsigned house_steps(struct ph_clock *base) {
    return atomic_load_explicit(&house_of(base)->steps, memory_order_acquire);
}

void ph_house_clock_init(struct ph_house_clock *clock, struct ph_clock *machine) {
    *clock = (struct ph_house_clock){
        .base = {house_monotonic, house_utc, house_steps},
        .machine = machine,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .looked_us = INT64_MIN,
    };
}

void ph_house_clock_hear(struct ph_house_clock *clock, int64_t utc_us, int64_t round_trip_us) {
    if (round_trip_us > most_round_trip_us)
        return;
    (void)ph_clock_utc_us(&clock->base); /* it has begun */
    int64_t now_us = ph_clock_monotonic_us(clock->machine);
    pthread_mutex_lock(&clock->lock);
    bool is_first = !clock->has_heard;
    clock->has_heard = true;
    clock->heard_us = utc_us + round_trip_us / 2 - now_us;
    int64_t ahead_us = clock->heard_us - atomic_load_explicit(&clock->offset_us, memory_order_relaxed);
    if (is_first && llabs(ahead_us) > agree_us) {
        step_to(clock, clock->heard_us);
        atomic_fetch_add_explicit(&clock->steps, 1, memory_order_release);
    }
    pthread_mutex_unlock(&clock->lock);
}

struct ph_house_clock_view ph_house_clock_look(struct ph_house_clock *clock) {
    (void)ph_clock_utc_us(&clock->base);
    int64_t now_us = ph_clock_monotonic_us(clock->machine);
    pthread_mutex_lock(&clock->lock);
    int64_t offset_us = atomic_load_explicit(&clock->offset_us, memory_order_relaxed);
    int64_t machine_us = machine_offset_us(clock, now_us);
    struct ph_house_clock_view view = {
        machine_us - offset_us, source_us(clock, machine_us) - offset_us, clock->is_in_doubt};
    pthread_mutex_unlock(&clock->lock);
    return view;
}
