/* From the store to what viewers are answered with. Blocks: of the threads of vod.c alone. */
#ifndef PH_ORIGIN_VOD_FETCH_H
#define PH_ORIGIN_VOD_FETCH_H

#include "core/store/store.h"
#include "origin/vod/recording.h"
#include "origin/vod/shelf.h"

/* The object as an answer; of a folder's object the file itself. Codes are the store's, and -EBADMSG when it
 * is not as large as it should be. */
int ph_vod_fetch(
    struct ph_store *store, const struct ph_vod_object *object, struct ph_shelf_item **item) PH_NODISCARD;
/* The recording, or `known` again (a reference) when its manifest is the same still. `known` may be NULL. */
int ph_vod_fetch_recording(struct ph_store *store, const char *id, struct ph_shelf_item *known,
    struct ph_shelf_item **item) PH_NODISCARD;

#endif
