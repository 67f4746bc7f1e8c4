#include "api/recordings/recording_restore.h"

#include <stdio.h>
#include <string.h>

struct batch {
    char keys[PH_RESTORED_AT_ONCE][PH_STORE_KEY_BYTES];
    size_t count;
};

/* Ends the listing with 1 when there is one more than the batch holds. */
static int gather(void *opaque, const char *key, const struct ph_store_object *object) {
    struct batch *batch = opaque;
    if (object->class != PH_STORE_DEEP)
        return 0;
    if (batch->count == PH_RESTORED_AT_ONCE)
        return 1;
    snprintf(batch->keys[batch->count++], PH_STORE_KEY_BYTES, "%s", key);
    return 0;
}

/* The MP4 comes last: once it is on its way, so is all the rest. */
int ph_recording_restore(struct ph_store *store, const char *id, char asked[PH_STORE_KEY_BYTES]) {
    char prefix[PH_STORE_KEY_BYTES - 16], mp4[PH_STORE_KEY_BYTES];
    struct batch batch = {.count = 0};
    snprintf(prefix, sizeof(prefix), "recordings/%s", id);
    snprintf(mp4, sizeof(mp4), "%s/recording.mp4", prefix);
    int code = ph_store_list_after(store, prefix, asked, gather, &batch);
    bool is_more = code == 1;
    for (size_t i = 0; code >= 0 && i < batch.count; i++) {
        code = strcmp(batch.keys[i], mp4) == 0 ? 0 : ph_store_restore(store, batch.keys[i], PH_RESTORED_DAYS);
        if (code >= 0)
            snprintf(asked, PH_STORE_KEY_BYTES, "%s", batch.keys[i]);
    }
    if (code < 0 || is_more)
        return code < 0 ? code : 1;
    return ph_store_restore(store, mp4, PH_RESTORED_DAYS);
}
