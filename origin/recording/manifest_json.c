#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hex.h"
#include "origin/recording/manifest.h"

enum { version = 1, fields = 7, most_tile_pixels = 4096, most_tiles_across = 64 };

static const int64_t most_number = INT64_C(1) << 53;

static bool read_hash(json_t *node, uint8_t hash[PH_STORE_HASH_BYTES]) {
    return json_string_length(node) == (size_t)2 * PH_STORE_HASH_BYTES &&
           ph_hex_read(json_string_value(node), hash, PH_STORE_HASH_BYTES);
}

/* Gives the value away, also when it is NULL: then the failure is kept in `ok`. */
static void put(json_t *object, const char *key, json_t *value, bool *ok) {
    if (json_object_set_new(object, key, value))
        *ok = false;
}
static void push(json_t *array, json_t *value, bool *ok) {
    if (json_array_append_new(array, value))
        *ok = false;
}

static json_t *segment_node(const struct ph_manifest_segment *segment, bool *ok) {
    char hash[2 * PH_STORE_HASH_BYTES + 1] = "";
    if (!(segment->flags & PH_MANIFEST_GAP))
        ph_hex_write(segment->hash, PH_STORE_HASH_BYTES, hash);
    json_t *node = json_array();
    push(node, json_integer((json_int_t)segment->number), ok);
    push(node, json_integer(segment->start_ticks), ok);
    push(node, json_integer(segment->duration_ticks), ok);
    push(node, json_integer((json_int_t)segment->bytes), ok);
    push(node, json_integer(segment->flags), ok);
    push(node, json_integer(segment->key_bytes), ok);
    push(node, json_string(hash), ok);
    return node;
}

static json_t *track_node(const struct ph_manifest *manifest, uint32_t index, bool *ok) {
    const struct ph_manifest_track *track = &manifest->tracks[index];
    char hash[2 * PH_STORE_HASH_BYTES + 1] = "";
    if (track->init_bytes)
        ph_hex_write(track->init_hash, PH_STORE_HASH_BYTES, hash);
    json_t *node = json_object(), *segments = json_array();
    put(node, "name", json_string(manifest->publication.tracks[index].name), ok);
    put(node, "initBytes", json_integer(track->init_bytes), ok);
    put(node, "initHash", json_string(hash), ok);
    for (uint32_t i = 0; i < track->count && *ok; i++)
        push(segments, segment_node(&track->segments[i], ok), ok);
    put(node, "segments", segments, ok);
    return node;
}

static json_t *publication_node(const struct ph_publication *publication) {
    char *text = ph_publication_to_json(publication);
    json_t *node = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return node;
}

static json_t *mp4_node(const struct ph_manifest *manifest, bool *ok) {
    if (!manifest->mp4_bytes)
        return json_null();
    json_t *node = json_object();
    put(node, "bytes", json_integer((json_int_t)manifest->mp4_bytes), ok);
    put(node, "etag", json_string(manifest->mp4_etag), ok);
    return node;
}

static json_t *hash_node(const struct ph_manifest_picture *picture) {
    char hash[2 * PH_STORE_HASH_BYTES + 1];
    ph_hex_write(picture->hash, PH_STORE_HASH_BYTES, hash);
    return json_string(hash);
}

static json_t *sheet_node(const struct ph_manifest_sheet *sheet, bool *ok) {
    json_t *node = json_array();
    push(node, json_integer(sheet->first_tile), ok);
    push(node, json_integer(sheet->tiles), ok);
    if (sheet->picture.bytes) {
        push(node, json_integer(sheet->picture.bytes), ok);
        push(node, hash_node(&sheet->picture), ok);
    }
    return node;
}

static void put_poster(json_t *root, const struct ph_manifest *manifest, bool *ok) {
    put(root, "poster", json_boolean(manifest->has_poster), ok);
    if (!manifest->has_poster || !manifest->poster.bytes)
        return;
    put(root, "posterBytes", json_integer(manifest->poster.bytes), ok);
    put(root, "posterHash", hash_node(&manifest->poster), ok);
}

static json_t *storyboard_node(const struct ph_storyboard *board, bool *ok) {
    if (!board->sheet_count)
        return json_null();
    json_t *node = json_object(), *sheets = json_array();
    put(node, "intervalUs", json_integer(board->interval_us), ok);
    put(node, "width", json_integer(board->width), ok);
    put(node, "height", json_integer(board->height), ok);
    put(node, "columns", json_integer(board->columns), ok);
    put(node, "rows", json_integer(board->rows), ok);
    for (uint32_t i = 0; i < board->sheet_count; i++)
        push(sheets, sheet_node(&board->sheets[i], ok), ok);
    put(node, "sheets", sheets, ok);
    return node;
}

