#include "origin/recording/clip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "origin/recording/fragment_reader.h"
#include "origin/recording/rebuild.h"

struct making {
    struct ph_store *store;
    const struct ph_clip *clip;
    struct ph_publication publication;
    int64_t from_us, to_us; /* session time */
    bool is_over;           /* the source grows no more */
    uint32_t segments;      /* made so far */
};

static int key_of(char key[PH_STORE_KEY_BYTES], const char *id, const char *track, const char *name) {
    int size = snprintf(key, PH_STORE_KEY_BYTES, "recordings/%s%s%s%s%s", id, *track ? "/" : "", track,
        *name ? "/" : "", name);
    return size > 0 && size < PH_STORE_KEY_BYTES ? 0 : -EINVAL;
}

static int get(struct making *making, const char *track, const char *name, struct ph_bytes **bytes) {
    char key[PH_STORE_KEY_BYTES];
    *bytes = NULL;
    int code = key_of(key, making->clip->source, track, name);
    return code ? code : ph_store_get(making->store, key, 0, UINT64_MAX, bytes);
}

static int put(
    struct making *making, const char *track, const char *name, struct ph_slice bytes, const char *type) {
    char key[PH_STORE_KEY_BYTES];
    int code = key_of(key, making->clip->id, track, name);
    return code ? code
                : ph_store_put(making->store,
                      &(struct ph_store_put){.key = key, .bytes = bytes, .content_type = type}, NULL);
}

static int copy(struct making *making, const char *track, const char *name) {
    char from[PH_STORE_KEY_BYTES], to[PH_STORE_KEY_BYTES];
    int code = key_of(from, making->clip->source, track, name);
    if (!code)
        code = key_of(to, making->clip->id, track, name);
    return code ? code : ph_store_copy(making->store, from, to);
}

static int64_t segment_us(const struct ph_publication *publication, uint64_t number) {
    double frames = (double)number * publication->frames_per_part * publication->parts_per_segment;
    return (int64_t)(frames * publication->grid_rate.den * 1e6 / publication->grid_rate.num + 0.5);
}

/* The lowest number of a track's segments. */
static int note_lowest(void *opaque, const char *key, const struct ph_store_object *object) {
    uint64_t *lowest = opaque;
    struct ph_media_file file;
    const char *name = strrchr(key, '/');
    (void)object;
    if (name && !ph_media_file_parse(name + 1, &file) && file.kind == PH_FILE_SEGMENT &&
        file.position.segment < *lowest)
        *lowest = file.position.segment;
    return 0;
}

/* When the source's picture begins, in session time: a clip's begins within a segment. */
static int find_start(struct making *making, int64_t *start_us) {
    const char *track = making->publication.tracks[0].name;
    char prefix[PH_STORE_KEY_BYTES], name[32];
    struct ph_bytes *init = NULL, *bytes = NULL;
    struct ph_manifest_segment segment;
    uint64_t lowest = UINT64_MAX;
    int code = key_of(prefix, making->clip->source, track, "");
    if (!code)
        code = ph_store_list(making->store, prefix, note_lowest, &lowest);
    if (!code && lowest == UINT64_MAX)
        return making->is_over ? -ENODATA : -EAGAIN;
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", lowest);
    if (!code)
        code = get(making, track, "init.mp4", &init);
    if (!code)
        code = get(making, track, name, &bytes);
    if (!code)
        code = ph_manifest_describe_segment(ph_bytes_slice(init), lowest, ph_bytes_slice(bytes), &segment);
    if (!code)
        *start_us =
            (int64_t)((double)segment.start_ticks * 1e6 / making->publication.tracks[0].timescale + 0.5);
    ph_bytes_unref(&init);
    ph_bytes_unref(&bytes);
    return code;
}

/* Cuts a segment. One that cannot be cut at its beginning stays whole there: the clip begins a little early.
 */
static int cut(struct making *making, uint32_t track, const char *name, int64_t from_us, int64_t to_us) {
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
        code = put(making, folder, name, ph_bytes_slice(made), "video/mp4");
    making->segments += code == 0;
    ph_bytes_unref(&init);
    ph_bytes_unref(&bytes);
    ph_bytes_unref(&made);
    return code == -ENODATA ? 0 : code;
}

static int make_segment(struct making *making, uint32_t track, uint64_t number) {
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

static int make_track(struct making *making, uint32_t track) {
    int64_t length_us = segment_us(&making->publication, 1);
    int code = copy(making, making->publication.tracks[track].name, "init.mp4");
    if (code == -ENOENT)
        return 0; /* a track of which nothing came */
    uint64_t first = (uint64_t)(making->from_us / length_us);
    for (uint64_t n = first; !code && segment_us(&making->publication, n) < making->to_us; n++) {
        if (segment_us(&making->publication, n + 1) > making->from_us)
            code = make_segment(making, track, n);
    }
    return code;
}

static int read_source(struct making *making) {
    struct ph_bytes *json = NULL;
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    int64_t start_us = 0;
    int code = key_of(key, making->clip->source, "", "recording.json");
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
        code = put(making, "", "publication.json", ph_bytes_slice(json), "application/json");
    ph_bytes_unref(&json);
    if (!code)
        code = find_start(making, &start_us);
    making->from_us = start_us + making->clip->from_us;
    making->to_us = start_us + making->clip->to_us;
    return code;
}

static int put_manifest(struct making *making, struct ph_manifest *manifest, struct ph_clip_result *result) {
    int code = copy(making, "", "poster.jpg");
    manifest->has_poster = code == 0;
    if (code && code != -ENOENT)
        return code;
    struct ph_bytes *json = ph_manifest_to_json(manifest);
    code = json ? put(making, "", "recording.json", ph_bytes_slice(json), "application/json") : -ENOMEM;
    result->duration_us = manifest->duration_us;
    result->mp4_bytes = manifest->mp4_bytes;
    result->total_bytes = manifest->mp4_bytes + ph_manifest_media_bytes(manifest);
    result->has_poster = manifest->has_poster;
    ph_bytes_unref(&json);
    return code;
}

/* The MP4 and the list, from what is in the store. */
static int make_whole(struct making *making, struct ph_clip_result *result) {
    struct ph_manifest manifest;
    struct ph_recorder_result recorded;
    int code =
        ph_recorder_rebuild(making->store, making->clip->id, making->clip->title, &manifest, &recorded);
    if (code)
        return code;
    result->width = recorded.width;
    result->height = recorded.height;
    code = put_manifest(making, &manifest, result);
    ph_manifest_finish(&manifest);
    return code;
}

int ph_clip_make(struct ph_store *store, const struct ph_clip *clip, struct ph_clip_result *result) {
    struct making *making = calloc(1, sizeof(*making));
    *result = (struct ph_clip_result){0};
    if (!making)
        return -ENOMEM;
    making->store = store;
    making->clip = clip;
    int code = read_source(making);
    for (uint32_t i = 0; !code && i < making->publication.track_count; i++)
        code = make_track(making, i);
    if (!code && !making->segments)
        code = -ENODATA;
    if (!code)
        code = make_whole(making, result);
    free(making);
    return code;
}
