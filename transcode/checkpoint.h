/* Checkpoints of the source: from which unit, and in which state, a new source makes the same frames again.
 *
 * A point is kept for each keyframe (two a second at most). It covers the picture from its slot on, and the
 * sound from the sample on that a decoder which starts at its unit is sure to make. */
#ifndef PH_TRANSCODE_CHECKPOINT_H
#define PH_TRANSCODE_CHECKPOINT_H

#include "core/base/bytes.h"
#include "transcode/rtp_clock.h"
#include "transcode/source.h"
#include "transcode/timeline.h"

enum { PH_MOST_SOURCE_POINTS = 96, PH_CONNECTION_KIND_BYTES = 16 };

/* What a resumed source starts with. */
struct ph_source_state {
    struct ph_source_description description;
    struct ph_timeline timeline;
    struct ph_rtp_clock rtp_clock;
    int64_t slot;        /* of the keyframe: the first the grid fills */
    int64_t audio_frame; /* the first frame of sound that is whole */
    double phase;        /* of the picture's grid */
    int64_t audio_bias;  /* of the sound's grid */
    bool has_audio;
    uint64_t connection; /* number */
    char kind[PH_CONNECTION_KIND_BYTES];
    char *sdp; /* NULL, or malloc'ed */
};

/* JSON; NULL when out of memory. */
struct ph_bytes *ph_source_state_write(const struct ph_source_state *state);
/* Checks every range: the bytes have been out of our hands. 0, -ENOMEM, PH_INVALID_DATA. On success the
 * caller ends the state with ph_source_state_finish(). */
int ph_source_state_read(struct ph_slice bytes, struct ph_source_state *state) PH_NODISCARD;
void ph_source_state_finish(struct ph_source_state *state);

struct ph_source_point {
    uint64_t replay_from;
    int64_t slot;
    int64_t audio_frame;          /* INT64_MAX while not known */
    struct ph_source_state state; /* its `audio_frame` is set when it is written */
};

/* Embedded, starts zeroed; guarded by whoever holds it. Oldest first. */
struct ph_source_points {
    struct ph_source_point points[PH_MOST_SOURCE_POINTS];
    unsigned count;
};
/* Takes over the point. When full, every second one goes. */
void ph_source_points_add(struct ph_source_points *points, const struct ph_source_point *point);
/* The latest point that covers both frames, or NULL; forgets those before it. */
const struct ph_source_point *ph_source_points_find(
    struct ph_source_points *points, int64_t video, int64_t audio);
void ph_source_points_finish(struct ph_source_points *points);

#endif
