#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "origin/recording/clip_private.h"
#include "origin/recording/rebuild.h"

/* How long a segment may be on its way to the store behind the one after it. */
static const int64_t settling_ms = INT64_C(60) * 1000;

int ph_clip_key(char key[PH_STORE_KEY_BYTES], const char *prefix, const char *track, const char *name) {
    int size = snprintf(
        key, PH_STORE_KEY_BYTES, "%s%s%s%s%s", prefix, *track ? "/" : "", track, *name ? "/" : "", name);
    return size > 0 && size < PH_STORE_KEY_BYTES ? 0 : -EINVAL;
}

int ph_clip_get(struct ph_clip_making *making, const char *prefix, const char *track, const char *name,
    struct ph_bytes **bytes) {
    char key[PH_STORE_KEY_BYTES];
    *bytes = NULL;
    int code = ph_clip_key(key, prefix, track, name);
    return code ? code : ph_store_get(making->store, key, 0, UINT64_MAX, bytes);
}

int ph_clip_put(struct ph_clip_making *making, const char *track, const char *name, struct ph_slice bytes,
    const char *type) {
    char key[PH_STORE_KEY_BYTES];
    int code = ph_clip_key(key, making->work, track, name);
    return code ? code
                : ph_store_put(making->store,
                      &(struct ph_store_put){.key = key, .bytes = bytes, .content_type = type}, NULL);
}

/* From the source. */
static int get(struct ph_clip_making *making, const char *track, const char *name, struct ph_bytes **bytes) {
    return ph_clip_get(making, making->source, track, name, bytes);
}

static int copy(struct ph_clip_making *making, const char *track, const char *name) {
    char from[PH_STORE_KEY_BYTES], to[PH_STORE_KEY_BYTES];
    int code = ph_clip_key(from, making->source, track, name);
    if (!code)
        code = ph_clip_key(to, making->work, track, name);
    return code ? code : ph_store_copy(making->store, from, to);
}

static int64_t segment_us(const struct ph_publication *publication, uint64_t number) {
    double frames = (double)number * publication->frames_per_part * publication->parts_per_segment;
    return (int64_t)(frames * publication->grid_rate.den * 1e6 / publication->grid_rate.num + 0.5);
}

/* Of a track's segments. */
struct lowest {
    uint64_t number;
    int64_t modified_ms;
};

static int note_lowest(void *opaque, const char *key, const struct ph_store_object *object) {
    struct lowest *lowest = opaque;
    struct ph_media_file file;
    const char *name = strrchr(key, '/');
    if (name && !ph_media_file_parse(name + 1, &file) && file.kind == PH_FILE_SEGMENT &&
        file.position.segment < lowest->number)
        *lowest = (struct lowest){file.position.segment, object->modified_ms};
    return 0;
}

/* Segments are put beside each other: the one before what is the first by now may be on its way. */
static bool may_be_preceded(const struct ph_clip_making *making, const struct lowest *lowest) {
    int64_t now_ms = ph_clock_utc_us(ph_clock_system()) / PH_MILLISECOND_US;
    return !making->is_over && lowest->number > 0 && now_ms - lowest->modified_ms < settling_ms;
}

/* When the source's picture begins, in session time: a clip's begins within a segment. */
static int find_start(struct ph_clip_making *making, int64_t *start_us) {
    const char *track = making->publication.tracks[0].name;
    char prefix[PH_STORE_KEY_BYTES], name[32];
    struct ph_bytes *init = NULL, *bytes = NULL;
    struct ph_manifest_segment segment;
    struct lowest lowest = {.number = UINT64_MAX};
    int code = ph_clip_key(prefix, making->source, track, "");
    if (!code)
        code = ph_store_list(making->store, prefix, note_lowest, &lowest);
    if (!code && lowest.number == UINT64_MAX)
        return making->is_over ? -ENODATA : -EAGAIN;
    if (!code && may_be_preceded(making, &lowest))
        return -EAGAIN;
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", lowest.number);
    if (!code)
        code = get(making, track, "init.mp4", &init);
    if (!code)
        code = get(making, track, name, &bytes);
    if (!code)
        code = ph_manifest_describe_segment(
            ph_bytes_slice(init), lowest.number, ph_bytes_slice(bytes), &segment);
    if (!code)
        *start_us =
            (int64_t)((double)segment.start_ticks * 1e6 / making->publication.tracks[0].timescale + 0.5);
    ph_bytes_unref(&init);
    ph_bytes_unref(&bytes);
    return code;
}

