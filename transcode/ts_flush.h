/* Makes libavformat give out a video picture as soon as its last byte is there.
 *
 * A demuxer that does not know a PES packet's size ends it when the next one starts, one frame later. But
 * muxers fill up the last transport packet of a PES with stuffing: when a video packet carries stuffing, this
 * filter appends a packet that starts an empty PES on the same PID, and the demuxer closes the picture at
 * once. A muxer that stuffs in the middle of a PES is noticed by the packet that follows; its PID is left
 * alone from then on.
 *
 * On the way it finds packet boundaries in any bytes, lets through only the tables and the streams they list
 * (so that what the demuxer allocates is bounded), and says where a fresh demuxer could start. */
#ifndef PH_TRANSCODE_TS_FLUSH_H
#define PH_TRANSCODE_TS_FLUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"
#include "transcode/ts_tables.h"

enum { PH_TS_MOST_VIDEO_PIDS = 8 };

struct ph_ts_video_pid {
    uint16_t pid;
    uint8_t counter;    /* continuity_counter of its last packet */
    bool closed;        /* its PES was closed by us */
    bool stuffs_midway; /* its stuffing says nothing */
};

struct ph_ts_flush {
    bool passive; /* set to only pass packets on */
    bool in_sync;
    struct ph_builder pending; /* bytes of packets that are not whole yet */
    struct ph_ts_tables tables;
    uint32_t video_pid_count;
    struct ph_ts_video_pid video_pids[PH_TS_MOST_VIDEO_PIDS];
};

struct ph_ts_marks {
    bool table_start;          /* a PAT starts in the unit … */
    size_t table_start_offset; /* … at this offset of the output */
};

/* An embedded ph_ts_flush starts as {0}; this ends it. */
void ph_ts_flush_finish(struct ph_ts_flush *flush);
/* Appends what the demuxer is to read to `output`, in whole packets. 0 or -ENOMEM. */
int ph_ts_flush_unit(struct ph_ts_flush *flush, struct ph_slice unit, struct ph_builder *output,
    struct ph_ts_marks *marks) PH_NODISCARD;

#endif
