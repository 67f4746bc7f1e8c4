/* The clocks of a WebRTC sender's two streams, brought together (RFC 3550 section 6.4.1).
 *
 * Picture and sound have timestamps of their own, which begin anywhere. Each stream is first placed where it
 * arrived. Once sender reports of both have told how the two relate, the picture is moved to where the sound
 * is, PH_RTP_CLOCK_SLEW per cent of the time that passes, so that nobody sees a jump. A stream whose
 * timestamps jump is placed anew. The sound is never moved: ears notice.
 *
 * What comes seconds late while its timestamps go on step by step has not jumped: it was held up, or sent
 * once more after an outage, and what follows is in time again. It keeps its place, in the past. A stream
 * that stays so late for PH_RTP_CLOCK_PERSISTS_US stood still and its timestamps with it: it is placed anew.
 *
 * Pure; embedded in what a checkpoint keeps, so that a replay goes on with the same placing. */
#ifndef PH_TRANSCODE_RTP_CLOCK_H
#define PH_TRANSCODE_RTP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/media/track.h"
#include "transcode/rtp_packet.h"

enum {
    PH_RTP_CLOCK_SLEW = 10,
    /* Reports that would move the picture further than this are not believed. */
    PH_RTP_CLOCK_MOST_ERROR_US = 2000000,
    PH_RTP_CLOCK_PERSISTS_US = 1000000,
};

struct ph_rtp_stream_clock {
    bool is_placed;
    uint32_t ssrc;
    int32_t rate;      /* ticks a second */
    int64_t reference; /* the last timestamp, unwrapped */
    int64_t offset_us; /* common time = timestamp + offset */
    bool has_report;
    int64_t report_offset_us; /* the sender's wall-clock = timestamp + report offset */
    bool is_late;             /* the last one was, by so much that it could have jumped */
    int64_t late_since_us;    /* arrival of the first of those */
};

/* Starts zeroed. */
struct ph_rtp_clock {
    struct ph_rtp_stream_clock streams[2]; /* by enum ph_track_kind */
};

/* When a packet was sampled, on a clock that both streams share. `arrival_us` is when it came, on that same
 * clock. `rate` is positive. What lies more than PH_TIMELINE_JUMP_US before its arrival came too late to be
 * seen or heard. */
int64_t ph_rtp_clock_map(struct ph_rtp_clock *clock, enum ph_track_kind stream, uint32_t ssrc, int32_t rate,
    uint32_t timestamp, int64_t arrival_us);
/* A report about a stream that no packet has come of is passed over. */
void ph_rtp_clock_report(struct ph_rtp_clock *clock, const struct ph_rtp_report *report);

#endif
