/* What viewers of recordings ask for. Pure. */
#ifndef PH_ORIGIN_VOD_WISH_H
#define PH_ORIGIN_VOD_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/media/track.h"
#include "core/store/store.h"
#include "origin/session.h"

/* What a request is for. */
enum ph_vod_kind {
    PH_VOD_MULTIVARIANT,
    PH_VOD_PLAYLIST,
    PH_VOD_KEY_FRAMES,
    PH_VOD_INIT,
    PH_VOD_SEGMENT,
    PH_VOD_POSTER,
    PH_VOD_STORYBOARD,
    PH_VOD_SHEET,  /* of the storyboard */
    PH_VOD_OBJECT, /* an object that is known already */
};
struct ph_vod_wish {
    enum ph_vod_kind kind;
    char recording[PH_SESSION_NAME_BYTES];
    char track[PH_TRACK_NAME_BYTES];
    uint64_t number; /* of a segment, or a sheet's first tile */
};

/* From a URL's pieces; `track` NULL: the file lies beside the tracks. -EINVAL when there cannot be such a
 * file. */
int ph_vod_wish_parse(
    const char *recording, const char *track, const char *file, struct ph_vod_wish *wish) PH_NODISCARD;

/* Something to fetch, and what it is to its viewers. */
struct ph_vod_object {
    char name[PH_STORE_KEY_BYTES]; /* what it is known by while it is kept */
    char key[PH_STORE_KEY_BYTES];
    char path[512];           /* of a file that has it too, tried first; "": none */
    const char *content_type; /* constant */
    char etag[80];            /* quoted; "": follows from its bytes */
    uint64_t bytes;           /* UINT64_MAX: unknown */
    bool is_private;
};

/* "recordings/<id>/recording.json" */
void ph_vod_manifest_key(const char *recording, char key[PH_STORE_KEY_BYTES]);

#endif
