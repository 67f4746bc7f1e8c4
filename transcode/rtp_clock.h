/* The clocks of a WebRTC sender's two streams, brought together (RFC 3550 section 6.4.1).
 *
 * Picture and sound have timestamps of their own, which begin anywhere. Each stream is first placed where it
 * arrived. Once sender reports of both have told how the two relate, the picture is moved to where the sound
 * is, PH_RTP_CLOCK_SLEW per cent of the time that passes, so that nobody sees a jump. Reports never move the
 * sound: ears notice.
 *
 * A stream whose timestamps jump is placed anew, beside the other. Streams that jump together, one soon after
 * the other, are moved alike and stay as far apart as they were. Where they may have come apart all the same,
 * the first reports of both since then are taken at once: the viewers saw an outage anyway.
 *
 * Reports are believed by what came before them: one that says otherwise than its stream's last one moves
 * nothing until the next one says the same, unless that follows from timestamps that jumped; nor does the
 * other stream's last one, which may be of before. So a wall-clock that is set moves nothing, nor does a
 * wrong report, nor many that are made of noise, nor one that is repeated when its time is over.
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
    /* Reports that would slew the picture further than this are not believed. */
    PH_RTP_CLOCK_MOST_ERROR_US = 2000000,
    /* What is slewed away within a second is slewed even after a jump. */
    PH_RTP_CLOCK_LEAST_LEAP_US = 100000,
    PH_RTP_CLOCK_MOST_LEAP_US = 4000000,
    /* What comes later than this came too late to be seen or heard. */
    PH_RTP_CLOCK_MOST_LATE_US = 1800000,
    PH_RTP_CLOCK_PERSISTS_US = 1000000,
    /* How long after one stream jumped the other is taken to jump with it. */
    PH_RTP_CLOCK_TOGETHER_US = 2000000,
};

struct ph_rtp_stream_clock {
    bool is_placed;
    uint32_t ssrc;
    int32_t rate;          /* ticks a second */
    int64_t reference;     /* the last timestamp, unwrapped */
    int64_t arrival_us;    /* when that came */
    int64_t offset_us;     /* common time = timestamp + offset */
    bool is_late;          /* the last one was, by so much that it could have jumped */
    int64_t late_since_us; /* arrival of the first of those */
    /* The last jump: */
    int64_t jump_us;    /* how far timestamps jumped; 0: none so far */
    int64_t moved_us;   /* how far the stream was moved for that */
    int64_t jumped_us;  /* when; of streams that jumped together, when the first did */
    int64_t fresh_from; /* reports about earlier timestamps are of before */
    /* The last report: */
    bool has_report;
    bool is_fresh;            /* it is of the time since anything jumped */
    bool is_trusted;          /* it says what the one before said, or what follows from it */
    bool is_doubtful;         /* it says otherwise */
    int64_t report_offset_us; /* the sender's wall-clock = timestamp + report offset */
    int64_t gained_us;        /* what timestamps have gained on their arrivals since */
    int64_t unsteady_us;      /* arrival of the last that gained or lost more than a little */
};

/* Starts zeroed. */
struct ph_rtp_clock {
    struct ph_rtp_stream_clock streams[2]; /* by enum ph_track_kind */
    bool is_unsettled; /* the streams may have come apart: the picture may leap to where it belongs */
};

/* When a packet was sampled, on a clock that both streams share. `arrival_us` is when it came, on that same
 * clock. `rate` is positive. */
int64_t ph_rtp_clock_map(struct ph_rtp_clock *clock, enum ph_track_kind stream, uint32_t ssrc, int32_t rate,
    uint32_t timestamp, int64_t arrival_us);
/* The common clock is told anew: the arrivals that were given lie so much earlier on it. */
void ph_rtp_clock_shift_arrivals(struct ph_rtp_clock *clock, int64_t earlier_us);
/* A report about a stream that no packet has come of is passed over. */
void ph_rtp_clock_report(struct ph_rtp_clock *clock, const struct ph_rtp_report *report);

#endif
