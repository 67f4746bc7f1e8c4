#include "api/recordings/recording_restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one listing: more than the segments of a day. */
enum { MOST_KEYS = 1 << 18 };

struct keys {
    char (*list)[PH_STORE_KEY_BYTES]; /* owned */
    size_t count, room;
};

static int keep(void *opaque, const char *key, const struct ph_store_object *object) {
    struct keys *keys = opaque;
    if (object->class != PH_STORE_DEEP)
        return 0;
    if (keys->count == MOST_KEYS)
        return -EOVERFLOW;
    if (keys->count == keys->room) {
        size_t room = keys->room ? 2 * keys->room : 256;
        void *list = realloc(keys->list, room * sizeof(*keys->list));
        if (!list)
            return -ENOMEM;
        keys->list = list;
        keys->room = room;
    }
    snprintf(keys->list[keys->count++], PH_STORE_KEY_BYTES, "%s", key);
    return 0;
}

/* The MP4 comes last: once it is on its way, so is all the rest. */
int ph_recording_restore(struct ph_store *store, const char *id) {
    char prefix[PH_STORE_KEY_BYTES - 16], mp4[PH_STORE_KEY_BYTES];
    struct keys keys = {0};
    snprintf(prefix, sizeof(prefix), "recordings/%s", id);
    snprintf(mp4, sizeof(mp4), "%s/recording.mp4", prefix);
    int code = ph_store_list(store, prefix, keep, &keys);
    for (size_t i = 0; code == 0 && i < keys.count; i++) {
        if (strcmp(keys.list[i], mp4) != 0)
            code = ph_store_restore(store, keys.list[i], PH_RESTORED_DAYS);
    }
    free(keys.list);
    return code < 0 ? code : ph_store_restore(store, mp4, PH_RESTORED_DAYS);
}
