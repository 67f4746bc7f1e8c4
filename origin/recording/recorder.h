/* Makes the recording's MP4 while the session is live: the best video and the audio, written to the store as
 * they come, so that little is left to do at the end.
 *
 *   phase      begins with            what may be called
 *   open       ph_recorder_open       everything
 *   finished   ph_recorder_finish     finish (again), free
 *   broken     -ENOMEM, abort         abort, free; open again goes on from the journal
 *   gone       ph_recorder_free       nothing
 *
 * Of one thread; calls block on the store and on the disk. What was taken and is not yet durable in the store
 * is added again after a crash: open, then for each track all segments from ph_recorder_consumed_below(), the
 * one that ph_recorder_expects() names first. */
#ifndef PH_ORIGIN_RECORDING_RECORDER_H
#define PH_ORIGIN_RECORDING_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/media/track.h"
#include "core/store/store.h"

struct ph_recorder;

/* Files in the folder below. */
#define PH_RECORDER_JOURNAL "recording"
#define PH_RECORDER_HEAD "recording.head"

/* Borrowed for the call, but the store. */
struct ph_recorder_options {
    struct ph_store *store; /* outlives the recorder */
    const char *dir;        /* of the journal, existing; NULL: none is kept, a crash begins anew */
    const char *key;        /* of the MP4 */
    const char *title;      /* NULL: none */
    const struct ph_publication *publication;
    struct ph_slice inits[PH_MOST_TRACKS]; /* empty: that track has none, and is not recorded */
};

/* Goes on from the journal when there is one that fits, else begins; what it finds unusable (torn, of other
 * inits, its upload gone) it drops and begins anew. 0; PH_INVALID_DATA when there is no track to record or an
 * init is broken; -EAGAIN and others of the store or the disk: nothing is lost, open again later. */
int ph_recorder_open(struct ph_recorder **recorder, const struct ph_recorder_options *options) PH_NODISCARD;

/* Whether segments of the publication's track go into the recording: the highest video, the first audio. */
bool ph_recorder_takes(const struct ph_recorder *recorder, uint32_t track);

/* Takes a segment, whole, gaps in it included. Numbers rise; a number left out is a gap that keeps its time.
 * Best fed V, A, V, A by number. One that was taken already, or is of a track that is not recorded, is passed
 * over with 0. Of `bytes` nothing is kept by reference.
 *
 *   PH_INVALID_DATA  not readable, overlaps what is there, or comes when the end was begun: left out
 *
 *   -EPERM           another one is expected first (ph_recorder_expects)
 *
 *   -EBADMSG         not the bytes that the expected one had: abort, and begin anew
 *
 *   -ENOENT          what was begun is gone from the store: free, and open again
 *
 *   -ENOMEM          broken: free, and open again
 *
 *   others           the store or the disk is away: not taken, add it again later */
int ph_recorder_add(
    struct ph_recorder *recorder, uint32_t track, uint64_t segment, struct ph_slice bytes) PH_NODISCARD;

/* After going on from a journal: a segment of which a part is in the store already has to be added first.
 * False when there is none. Where it is not to be had, abort and begin anew. */
bool ph_recorder_expects(const struct ph_recorder *recorder, uint32_t *track, uint64_t *segment);

/* Segments of the track below it are durable in the store or beside the journal and are never asked for
 * again. UINT64_MAX for a track that is not recorded; 0 when nothing is. */
uint64_t ph_recorder_consumed_below(const struct ph_recorder *recorder, uint32_t track);
/* Segments below it were taken, durable or not: what to add next. 0 when nothing is. */
uint64_t ph_recorder_taken_below(const struct ph_recorder *recorder, uint32_t track);

/* What the MP4 is called; until it is finished. NULL: nothing. */
void ph_recorder_set_title(struct ph_recorder *recorder, const char *title);

struct ph_recorder_result {
    uint64_t bytes; /* of the MP4 */
    int64_t duration_us;
    uint32_t width, height;                /* 0 without video */
    uint32_t video_samples, audio_samples; /* of what is in it */
    char etag[PH_STORE_ETAG_BYTES];
};
/* Writes what is left, and the head. The MP4 is in the store when it returns 0; finishing again is fine, also
 * after a crash. -ENODATA when nothing was added; others as above. */
int ph_recorder_finish(struct ph_recorder *recorder, struct ph_recorder_result *result) PH_NODISCARD;

/* Nothing remains of it, in the store (but an MP4 that was finished) and in the folder. When it fails, again
 * later. */
int ph_recorder_abort(struct ph_recorder *recorder) PH_NODISCARD;
/* NULL is fine. */
void ph_recorder_free(struct ph_recorder *recorder);

#endif