/* Cuts a segment. One that cannot be cut at its beginning stays whole there: the clip begins a little early.
 */
static int cut(
    struct ph_clip_making *making, uint32_t track, const char *name, int64_t from_us, int64_t to_us) {
    struct ph_clip_cutter *cutter = making->clip->cutter;
    const char *folder = making->publication.tracks[track].name;
    struct ph_bytes *init = NULL, *bytes = NULL, *made = NULL;
    int code = get(making, folder, "init.mp4", &init);
    if (!code)
        code = get(making, folder, name, &bytes);
    if (!code)
        code = cutter->cut(cutter, &making->publication, track, from_us, to_us, ph_bytes_slice(init),
            ph_bytes_slice(bytes), &made);
    if (code == -ENOTSUP) {
        ph_log_warning("a clip begins with a whole segment: the track was encoded with other settings",
            ph_str("recording", making->clip->id), ph_str("track", folder));
        code = cutter->cut(cutter, &making->publication, track, 0, to_us, ph_bytes_slice(init),
            ph_bytes_slice(bytes), &made);
    }
    if (!code)
        code = ph_clip_put(making, folder, name, ph_bytes_slice(made), "video/mp4");
    making->segments += code == 0;
    ph_bytes_unref(&init);
    ph_bytes_unref(&bytes);
    ph_bytes_unref(&made);
    return code == -ENODATA ? 0 : code;
}

static int make_segment(struct ph_clip_making *making, uint32_t track, uint64_t number) {
    int64_t start_us = segment_us(&making->publication, number);
    int64_t end_us = segment_us(&making->publication, number + 1);
    char name[32];
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", number);
    int code = making->clip->cutter->keep_on(making->clip->cutter);
    if (code)
        return code;
    if (start_us < making->from_us || end_us > making->to_us)
        code = cut(making, track, name, making->from_us, making->to_us);
    else
        code = copy(making, making->publication.tracks[track].name, name);
    if (code == -ENOENT) /* a gap, or not there yet */
        return making->is_over ? 0 : -EAGAIN;
    making->segments += code == 0;
    return code;
}

static int make_track(struct ph_clip_making *making, uint32_t track) {
    int64_t length_us = segment_us(&making->publication, 1);
    int code = copy(making, making->publication.tracks[track].name, "init.mp4");
    if (code == -ENOENT) /* a track of which nothing came, or not yet */
        return making->is_over ? 0 : -EAGAIN;
    uint64_t first = (uint64_t)(making->from_us / length_us);
    for (uint64_t n = first; !code && segment_us(&making->publication, n) < making->to_us; n++) {
        if (segment_us(&making->publication, n + 1) > making->from_us)
            code = make_segment(making, track, n);
    }
    return code;
}

static int read_source(struct ph_clip_making *making) {
    struct ph_bytes *json = NULL;
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    int64_t start_us = 0;
    int code = ph_clip_key(key, making->source, "", "recording.json");
    if (!code)
        code = ph_store_head(making->store, key, &object);
    making->is_over = code == 0;
    if (code && code != -ENOENT)
        return code;
    code = get(making, "", "publication.json", &json);
    if (code)
        return code == -ENOENT ? -ENODATA : code;
    if (ph_publication_from_json(
            (const char *)ph_bytes_data(json), ph_bytes_size(json), &making->publication, NULL))
        code = PH_INVALID_DATA;
    if (!code)
        code = ph_clip_put(making, "", "publication.json", ph_bytes_slice(json), "application/json");
    ph_bytes_unref(&json);
    if (!code)
        code = find_start(making, &start_us);
    making->from_us = start_us + making->clip->from_us;
    making->to_us = start_us + making->clip->to_us;
    return code;
}

