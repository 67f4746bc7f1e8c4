/* A recording as viewers see it: its manifest, and the playlists made of it. Immutable and pure. */
#ifndef PH_ORIGIN_VOD_RECORDING_H
#define PH_ORIGIN_VOD_RECORDING_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/http/response.h"
#include "core/store/store.h"
#include "origin/recording/manifest.h"
#include "origin/vod/wish.h"

struct ph_vod_recording {
    struct ph_manifest manifest;
    struct ph_publication publication; /* the tracks as they really are (playlists.h) */
    struct ph_store_object object;     /* the manifest's, to see whether it is another */
    struct ph_http_response *multivariant;
    struct ph_http_response *media[PH_MOST_TRACKS];
    struct ph_http_response *key_frames[PH_MOST_TRACKS]; /* NULL for sound */
    uint64_t cost_bytes;
};

/* From recording.json of the recording that is named. -ENOMEM, or PH_INVALID_DATA. */
int ph_vod_recording_create(
    struct ph_vod_recording **recording, const char *id, struct ph_slice json) PH_NODISCARD;
/* NULL is fine. */
void ph_vod_recording_destroy(struct ph_vod_recording *recording);

/* An answer (lent), or NULL and the object that is to be fetched. -ENOENT when the recording has no such. */
int ph_vod_recording_resolve(const struct ph_vod_recording *recording, const struct ph_vod_wish *wish,
    struct ph_http_response **answer, struct ph_vod_object *object) PH_NODISCARD;

#endif
