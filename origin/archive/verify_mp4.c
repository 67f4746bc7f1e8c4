#include "origin/archive/verify_mp4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/media/box.h"
#include "core/store/store_impl.h"
#include "origin/recording/rebuild.h"

enum {
    most_boxes = 16, /* before the media */
    most_head = 64 << 20,
    piece_bytes = 4 << 20,
};

/* A store that has all that another has, and keeps nothing: a composition in it is compared with the object
 * there. */
struct mirror {
    struct ph_store base;
    struct ph_store *real;
    uint64_t bytes;       /* of the MP4 */
    uint64_t media_begin; /* in it: what comes before is its head */
    uint64_t compared;
    bool differs;
};

static int mp4_key(char key[PH_STORE_KEY_BYTES], const char *id) {
    int size = snprintf(key, PH_STORE_KEY_BYTES, "recordings/%s/recording.mp4", id);
    return size > 0 && size < PH_STORE_KEY_BYTES ? 0 : -EINVAL;
}

static struct mirror *mirror_of(const struct ph_composition *composition) {
    return (struct mirror *)composition->store;
}

/* -EBADMSG ends the making: it is another one. */
static int compare(struct mirror *mirror, const char *key, uint64_t offset, struct ph_slice bytes) {
    struct ph_bytes *there;
    if (offset > mirror->bytes || bytes.size > mirror->bytes - offset) {
        mirror->differs = true;
        return -EBADMSG;
    }
    if (!bytes.size)
        return 0;
    int code = ph_store_get(mirror->real, key, offset, bytes.size, &there);
    if (code && code != -EBADMSG)
        return code;
    mirror->differs = code || memcmp(ph_bytes_data(there), bytes.data, bytes.size) != 0;
    ph_bytes_unref(&there);
    mirror->compared += bytes.size;
    return mirror->differs ? -EBADMSG : 0;
}

static void bounds(const struct ph_composition *composition, uint64_t *part_bytes, uint64_t *front) {
    (void)composition;
    *part_bytes = piece_bytes;
    *front = 0;
}

static int append(struct ph_composition *composition, uint32_t number, uint64_t offset, struct ph_slice bytes,
    struct ph_receipt *receipt) {
    struct mirror *mirror = mirror_of(composition);
    (void)number;
    snprintf(receipt->etag, sizeof(receipt->etag), "same");
    return compare(mirror, composition->key, mirror->media_begin + offset, bytes);
}

/* As much as there is, so that what the head is padded by is the same too. */
static int reserve(struct ph_composition *composition, uint64_t needed, uint64_t *front_bytes) {
    uint64_t there = mirror_of(composition)->media_begin;
    *front_bytes = there > needed ? there : needed;
    return 0;
}

static int finish(struct ph_composition *composition, struct ph_slice front,
    const struct ph_receipt *receipts, size_t count) {
    struct mirror *mirror = mirror_of(composition);
    (void)receipts;
    (void)count;
    if (front.size != mirror->media_begin || mirror->compared + front.size != mirror->bytes) {
        mirror->differs = true;
        return -EBADMSG;
    }
    return compare(mirror, composition->key, 0, front);
}

static int abort_it(struct ph_composition *composition) {
    (void)composition;
    return 0;
}

static void free_it(struct ph_composition *composition) {
    free(composition);
}

static const struct ph_composition_impl composition_impl = {.bounds = bounds,
    .append = append,
    .reserve = reserve,
    .finish = finish,
    .abort = abort_it,
    .free = free_it};

static int begin(struct ph_store *store, const char *key, const char *content_type,
    struct ph_composition **composition, char token[PH_COMPOSITION_TOKEN_BYTES]) {
    (void)content_type;
    *composition = calloc(1, sizeof(**composition));
    if (!*composition)
        return -ENOMEM;
    (*composition)->impl = &composition_impl;
    (*composition)->store = store;
    snprintf((*composition)->key, sizeof((*composition)->key), "%s", key);
    snprintf(token, PH_COMPOSITION_TOKEN_BYTES, "mirror");
    return 0;
}

static int get(
    struct ph_store *store, const char *key, uint64_t offset, uint64_t size, struct ph_bytes **bytes) {
    return ph_store_get(((struct mirror *)store)->real, key, offset, size, bytes);
}

static int head(struct ph_store *store, const char *key, struct ph_store_object *object) {
    return ph_store_head(((struct mirror *)store)->real, key, object);
}