static int keep_on(void *opaque) {
    struct ph_clip_cutter *cutter = opaque;
    return cutter->keep_on(cutter);
}

int ph_clip_rebuild(struct ph_clip_making *making, const char *prefix, struct ph_manifest *manifest,
    struct ph_recorder_result *result) {
    const struct ph_rebuild rebuild = {.prefix = prefix,
        .id = making->clip->id,
        .title = making->clip->title,
        .keep_on = keep_on,
        .opaque = making->clip->cutter};
    return ph_recorder_rebuild_there(making->store, &rebuild, manifest, result);
}

/* The MP4, the pictures and the list, from what was made. */
static int complete(struct ph_clip_making *making) {
    struct ph_manifest manifest;
    struct ph_recorder_result recorded;
    int code = ph_clip_rebuild(making, making->work, &manifest, &recorded);
    if (code)
        return code;
    code = ph_clip_draw(making, &manifest);
    struct ph_bytes *json = code ? NULL : ph_manifest_to_json(&manifest);
    if (!code)
        code = json ? ph_clip_put(making, "", "recording.json", ph_bytes_slice(json), "application/json")
                    : -ENOMEM;
    ph_bytes_unref(&json);
    ph_manifest_finish(&manifest);
    return code;
}

/* Takes away what takes made that is not needed any more; what stays goes with the store's rules. */
static void clear(struct ph_clip_making *making, const char *prefix) {
    int code = ph_store_remove_all(making->store, prefix);
    if (code)
        ph_log_warning("what a clip was made of stays in the store until it expires",
            ph_str("recording", making->clip->id), ph_code(code));
}

static int make_take(struct ph_clip_making *making) {
    int code = read_source(making);
    for (uint32_t i = 0; !code && i < making->publication.track_count; i++)
        code = make_track(making, i);
    if (!code && !making->segments)
        code = -ENODATA;
    if (!code)
        code = complete(making);
    if (code)
        clear(making, making->work);
    return code;
}

/* Nothing is where it belongs before it is settled whose it is. */
static int make(struct ph_clip_making *making, struct ph_manifest *manifest) {
    uint32_t take;
    int code = ph_clip_find_take(making, &take);
    if (code == -ENOENT) {
        code = make_take(making);
        if (!code)
            code = ph_clip_settle_take(making, &take);
        else if (ph_clip_find_take(making, &take) == 0) /* another came first, and cleared away */
            code = 0;
    }
    return code ? code : ph_clip_publish(making, take, manifest);
}

static void tell(const struct ph_manifest *manifest, struct ph_clip_result *result) {
    result->duration_us = manifest->duration_us;
    result->mp4_bytes = manifest->mp4_bytes;
    result->total_bytes = ph_manifest_total_bytes(manifest);
    result->has_poster = manifest->has_poster;
    result->has_storyboard = manifest->storyboard.sheet_count > 0;
    ph_manifest_picture_size(manifest, &result->width, &result->height);
}

int ph_clip_make(struct ph_store *store, const struct ph_clip *clip, struct ph_clip_result *result) {
    struct ph_clip_making *making = calloc(1, sizeof(*making));
    struct ph_manifest manifest;
    char takes[PH_STORE_KEY_BYTES], own[24];
    *result = (struct ph_clip_result){0};
    if (!making)
        return -ENOMEM;
    making->store = store;
    making->clip = clip;
    snprintf(own, sizeof(own), "take-%" PRIu32, clip->take);
    int code = ph_clip_key(making->source, "recordings", clip->source, "");
    if (!code)
        code = ph_clip_key(making->place, "recordings", clip->id, "");
    if (!code)
        code = ph_clip_key(takes, "uploads", clip->id, "");
    if (!code)
        code = ph_clip_key(making->work, takes, own, "");
    if (!code)
        code = ph_clip_load_manifest(making, making->place, &manifest);
    if (code == -ENOENT)
        code = make(making, &manifest);
    if (!code) {
        tell(&manifest, result);
        ph_manifest_finish(&manifest);
        clear(making, takes);
    }
    free(making);
    return code;
}
