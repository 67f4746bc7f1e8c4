/* The source side of a transcode process: link entries in, grid frames out.
 *
 *   link entry → demux → decode → timeline → grid → struct ph_grid_sink
 *
 * Everything the grid does follows from the entries and their times: fed the same entries, two sources call
 * their sinks with the same frames, however fast or slow they are fed. Calls into the sink come from one
 * thread, in order: `begin` once, then `video` and `audio` with indices that rise by one without a hole, then
 * `end` once.
 *
 * A source that stalls is filled after PH_GRID_PATIENCE_US of link time: with the last picture (black before
 * the first) and silence. Media that comes later than its slot is dropped. Slow drift of the source's clock
 * against the link's is slewed away (audio is resampled), so that the timeline stays locked to wall-clock. */
#ifndef PH_TRANSCODE_SOURCE_H
#define PH_TRANSCODE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "core/media/source_link.h"
#include "core/media/track.h"
#include "transcode/grid_plan.h"

enum { PH_GRID_PATIENCE_US = 250000 };

/* What the source turned out to be; fixed for the session once known, so that a resumed worker plans the
 * same. */
struct ph_source_description {
    /* Display size in square pixels, upright, even; of the first picture, or what a WebRTC picture may grow
     * to. */
    uint32_t width, height;
    struct ph_grid_plan plan; /* at the source's snapped rate, 60 at most and at most the ladder's highest */
};

struct ph_grid_video {
    int64_t frame;      /* grid index */
    AVFrame *picture;   /* borrowed; take av_frame_ref to keep. 8-bit 4:2:0 or whatever the decoder gave, as
                           it lies (turn.h); its size may change from frame to frame: renditions do not */
    bool repeated;      /* the picture of the frame before: nothing arrived for this slot */
    int64_t arrival_us; /* link time when the picture's last byte arrived; for a repeat, the link time now */
};
struct ph_grid_audio {
    int64_t frame;
    const float *samples[2]; /* 1024 each, left and right, 48 kHz; borrowed until the call returns */
    bool silent;             /* filled in */
    int64_t arrival_us;
};

struct ph_grid_sink;
struct ph_grid_sink_impl {
    int (*begin)(struct ph_grid_sink *sink, const struct ph_source_description *description);
    int (*video)(struct ph_grid_sink *sink, const struct ph_grid_video *video);
    int (*audio)(struct ph_grid_sink *sink, const struct ph_grid_audio *audio);
    /* The session is over (END): everything due has been delivered. */
    int (*end)(struct ph_grid_sink *sink);
    /* The source can never be carried (no video, unsupported codec, larger than 4096×2304 …). Called instead
     * of anything else, once. */
    void (*failed)(struct ph_grid_sink *sink, const struct ph_link_reason *reason);
    /* A keyframe is wanted from the publisher. */
    void (*want_keyframe)(struct ph_grid_sink *sink);
};
/* Embedded first in the concrete sink. A negative return ends the source with that code. */
struct ph_grid_sink {
    const struct ph_grid_sink_impl *impl;
};

struct ph_source_options {
    uint32_t part_ms, segment_ms;
    uint32_t most_fps;        /* of the ladder */
    uint32_t most_height;     /* of the ladder: what a WebRTC picture may grow to; 0: as it begins */
    int64_t epoch_time_us;    /* link clock at t = 0 */
    unsigned decoder_threads; /* 0: chosen by the source's rate and size */
    struct ph_slice state;    /* a checkpoint to resume from, or empty */
    /* Resuming: the first frames that are still wanted. Earlier grid frames are still delivered to the sink
     * when the replay yields them (the sink drops them), never later ones skipped. -1: from the beginning. */
    int64_t resume_video, resume_audio;
};

struct ph_source;

/* Borrows the sink for its life. 0, -ENOMEM, PH_INVALID_DATA for a state it cannot read. */
int ph_source_create(struct ph_source **source, const struct ph_source_options *options,
    struct ph_grid_sink *sink) PH_NODISCARD;
/* Feeds one entry in order (CONNECTION, UNIT, GONE, END). Copies what it keeps. Bounded: blocks while the
 * stages behind are full. 0 or a negative code (the sink's, PH_EOF after END or failure). */
int ph_source_feed(struct ph_source *source, const struct ph_link_entry *entry) PH_NODISCARD;
/* Time passes. */
int ph_source_tick(struct ph_source *source, int64_t now_us) PH_NODISCARD;
/* A checkpoint from which a new source makes every grid frame from (video, audio) on again: the latest
 * keyframe whose replay covers both. Call with the first frames that are not yet published (or not yet
 * durable). Thread-safe. The state belongs to the caller. -EAGAIN when there is none yet: replay from entry
 * 0. Forgets points that no later call with larger frames can need. */
int ph_source_checkpoint(struct ph_source *source, int64_t video, int64_t audio, uint64_t *replay_from,
    struct ph_bytes **state) PH_NODISCARD;
/* What a checkpoint's state says of the source; lets a resuming worker plan before a byte is decoded. */
int ph_source_state_description(
    struct ph_slice state, struct ph_source_description *description) PH_NODISCARD;

struct ph_source_figures {
    uint64_t pictures_decoded, decode_errors, frames_repeated, frames_late, audio_gaps;
    double source_fps;
    int64_t decode_us; /* CPU time spent decoding */
    uint32_t width, height;
};
void ph_source_read_figures(struct ph_source *source, struct ph_source_figures *figures);
/* Effort control: 0 decodes everything; 1 skips the loop filter of frames nothing refers to; 2 skips such
 * frames. */
void ph_source_set_decode_effort(struct ph_source *source, int skip);
/* Ends its threads without waiting for queued work. NULL is fine. */
void ph_source_destroy(struct ph_source *source);

#endif