static int list(
    struct ph_store *store, const char *prefix, const char *after, ph_store_visitor *visit, void *opaque) {
    return ph_store_list_after(((struct mirror *)store)->real, prefix, after, visit, opaque);
}

/* What making a recording again calls; nothing else reaches it. */
static const struct ph_store_impl mirror_impl = {.get = get, .head = head, .list = list, .begin = begin};

/* Where the media begins: behind the header of "mdat". PH_INVALID_DATA: it is no MP4 of ours. */
static int find_media(struct ph_store *store, const char *key, uint64_t bytes, uint64_t *media_begin) {
    uint64_t at = 0;
    for (int i = 0; i < most_boxes && at < bytes; i++) {
        struct ph_bytes *there;
        int code = ph_store_get(store, key, at, bytes - at < 16 ? bytes - at : 16, &there);
        if (code)
            return code;
        struct ph_cursor cursor = ph_cursor_init(ph_bytes_slice(there));
        struct ph_box_head box;
        bool is_box = ph_box_head_read(&cursor, &box);
        ph_bytes_unref(&there);
        if (!is_box || !box.size || box.size > bytes - at)
            return PH_INVALID_DATA;
        if (strcmp(box.type, "mdat") == 0) {
            *media_begin = at + box.bytes;
            return *media_begin <= most_head ? 0 : PH_INVALID_DATA;
        }
        at += box.size;
    }
    return PH_INVALID_DATA;
}

/* The text of the item "©nam": its size, "data", a type and a locale lie before it. */
static void take_title(struct ph_slice front, char title[PH_MP4_TITLE_BYTES]) {
    static const char name[] = "\xA9nam";
    const uint8_t *item = memmem(front.data, front.size, name, sizeof(name) - 1);
    if (!item)
        return;
    size_t begin = (size_t)(item - front.data) + sizeof(name) - 1;
    struct ph_cursor cursor = ph_cursor_init((struct ph_slice){front.data + begin, front.size - begin});
    uint32_t size = ph_cursor_u32(&cursor);
    ph_cursor_skip(&cursor, 12);
    struct ph_slice text = ph_cursor_take(&cursor, size > 16 ? size - 16 : 0);
    if (!ph_cursor_ok(&cursor) || text.size >= PH_MP4_TITLE_BYTES || !text.size)
        return;
    memcpy(title, text.data, text.size);
    title[text.size] = '\0';
}

static int read_title(
    struct ph_store *store, const char *key, uint64_t media_begin, char title[PH_MP4_TITLE_BYTES]) {
    struct ph_bytes *front;
    *title = '\0';
    int code = ph_store_get(store, key, 0, media_begin, &front);
    if (code)
        return code;
    take_title(ph_bytes_slice(front), title);
    ph_bytes_unref(&front);
    return 0;
}

int ph_verify_mp4_title(struct ph_store *store, const char *id, char title[PH_MP4_TITLE_BYTES]) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    uint64_t media_begin;
    *title = '\0';
    int code = mp4_key(key, id);
    if (!code)
        code = ph_store_head(store, key, &object);
    if (!code)
        code = find_media(store, key, object.bytes, &media_begin);
    if (!code)
        code = read_title(store, key, media_begin, title);
    return code == PH_INVALID_DATA || code == -EBADMSG ? 0 : code;
}

int ph_verify_mp4(struct ph_store *store, const char *id, bool *is_same) {
    struct mirror mirror = {.real = store};
    struct ph_manifest manifest;
    struct ph_recorder_result result;
    struct ph_store_object object;
    char key[PH_STORE_KEY_BYTES], title[PH_MP4_TITLE_BYTES];
    *is_same = false;
    int code = mp4_key(key, id);
    if (!code)
        code = ph_store_head(store, key, &object);
    if (!code)
        code = find_media(store, key, mirror.bytes = object.bytes, &mirror.media_begin);
    if (!code)
        code = read_title(store, key, mirror.media_begin, title);
    if (code)
        return code == PH_INVALID_DATA || code == -EBADMSG ? 0 : code;
    ph_store_init(&mirror.base, &mirror_impl, &(struct ph_store_options){.clock = store->clock});
    code = ph_recorder_rebuild(&mirror.base, id, *title ? title : NULL, &manifest, &result);
    if (!code)
        ph_manifest_finish(&manifest);
    ph_store_finish(&mirror.base);
    *is_same = !code && !mirror.differs;
    return mirror.differs ? 0 : code;
}