struct ph_bytes *ph_manifest_to_json(const struct ph_manifest *manifest) {
    bool ok = true;
    json_t *root = json_object(), *tracks = json_array();
    put(root, "version", json_integer(version), &ok);
    put(root, "id", json_string(manifest->id), &ok);
    put(root, "publication", publication_node(&manifest->publication), &ok);
    put(root, "startedAt", json_integer(manifest->started_utc_us), &ok);
    put(root, "durationUs", json_integer(manifest->duration_us), &ok);
    for (uint32_t i = 0; i < manifest->publication.track_count; i++)
        push(tracks, track_node(manifest, i, &ok), &ok);
    put(root, "tracks", tracks, &ok);
    put(root, "mp4", mp4_node(manifest, &ok), &ok);
    put_poster(root, manifest, &ok);
    put(root, "storyboard", storyboard_node(&manifest->storyboard, &ok), &ok);
    char *text = ok ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text ? ph_bytes_adopt(text, strlen(text)) : NULL;
}

static int wrong(struct ph_error *error, const char *key) {
    return ph_error_set(error, -EINVAL, "%s: missing, or not what it must be", key);
}

/* A whole number from 0 to `most`. */
static bool read_number(json_t *node, int64_t most, int64_t *value) {
    *value = json_integer_value(node);
    return json_is_integer(node) && *value >= 0 && *value <= most;
}

static bool read_u32(json_t *node, int64_t least, int64_t most, uint32_t *value) {
    int64_t number = 0;
    bool is_good = read_number(node, most, &number) && number >= least;
    *value = is_good ? (uint32_t)number : 0;
    return is_good;
}

static bool read_segment(json_t *node, struct ph_manifest_segment *segment) {
    int64_t number = 0, start = 0, bytes = 0;
    *segment = (struct ph_manifest_segment){0};
    if (json_array_size(node) != fields || !read_number(json_array_get(node, 0), most_number, &number) ||
        !read_number(json_array_get(node, 1), most_number, &start) ||
        !read_u32(json_array_get(node, 2), 1, UINT32_MAX, &segment->duration_ticks) ||
        !read_number(json_array_get(node, 3), most_number, &bytes) ||
        !read_u32(json_array_get(node, 4), 0, PH_MANIFEST_GAP | PH_MANIFEST_DISCONTINUITY, &segment->flags) ||
        !read_u32(json_array_get(node, 5), 0, UINT32_MAX, &segment->key_bytes))
        return false;
    segment->number = (uint64_t)number;
    segment->start_ticks = start;
    segment->bytes = (uint64_t)bytes;
    if (segment->flags & PH_MANIFEST_GAP)
        return !bytes && !segment->key_bytes;
    return bytes && read_hash(json_array_get(node, 6), segment->hash);
}

static int read_segments(
    json_t *nodes, struct ph_manifest *manifest, uint32_t index, struct ph_error *error) {
    const struct ph_manifest_track *track = &manifest->tracks[index];
    if (!json_is_array(nodes) || json_array_size(nodes) > PH_MOST_MANIFEST_SEGMENTS)
        return wrong(error, "segments");
    for (uint32_t i = 0; i < json_array_size(nodes); i++) {
        struct ph_manifest_segment segment;
        if (!read_segment(json_array_get(nodes, i), &segment))
            return ph_error_set(error, -EINVAL, "track %" PRIu32 ", segment %" PRIu32 " is none", index, i);
        if (i && segment.number != track->segments[i - 1].number + 1)
            return ph_error_set(
                error, -EINVAL, "track %" PRIu32 ", segment %" PRIu32 " does not follow", index, i);
        int code = ph_manifest_add_segment(manifest, index, &segment);
        if (code == -ENOMEM)
            return code;
        if (code)
            return ph_error_set(error, -EINVAL, "track %" PRIu32 ", segment %" PRIu32 " overlaps", index, i);
    }
    return 0;
}

static int read_tracks(json_t *nodes, struct ph_manifest *manifest, struct ph_error *error) {
    int code = 0;
    if (!json_is_array(nodes) || json_array_size(nodes) != manifest->publication.track_count)
        return wrong(error, "tracks");
    for (uint32_t i = 0; i < manifest->publication.track_count && !code; i++) {
        json_t *node = json_array_get(nodes, i);
        struct ph_manifest_track *track = &manifest->tracks[i];
        const char *name = json_string_value(json_object_get(node, "name"));
        if (!name || strcmp(name, manifest->publication.tracks[i].name) != 0)
            return wrong(error, "tracks: name");
        if (!read_u32(json_object_get(node, "initBytes"), 0, UINT32_MAX, &track->init_bytes))
            return wrong(error, "tracks: initBytes");
        if (track->init_bytes && !read_hash(json_object_get(node, "initHash"), track->init_hash))
            return wrong(error, "tracks: initHash");
        code = read_segments(json_object_get(node, "segments"), manifest, i, error);
    }
    return code;
}

static int read_mp4(json_t *node, struct ph_manifest *manifest, struct ph_error *error) {
    int64_t bytes = 0;
    if (json_is_null(node))
        return 0;
    json_t *etag = json_object_get(node, "etag");
    if (!read_number(json_object_get(node, "bytes"), most_number, &bytes) || !bytes ||
        !json_is_string(etag) || json_string_length(etag) >= sizeof(manifest->mp4_etag))
        return wrong(error, "mp4");
    manifest->mp4_bytes = (uint64_t)bytes;
    memcpy(manifest->mp4_etag, json_string_value(etag), json_string_length(etag));
    return 0;
}

