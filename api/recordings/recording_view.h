/* Recordings as JSON. */
#ifndef PH_API_RECORDINGS_RECORDING_VIEW_H
#define PH_API_RECORDINGS_RECORDING_VIEW_H

#include <jansson.h>

#include "api/recordings/recordings_store.h"
#include "core/media/playback_token.h"

/* Lets its holder play; for who may download. */
struct ph_recording_ticket {
    char token[PH_PLAYBACK_TOKEN_BYTES];
    int64_t expires_ms;
};

/* Whether it can be played and downloaded just now. */
bool ph_recording_is_open(const struct ph_recording *recording);
/* A new reference; NULL when out of memory. `ticket` NULL: the caller only sees that it is there. */
json_t *ph_recording_view(const struct ph_recording *recording, const struct ph_recording_ticket *ticket);
/* What a session says of its recording. */
json_t *ph_recording_brief_view(const struct ph_recording *recording);

#endif
