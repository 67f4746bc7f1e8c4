/* One rendition: a thread that scales, encodes and packages the grid's pictures as they come.
 *
 * Lifetime: create (the encoder is open, its header known) → push … → finish or abandon → destroy. push is
 * called from the grid's thread, the readings and settings from any. */
#ifndef PH_TRANSCODE_ENCODE_VIDEO_H
#define PH_TRANSCODE_ENCODE_VIDEO_H

#include "core/media/source_link.h"
#include "transcode/ladder.h"
#include "transcode/package.h"

/* Where parts go; called from the track's thread. Borrows the part. A negative code ends the track. */
typedef int ph_part_taker(void *opaque, const struct ph_part *part);
/* How long ago a link time was; PH_NO_DELAY_US while nobody knows. Called from the track's thread. */
typedef int64_t ph_link_age(void *opaque, int64_t time_us);

enum { PH_MOST_FRESH_STARTS = 8 };

struct ph_video_track_options {
    struct ph_rendition rendition;
    struct ph_grid_plan grid;
    const char *encoder; /* "libx264", … */
    unsigned threads;
    int effort;
    int64_t drop_after_us;
    int64_t first_frame; /* earlier grid frames are not wanted; begins a part */
    /* Frames encoded as IDR besides those that begin a segment: each where an origin goes on. */
    int64_t fresh_starts[PH_MOST_FRESH_STARTS];
    uint32_t fresh_start_count;
    ph_part_taker *take;
    ph_link_age *age;
    void *opaque;
};

struct ph_video_track;

int ph_video_track_create(
    struct ph_video_track **track, const struct ph_video_track_options *options) PH_NODISCARD;
/* Timing, CODECS and init segment. The bytes are borrowed for the track's life. */
const struct ph_track_timing *ph_video_track_timing(const struct ph_video_track *track);
const char *ph_video_track_codecs(const struct ph_video_track *track);
struct ph_bytes *ph_video_track_init_segment(const struct ph_video_track *track);

/* Takes a reference on the picture; frames that are not the track's are passed over. Blocks while the track
 * is behind. 0, -ENOMEM, or the code the track ended with. */
int ph_video_track_push(struct ph_video_track *track, const struct ph_grid_video *video) PH_NODISCARD;
/* Encodes what was pushed, closes the open part, waits for the thread. The track's code. */
int ph_video_track_finish(struct ph_video_track *track) PH_NODISCARD;
/* From any thread: throws away what was pushed and makes every push fail with PH_EOF. */
void ph_video_track_abandon(struct ph_video_track *track);
/* Abandons, waits for the thread, frees; nobody may be in a call. NULL is fine, as after finish. */
void ph_video_track_destroy(struct ph_video_track *track);

void ph_video_track_set_effort(struct ph_video_track *track, int level, int64_t drop_after_us);

struct ph_video_figures {
    uint64_t frames_encoded, frames_dropped;
    int64_t busy_us;        /* spent on scaling, encoding, packaging */
    int64_t queue_delay_us; /* longest since the last reading */
    int64_t delay_us;       /* newest known */
    struct ph_link_encode_times encode;
};
void ph_video_track_read(struct ph_video_track *track, struct ph_video_figures *figures);

#endif
