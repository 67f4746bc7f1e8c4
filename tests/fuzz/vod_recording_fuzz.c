/* links: ph_origin ph_recording ph_store ph_http ph_media ph_base */
#include <stdlib.h>
#include <string.h>

#include "origin/vod/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A manifest from the store becomes playlists, whose every segment is found by its name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_manifest manifest;
    struct ph_vod_recording *recording = NULL;
    char id[PH_SESSION_NAME_BYTES] = "";
    if (ph_manifest_from_json((struct ph_slice){data, size}, &manifest, NULL))
        return 0;
    strncpy(id, manifest.id, sizeof(id) - 1);
    ph_manifest_finish(&manifest);
    if (ph_vod_recording_create(&recording, id, (struct ph_slice){data, size}))
        return 0;
    for (uint32_t i = 0; i < recording->publication.track_count; i++) {
        const struct ph_manifest_track *track = &recording->manifest.tracks[i];
        for (uint32_t j = 0; j < track->count; j++) {
            struct ph_vod_wish wish = {.kind = PH_VOD_SEGMENT, .number = track->segments[j].number};
            struct ph_http_response *answer = NULL;
            struct ph_vod_object object;
            strcpy(wish.recording, id);
            strcpy(wish.track, recording->publication.tracks[i].name);
            int code = ph_vod_recording_resolve(recording, &wish, &answer, &object);
            if ((code == 0) != (track->segments[j].bytes > 0) || answer)
                abort();
            if (!code && (object.bytes != track->segments[j].bytes || !ph_store_key_is_valid(object.key)))
                abort();
        }
    }
    ph_vod_recording_destroy(recording);
    return 0;
}
