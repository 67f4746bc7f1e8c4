/* A clip: a piece of a recording as a recording of its own. Whole segments are copied within the store; those
 * that the piece begins and ends in are cut by somebody who can (struct ph_clip_cutter). The source may be a
 * session that still goes on: its segments that are archived count. */
#ifndef PH_ORIGIN_RECORDING_CLIP_H
#define PH_ORIGIN_RECORDING_CLIP_H

#include "core/media/track.h"
#include "core/store/store.h"
#include "origin/recording/manifest.h"

/* Calls come from ph_clip_make()'s thread. */
struct ph_clip_cutter {
    /* The frames of a segment that begin at or after `from_us` and before `to_us` (session time), as a
     * segment of the same track. -ENODATA when there are none; -ENOTSUP when it cannot be cut at its
     * beginning. */
    int (*cut)(struct ph_clip_cutter *cutter, const struct ph_publication *publication, uint32_t track,
        int64_t from_us, int64_t to_us, struct ph_slice init, struct ph_slice segment,
        struct ph_bytes **made);
    /* Asked before each segment; a negative code ends the making. */
    int (*keep_on)(struct ph_clip_cutter *cutter);
};

struct ph_clip {
    const char *id;         /* of the clip */
    const char *source;     /* the recording's */
    const char *title;      /* NULL: none */
    int64_t from_us, to_us; /* from the source's beginning */
    struct ph_clip_cutter *cutter;
};

struct ph_clip_result {
    int64_t duration_us;
    uint64_t mp4_bytes, total_bytes;
    uint32_t width, height;
    bool has_poster;
};

/* 0 when every object is in the store, the manifest last. Making it again after a failure is fine.
 *   -EAGAIN          the source has not come that far, or the store does not answer: again later
 *   -ENODATA         the source has nothing there
 *   PH_INVALID_DATA  the source cannot be read
 *   others           the store's, the cutter's */
int ph_clip_make(
    struct ph_store *store, const struct ph_clip *clip, struct ph_clip_result *result) PH_NODISCARD;

#endif
