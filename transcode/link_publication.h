/* What is announced of a session: a pure function of its plan, so that every worker announces the same. */
#ifndef PH_TRANSCODE_LINK_PUBLICATION_H
#define PH_TRANSCODE_LINK_PUBLICATION_H

#include "core/media/track.h"
#include "transcode/ladder.h"

/* `codecs` are those of the renditions in order, then audio's. */
void ph_publication_make(const struct ph_ladder_plan *plan, const char *const codecs[], int64_t epoch_utc_us,
    struct ph_publication *publication);

/* What a video track of such a publication was encoded with, in bit/s. */
uint32_t ph_publication_bitrate(const struct ph_publication *publication, const struct ph_track *track);

#endif
