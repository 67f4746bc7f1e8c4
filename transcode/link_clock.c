#include "transcode/link_clock.h"

#include "core/base/clock.h"

/* What jitter takes from the shortest way is less. */
static const int64_t leap_us = 10 * PH_MILLISECOND_US;
static const int64_t settling_us = 300 * PH_MILLISECOND_US;

void ph_link_clock_note(struct ph_link_clock *clock, int64_t link_us, int64_t local_us) {
    int64_t ahead_us = local_us - link_us;
    if (clock->noted_us) {
        int64_t known_us = atomic_load(&clock->ahead_us) + (local_us - clock->noted_us) / 1000;
        if (local_us - clock->noted_us < 1000 && ahead_us >= known_us)
            return;
        ahead_us = ahead_us < known_us ? ahead_us : known_us;
    }
    if (!clock->noted_us || clock->moved_ahead_us - ahead_us > leap_us) {
        clock->moved_ahead_us = ahead_us;
        atomic_store(&clock->moved_us, local_us);
    }
    clock->noted_us = local_us;
    atomic_store(&clock->ahead_us, ahead_us);
}

int64_t ph_link_clock_at(struct ph_link_clock *clock, int64_t local_us) {
    return local_us - atomic_load(&clock->ahead_us);
}

bool ph_link_clock_is_settled(struct ph_link_clock *clock, int64_t local_us) {
    return local_us - atomic_load(&clock->moved_us) > settling_us;
}
