#include "transcode/link_clock.h"

void ph_link_clock_note(struct ph_link_clock *clock, int64_t link_us, int64_t local_us) {
    int64_t ahead_us = local_us - link_us;
    if (clock->noted_us) {
        int64_t known_us = atomic_load(&clock->ahead_us) + (local_us - clock->noted_us) / 1000;
        if (local_us - clock->noted_us < 1000 && ahead_us >= known_us)
            return;
        ahead_us = ahead_us < known_us ? ahead_us : known_us;
    }
    clock->noted_us = local_us;
    atomic_store(&clock->ahead_us, ahead_us);
}

int64_t ph_link_clock_at(struct ph_link_clock *clock, int64_t local_us) {
    return local_us - atomic_load(&clock->ahead_us);
}