/* Nothing of it is fine: its bytes are not known. */
static bool read_picture(json_t *bytes, json_t *hash, struct ph_manifest_picture *picture) {
    if (!bytes && !hash)
        return true;
    return read_u32(bytes, 1, UINT32_MAX, &picture->bytes) && read_hash(hash, picture->hash);
}

static int read_poster(json_t *root, struct ph_manifest *manifest, struct ph_error *error) {
    json_t *poster = json_object_get(root, "poster");
    if (!json_is_boolean(poster) || !read_picture(json_object_get(root, "posterBytes"),
                                        json_object_get(root, "posterHash"), &manifest->poster))
        return wrong(error, "poster");
    manifest->has_poster = json_is_true(poster);
    return 0;
}

static int read_sheets(json_t *nodes, struct ph_manifest *manifest, struct ph_error *error) {
    struct ph_storyboard *board = &manifest->storyboard;
    int64_t next = 0;
    int code = 0;
    if (!json_array_size(nodes) || json_array_size(nodes) > PH_MOST_MANIFEST_SHEETS)
        return wrong(error, "storyboard: sheets");
    for (size_t i = 0; i < json_array_size(nodes) && !code; i++) {
        json_t *node = json_array_get(nodes, i);
        struct ph_manifest_sheet sheet = {0};
        if (!read_u32(json_array_get(node, 0), next, INT32_MAX, &sheet.first_tile) ||
            !read_u32(json_array_get(node, 1), 1, (int64_t)board->columns * board->rows, &sheet.tiles) ||
            !read_picture(json_array_get(node, 2), json_array_get(node, 3), &sheet.picture))
            return wrong(error, "storyboard: sheets");
        next = (int64_t)sheet.first_tile + sheet.tiles;
        code = ph_storyboard_push(board, &sheet);
    }
    return code;
}

static int read_storyboard(json_t *node, struct ph_manifest *manifest, struct ph_error *error) {
    struct ph_storyboard *board = &manifest->storyboard;
    const int64_t most_interval_us = INT64_C(3600000000);
    if (json_is_null(node))
        return 0;
    if (!read_number(json_object_get(node, "intervalUs"), most_interval_us, &board->interval_us) ||
        !board->interval_us ||
        !read_u32(json_object_get(node, "width"), 1, most_tile_pixels, &board->width) ||
        !read_u32(json_object_get(node, "height"), 1, most_tile_pixels, &board->height) ||
        !read_u32(json_object_get(node, "columns"), 1, most_tiles_across, &board->columns) ||
        !read_u32(json_object_get(node, "rows"), 1, most_tiles_across, &board->rows))
        return wrong(error, "storyboard");
    return read_sheets(json_object_get(node, "sheets"), manifest, error);
}

static int read_publication(json_t *node, struct ph_publication *publication, struct ph_error *error) {
    char *text = json_is_object(node) ? json_dumps(node, JSON_COMPACT) : NULL;
    if (!text)
        return json_is_object(node) ? -ENOMEM : wrong(error, "publication");
    int code = ph_publication_from_json(text, strlen(text), publication, error);
    free(text);
    return code;
}

static int read_manifest(json_t *root, struct ph_manifest *manifest, struct ph_error *error) {
    struct ph_publication publication;
    json_t *id = json_object_get(root, "id");
    if (json_integer_value(json_object_get(root, "version")) != version)
        return wrong(error, "version");
    int code = read_publication(json_object_get(root, "publication"), &publication, error);
    if (code)
        return code;
    if (!json_is_string(id) || ph_manifest_init(manifest, json_string_value(id), &publication))
        return wrong(error, "id");
    if (!read_number(json_object_get(root, "startedAt"), most_number, &manifest->started_utc_us))
        return wrong(error, "startedAt");
    if (!read_number(json_object_get(root, "durationUs"), most_number, &manifest->duration_us))
        return wrong(error, "durationUs");
    code = read_poster(root, manifest, error);
    if (!code)
        code = read_tracks(json_object_get(root, "tracks"), manifest, error);
    if (!code)
        code = read_mp4(json_object_get(root, "mp4"), manifest, error);
    if (!code)
        code = read_storyboard(json_object_get(root, "storyboard"), manifest, error);
    return code;
}

int ph_manifest_from_json(struct ph_slice json, struct ph_manifest *manifest, struct ph_error *error) {
    json_error_t reason;
    *manifest = (struct ph_manifest){0};
    if (json.size > PH_MOST_MANIFEST_BYTES)
        return ph_error_set(error, -EINVAL, "it is larger than %d bytes", PH_MOST_MANIFEST_BYTES);
    json_t *root = json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, &reason);
    if (!root && json_error_code(&reason) == json_error_out_of_memory)
        return -ENOMEM;
    if (!root)
        return ph_error_set(
            error, -EINVAL, "line %d, column %d: %s", reason.line, reason.column, reason.text);
    int code = read_manifest(root, manifest, error);
    json_decref(root);
    if (code)
        ph_manifest_finish(manifest);
    return code;
}
