/* The timeline: a source's timestamps become session time (microseconds since t = 0).
 *
 * Timestamps are unwrapped, and mapped by one offset for picture and sound alike, so that they stay together.
 * The offset is taken from the first packet of a connection: it stands where it arrived. From then on
 *   - what lands more than PH_TIMELINE_JUMP_US behind its arrival, or more than PH_TIMELINE_AHEAD_US before
 * it, has jumped: it stands where it arrived. The stream that jumps later finds the old offset still good for
 * what it has left;
 *   - what comes ever earlier without a hole in its timestamps has not jumped: the first packet was late. A
 * publisher that encodes while it connects, and then catches up, sends so; it may come to stand
 * PH_TIMELINE_MOST_AHEAD_US before its arrival, where moving it back would cost viewers that much;
 *   - what stays later than PH_GRID_PATIENCE_US for PH_TIMELINE_PERSISTS_US has a longer way now: it is
 * mapped anew;
 *   - slow drift of the source's clock is slewed away, 500 ppm at most, so that the session stays locked to
 * the link's clock. Pure; embedded. */
#ifndef PH_TRANSCODE_TIMELINE_H
#define PH_TRANSCODE_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PH_TIMELINE_JUMP_US = 3000000,
    PH_TIMELINE_AHEAD_US = 500000,
    PH_TIMELINE_MOST_AHEAD_US = 2000000,
    PH_TIMELINE_PERSISTS_US = 300000,
    PH_TIMELINE_WINDOW_US = 10000000,
    PH_TIMELINE_MOST_SLEW_US = PH_TIMELINE_WINDOW_US / 2000, /* of a window: 500 ppm */
};

struct ph_timeline {
    bool is_mapped;
    bool has_previous;
    int64_t reference_ticks; /* the last timestamp, unwrapped */
    int64_t offset_us;       /* session time = timestamp + offset */
    int64_t previous_offset_us;
    /* Of picture and sound: arrival of the first of those that come too late; -1: the last one was in time.
     */
    int64_t late_since_us[2];
    /* Drift: the smallest lateness of a window is the source's, free of jitter. */
    bool has_baseline;
    int64_t baseline_us; /* of the first window after mapping */
    int64_t window_start_us, window_least_us;
};

void ph_timeline_init(struct ph_timeline *timeline);
/* Whether a timestamp has jumped that lies `ahead_us` before its arrival (negative: behind it) and `step_us`
 * after the timestamp before it. */
bool ph_timeline_has_jumped(int64_t ahead_us, int64_t step_us);
/* Session time of a timestamp (90 kHz; only the low 33 bits count) that arrived at this session time, of one
 * of the two streams: 0 is the picture, 1 the sound. */
int64_t ph_timeline_map(struct ph_timeline *timeline, unsigned stream, int64_t ticks, int64_t arrival_us);

#endif
