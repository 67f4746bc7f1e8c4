/* Cuts one segment of a recorded track at frames: for the edges of a clip. Runs in a transcoding process
 * (transcode.h). What precedes the first frame wanted is decoded, and from there on encoded anew with the
 * track's parameters, so that its init segment stays true; a cut at the end alone copies, since no picture
 * refers ahead. Sound is copied. */
#ifndef PH_TRANSCODE_CUT_H
#define PH_TRANSCODE_CUT_H

#include "core/base/bytes.h"
#include "core/media/track.h"

struct ph_cut {
    struct ph_publication publication;
    uint32_t track;         /* of the publication */
    int64_t from_us, to_us; /* session time: the frames that begin at or after `from`, and before `to` */
};

/* `fd` holds the track's init segment and the segment behind it. 0 and the segment; -ENODATA when no frame
 * lies between; -ENOTSUP when the encoder of here makes another init segment; PH_INVALID_DATA; -ENOMEM. */
int ph_cut_run(const struct ph_cut *cut, int fd, struct ph_bytes **segment) PH_NODISCARD;

#endif
