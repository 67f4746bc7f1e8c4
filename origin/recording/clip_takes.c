/* Which of a clip's takes counts, and how what it made becomes the clip. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "origin/recording/clip_private.h"

/* A bucket copies 5 GiB at once, but may take minutes for that, in which no lease is renewed: where each of
 * several workers loses it to the next, none would ever come to the end. This much takes seconds. A folder
 * links. */
static const uint64_t most_copied_bytes = UINT64_C(1) << 30, most_linked_bytes = UINT64_MAX;

static const char claim_name[] = "take.json";

static int read_claim(struct ph_slice text, uint32_t *take) {
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    json_int_t number = json_integer_value(json_object_get(root, "take"));
    json_decref(root);
    *take = (uint32_t)number;
    return number > 0 && number <= UINT32_MAX ? 0 : PH_INVALID_DATA;
}

int ph_clip_find_take(struct ph_clip_making *making, uint32_t *take) {
    struct ph_bytes *text;
    int code = ph_clip_get(making, making->place, "", claim_name, &text);
    if (!code)
        code = read_claim(ph_bytes_slice(text), take);
    ph_bytes_unref(&text);
    return code;
}

int ph_clip_settle_take(struct ph_clip_making *making, uint32_t *take) {
    char key[PH_STORE_KEY_BYTES], text[32];
    int size = snprintf(text, sizeof(text), "{\"take\":%" PRIu32 "}", making->clip->take);
    int code = ph_clip_key(key, making->place, "", claim_name);
    if (!code)
        code = ph_store_put(making->store,
            &(struct ph_store_put){.key = key,
                .bytes = {(const uint8_t *)text, (size_t)size},
                .content_type = "application/json",
                .if_absent = true},
            NULL);
    *take = making->clip->take;
    return code == -EEXIST ? ph_clip_find_take(making, take) : code;
}

int ph_clip_load_manifest(struct ph_clip_making *making, const char *prefix, struct ph_manifest *manifest) {
    struct ph_bytes *json;
    int code = ph_clip_get(making, prefix, "", "recording.json", &json);
    if (!code)
        code = ph_manifest_from_json(ph_bytes_slice(json), manifest, NULL);
    ph_bytes_unref(&json);
    return code == -EINVAL ? PH_INVALID_DATA : code;
}

/* Objects on their way. */
struct moving {
    struct ph_clip_making *making;
    char from[PH_STORE_KEY_BYTES]; /* what the take that counts made */
};

static int move(struct moving *moving, const char *track, const char *name) {
    struct ph_clip_making *making = moving->making;
    char from[PH_STORE_KEY_BYTES], to[PH_STORE_KEY_BYTES];
    int code = making->clip->cutter->keep_on(making->clip->cutter);
    if (!code)
        code = ph_clip_key(from, moving->from, track, name);
    if (!code)
        code = ph_clip_key(to, making->place, track, name);
    return code ? code : ph_store_copy(making->store, from, to);
}

static int move_track(struct moving *moving, const struct ph_manifest *manifest, uint32_t index) {
    const struct ph_manifest_track *track = &manifest->tracks[index];
    const char *folder = manifest->publication.tracks[index].name;
    char name[32];
    int code = track->init_bytes ? move(moving, folder, "init.mp4") : 0;
    for (uint32_t i = 0; i < track->count && !code; i++) {
        snprintf(name, sizeof(name), "%" PRIu64 ".m4s", track->segments[i].number);
        if (!(track->segments[i].flags & PH_MANIFEST_GAP))
            code = move(moving, folder, name);
    }
    return code;
}

static int move_pictures(struct moving *moving, const struct ph_manifest *manifest) {
    const struct ph_storyboard *board = &manifest->storyboard;
    char name[48];
    int code = manifest->has_poster ? move(moving, "", "poster.jpg") : 0;
    if (!code && board->sheet_count)
        code = move(moving, "", "storyboard.vtt");
    for (uint32_t i = 0; i < board->sheet_count && !code; i++) {
        snprintf(name, sizeof(name), "storyboard-%" PRIu32 ".jpg", board->sheets[i].first_tile);
        code = move(moving, "", name);
    }
    return code;
}

/* The same bytes once more, of the segments that are in their place: the store copies none so large. */
static int make_mp4(struct ph_clip_making *making, struct ph_manifest *manifest) {
    struct ph_manifest again;
    struct ph_recorder_result result;
    int code = ph_clip_rebuild(making, making->place, &again, &result);
    if (code)
        return code;
    manifest->mp4_bytes = result.bytes;
    memcpy(manifest->mp4_etag, result.etag, sizeof(manifest->mp4_etag));
    ph_manifest_finish(&again);
    return 0;
}

/* A copy may have another tag. */
static int move_mp4(struct moving *moving, struct ph_manifest *manifest) {
    struct ph_clip_making *making = moving->making;
    uint64_t most = ph_store_folder(making->store) ? most_linked_bytes : most_copied_bytes;
    if (making->clip->most_copied_bytes)
        most = making->clip->most_copied_bytes;
    if (manifest->mp4_bytes > most)
        return make_mp4(making, manifest);
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    int code = move(moving, "", "recording.mp4");
    if (!code)
        code = ph_clip_key(key, making->place, "", "recording.mp4");
    if (!code)
        code = ph_store_head(making->store, key, &object);
    if (!code)
        memcpy(manifest->mp4_etag, object.etag, sizeof(manifest->mp4_etag));
    return code;
}

static int put_manifest(struct ph_clip_making *making, const struct ph_manifest *manifest) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_bytes *json = ph_manifest_to_json(manifest);
    int code = json ? ph_clip_key(key, making->place, "", "recording.json") : -ENOMEM;
    if (!code)
        code = making->clip->cutter->keep_on(making->clip->cutter);
    if (!code)
        code = ph_store_put(making->store,
            &(struct ph_store_put){
                .key = key, .bytes = ph_bytes_slice(json), .content_type = "application/json"},
            NULL);
    ph_bytes_unref(&json);
    return code;
}

static int move_all(struct moving *moving, struct ph_manifest *manifest) {
    int code = move(moving, "", "publication.json");
    for (uint32_t i = 0; i < manifest->publication.track_count && !code; i++)
        code = move_track(moving, manifest, i);
    if (!code)
        code = move_pictures(moving, manifest);
    if (!code && manifest->mp4_bytes)
        code = move_mp4(moving, manifest);
    return code ? code : put_manifest(moving->making, manifest);
}

int ph_clip_publish(struct ph_clip_making *making, uint32_t take, struct ph_manifest *manifest) {
    struct moving moving = {.making = making};
    snprintf(moving.from, sizeof(moving.from), "uploads/%s/take-%" PRIu32, making->clip->id, take);
    int code = ph_clip_load_manifest(making, moving.from, manifest);
    if (!code) {
        code = move_all(&moving, manifest);
        if (code)
            ph_manifest_finish(manifest);
    }
    /* Whoever came first has put it all, and cleared away. */
    return code == -ENOENT ? ph_clip_load_manifest(making, making->place, manifest) : code;
}
