/* A clip: a piece of a recording as a recording of its own. Whole segments are copied within the store; those
 * that the piece begins and ends in are cut by somebody who can (struct ph_clip_cutter), who draws its
 * pictures too. The source may be a session that still goes on: its segments that are archived count.
 *
 * Takes. A worker that is taken for dead may live, and another one make the clip meanwhile. So each take
 * makes it below a prefix of its own, uploads/<id>/take-<n>/, whole and with its manifest. Then it puts
 * recordings/<id>/take.json if there is none yet: the first one there is the take that counts, for ever.
 * Whoever goes on, that take or a later one, copies its objects to recordings/<id>/, the manifest last. So
 * whatever is put there, and whoever puts it how late ever, each key only ever gets the same bytes. What no
 * take needs any more is removed, at the latest by the store's rules for what is below uploads/. */
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
    /* Draws the picture that stands at a time in a segment of a video track, as a tile of the one storyboard;
     * tiles rise by one from 0. 0 and what is the caller's to finish; -ENODATA, PH_INVALID_DATA. */
    int (*draw)(struct ph_clip_cutter *cutter, int64_t at_us, uint64_t tile, struct ph_slice init,
        struct ph_slice segment, struct ph_storyboard_drawn *drawn);
    /* Asked before each segment; a negative code ends the making. */
    int (*keep_on)(struct ph_clip_cutter *cutter);
};

struct ph_clip {
    const char *id;         /* of the clip */
    const char *source;     /* the recording's */
    const char *title;      /* NULL: none */
    uint32_t take;          /* the number of this try, from 1 on; no other has it */
    int64_t from_us, to_us; /* from the source's beginning */
    struct ph_clip_cutter *cutter;
    uint64_t most_copied_bytes; /* 0: 1 GiB in a bucket; an MP4 beyond is not copied, but made again in its
                                   place */
};

struct ph_clip_result {
    int64_t duration_us;
    uint64_t mp4_bytes, total_bytes;
    uint32_t width, height;
    bool has_poster, has_storyboard;
};

/* 0 when every object is in the store, the manifest last. Making it again after a failure is fine, as another
 * take.
 *   -EAGAIN          the source has not come that far, or the store does not answer: again later
 *   -ENODATA         the source has nothing there
 *   PH_INVALID_DATA  the source cannot be read
 *   others           the store's, the cutter's */
int ph_clip_make(
    struct ph_store *store, const struct ph_clip *clip, struct ph_clip_result *result) PH_NODISCARD;

#endif
