#include "transcode/timeline.h"

#include "transcode/source.h"

enum { wrap_bits = 33 };

void ph_timeline_init(struct ph_timeline *timeline) {
    *timeline = (struct ph_timeline){.late_since_us = {-1, -1}};
}

/* The timestamp with these low 33 bits that lies nearest to the last one. */
static int64_t unwrap(const struct ph_timeline *timeline, int64_t ticks) {
    const int64_t span = INT64_C(1) << wrap_bits;
    int64_t ahead = (ticks - timeline->reference_ticks) & (span - 1);
    if (ahead >= span / 2)
        ahead -= span;
    return timeline->reference_ticks + ahead;
}

bool ph_timeline_has_jumped(int64_t ahead_us, int64_t step_us) {
    int64_t most_us = step_us > PH_TIMELINE_AHEAD_US ? PH_TIMELINE_AHEAD_US : PH_TIMELINE_MOST_AHEAD_US;
    return ahead_us > most_us || -ahead_us > PH_TIMELINE_JUMP_US;
}

static void begin_window(struct ph_timeline *timeline, int64_t arrival_us) {
    timeline->window_start_us = arrival_us;
    timeline->window_least_us = INT64_MAX;
}

static int64_t map_anew(struct ph_timeline *timeline, int64_t time_us, int64_t arrival_us) {
    timeline->previous_offset_us = timeline->offset_us;
    timeline->has_previous = timeline->is_mapped;
    timeline->offset_us = arrival_us - time_us;
    timeline->is_mapped = true;
    timeline->late_since_us[0] = timeline->late_since_us[1] = -1;
    timeline->has_baseline = false;
    begin_window(timeline, arrival_us);
    return arrival_us;
}

/* Follows the least lateness of each window, a little at a time. */
static void slew(struct ph_timeline *timeline, int64_t lateness_us, int64_t arrival_us) {
    if (lateness_us < timeline->window_least_us)
        timeline->window_least_us = lateness_us;
    if (arrival_us - timeline->window_start_us < PH_TIMELINE_WINDOW_US)
        return;
    if (!timeline->has_baseline) {
        timeline->has_baseline = true;
        timeline->baseline_us = timeline->window_least_us;
    }
    int64_t error_us = timeline->window_least_us - timeline->baseline_us;
    if (error_us > PH_TIMELINE_MOST_SLEW_US)
        error_us = PH_TIMELINE_MOST_SLEW_US;
    if (error_us < -PH_TIMELINE_MOST_SLEW_US)
        error_us = -PH_TIMELINE_MOST_SLEW_US;
    timeline->offset_us += error_us;
    begin_window(timeline, arrival_us);
}

/* Whether a stream has been too late for so long that the way itself must have become longer. */
static bool stays_late(int64_t *late_since_us, int64_t lateness_us, int64_t arrival_us) {
    if (lateness_us <= PH_GRID_PATIENCE_US) {
        *late_since_us = -1;
        return false;
    }
    if (*late_since_us < 0)
        *late_since_us = arrival_us;
    return arrival_us - *late_since_us > PH_TIMELINE_PERSISTS_US;
}

int64_t ph_timeline_map(struct ph_timeline *timeline, unsigned stream, int64_t ticks, int64_t arrival_us) {
    if (!timeline->is_mapped)
        timeline->reference_ticks = ticks & ((INT64_C(1) << wrap_bits) - 1);
    int64_t before_ticks = timeline->reference_ticks;
    timeline->reference_ticks = unwrap(timeline, ticks);
    int64_t step_us = (timeline->reference_ticks - before_ticks) * 100 / 9;
    int64_t time_us = timeline->reference_ticks * 100 / 9;
    int64_t mapped_us = time_us + timeline->offset_us;
    if (!timeline->is_mapped)
        return map_anew(timeline, time_us, arrival_us);
    if (ph_timeline_has_jumped(mapped_us - arrival_us, step_us)) {
        int64_t previous_us = time_us + timeline->previous_offset_us;
        /* The step is from the other stream's timestamps to those of before. */
        if (timeline->has_previous && !ph_timeline_has_jumped(previous_us - arrival_us, 0))
            return previous_us;
        return map_anew(timeline, time_us, arrival_us);
    }
    if (stays_late(&timeline->late_since_us[stream], arrival_us - mapped_us, arrival_us))
        return map_anew(timeline, time_us, arrival_us);
    slew(timeline, arrival_us - mapped_us, arrival_us);
    return mapped_us;
}
