#include "origin/recording/rebuild.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct numbers {
    uint64_t *list;
    size_t count, capacity;
};

struct rebuild {
    struct ph_store *store;
    const struct ph_rebuild *wanted;
    struct ph_manifest *manifest;
    struct ph_recorder *recorder;
    struct ph_bytes *inits[PH_MOST_TRACKS];
    struct numbers numbers[PH_MOST_TRACKS]; /* of the segments that are there, rising */
    size_t next[PH_MOST_TRACKS];
};

static int key_of(
    const struct rebuild *rebuild, char key[PH_STORE_KEY_BYTES], const char *track, const char *name) {
    int size = snprintf(key, PH_STORE_KEY_BYTES, "%s%s%s%s%s", rebuild->wanted->prefix, *track ? "/" : "",
        track, *name ? "/" : "", name);
    return size > 0 && size < PH_STORE_KEY_BYTES ? 0 : -EINVAL;
}

static int get(struct rebuild *rebuild, const char *track, const char *name, struct ph_bytes **bytes) {
    char key[PH_STORE_KEY_BYTES];
    *bytes = NULL;
    int code = key_of(rebuild, key, track, name);
    if (!code)
        code = ph_store_get(rebuild->store, key, 0, UINT64_MAX, bytes);
    return code;
}

static int read_publication(struct rebuild *rebuild) {
    struct ph_publication publication;
    struct ph_bytes *json = NULL;
    int code = get(rebuild, "", "publication.json", &json);
    if (code)
        return code;
    code =
        ph_publication_from_json((const char *)ph_bytes_data(json), ph_bytes_size(json), &publication, NULL);
    ph_bytes_unref(&json);
    if (code)
        return code == -EINVAL ? PH_INVALID_DATA : code;
    return ph_manifest_init(rebuild->manifest, rebuild->wanted->id, &publication);
}

static int note_number(void *opaque, const char *key, const struct ph_store_object *object) {
    struct numbers *numbers = opaque;
    struct ph_media_file file;
    const char *name = strrchr(key, '/');
    (void)object;
    if (!name || ph_media_file_parse(name + 1, &file) || file.kind != PH_FILE_SEGMENT)
        return 0;
    if (numbers->count == PH_MOST_MANIFEST_SEGMENTS)
        return PH_INVALID_DATA;
    if (numbers->count == numbers->capacity) {
        size_t capacity = numbers->capacity ? numbers->capacity * 2 : 1024;
        uint64_t *list = realloc(numbers->list, capacity * sizeof(*list));
        if (!list)
            return -ENOMEM;
        numbers->list = list;
        numbers->capacity = capacity;
    }
    numbers->list[numbers->count++] = file.position.segment;
    return 0;
}

static int compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* A track of which no init segment was ever published has nothing to show. */
static int read_track(struct rebuild *rebuild, uint32_t index) {
    const char *name = rebuild->manifest->publication.tracks[index].name;
    struct numbers *numbers = &rebuild->numbers[index];
    char prefix[PH_STORE_KEY_BYTES];
    int code = get(rebuild, name, "init.mp4", &rebuild->inits[index]);
    if (code)
        return code == -ENOENT ? 0 : code;
    code = ph_manifest_set_init(rebuild->manifest, index, ph_bytes_slice(rebuild->inits[index]));
    if (!code)
        code = key_of(rebuild, prefix, name, "");
    if (!code)
        code = ph_store_list(rebuild->store, prefix, note_number, numbers);
    if (!code && numbers->count)
        qsort(numbers->list, numbers->count, sizeof(*numbers->list), compare);
    return code;
}

static int open_recorder(struct rebuild *rebuild, const char *title) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_recorder_options options = {
        .store = rebuild->store, .key = key, .title = title, .publication = &rebuild->manifest->publication};
    for (uint32_t i = 0; i < rebuild->manifest->publication.track_count; i++) {
        if (rebuild->inits[i])
            options.inits[i] = ph_bytes_slice(rebuild->inits[i]);
    }
    int code = key_of(rebuild, key, "", "recording.mp4");
    return code ? code : ph_recorder_open(&rebuild->recorder, &options);
}

/* The track with the lowest number that was not read yet; false when all were. */
static bool next_segment(struct rebuild *rebuild, uint32_t *track, uint64_t *number) {
    bool found = false;
    for (uint32_t i = 0; i < PH_MOST_TRACKS; i++) {
        const struct numbers *numbers = &rebuild->numbers[i];
        size_t next = rebuild->next[i];
        if (next == numbers->count || (found && numbers->list[next] >= *number))
            continue;
        found = true;
        *track = i;
        *number = numbers->list[next];
    }
    if (found)
        rebuild->next[*track]++;
    return found;
}

/* A segment that cannot be read, or does not fit, becomes a gap. */
static int read_segment(struct rebuild *rebuild, uint32_t track, uint64_t number) {
    struct ph_manifest_segment segment;
    struct ph_bytes *bytes = NULL;
    char name[32];
    (void)snprintf(name, sizeof(name), "%" PRIu64 ".m4s", number);
    int code = get(rebuild, rebuild->manifest->publication.tracks[track].name, name, &bytes);
    if (code)
        return code == -ENOENT ? 0 : code;
    code = ph_manifest_describe_segment(
        ph_bytes_slice(rebuild->inits[track]), number, ph_bytes_slice(bytes), &segment);
    if (!code)
        code = ph_manifest_add_segment(rebuild->manifest, track, &segment);
    if (!code)
        code = ph_recorder_add(rebuild->recorder, track, number, ph_bytes_slice(bytes));
    ph_bytes_unref(&bytes);
    return code == PH_INVALID_DATA || code == -EINVAL || code == -EALREADY ? 0 : code;
}

static int keep_on(const struct ph_rebuild *wanted) {
    return wanted->keep_on ? wanted->keep_on(wanted->opaque) : 0;
}

static int run(struct rebuild *rebuild, struct ph_recorder_result *result) {
    uint32_t track = 0;
    uint64_t number = 0;
    int code = read_publication(rebuild);
    for (uint32_t i = 0; !code && i < rebuild->manifest->publication.track_count; i++)
        code = read_track(rebuild, i);
    if (!code)
        code = open_recorder(rebuild, rebuild->wanted->title);
    while (!code && next_segment(rebuild, &track, &number)) {
        code = keep_on(rebuild->wanted);
        if (!code)
            code = read_segment(rebuild, track, number);
    }
    if (!code)
        code = ph_recorder_finish(rebuild->recorder, result);
    return code;
}

int ph_recorder_rebuild(struct ph_store *store, const char *id, const char *title,
    struct ph_manifest *manifest, struct ph_recorder_result *result) {
    char prefix[PH_STORE_KEY_BYTES];
    int size = snprintf(prefix, sizeof(prefix), "recordings/%s", id);
    *manifest = (struct ph_manifest){0};
    if (size < 0 || size >= PH_STORE_KEY_BYTES)
        return -EINVAL;
    const struct ph_rebuild wanted = {.prefix = prefix, .id = id, .title = title};
    return ph_recorder_rebuild_there(store, &wanted, manifest, result);
}

int ph_recorder_rebuild_there(struct ph_store *store, const struct ph_rebuild *wanted,
    struct ph_manifest *manifest, struct ph_recorder_result *result) {
    struct rebuild rebuild = {.store = store, .wanted = wanted, .manifest = manifest};
    *manifest = (struct ph_manifest){0};
    int code = run(&rebuild, result);
    if (code) {
        /* What an abort that fails leaves is taken away by the store's rules. */
        int aborted = rebuild.recorder ? ph_recorder_abort(rebuild.recorder) : 0;
        (void)aborted;
        ph_manifest_finish(manifest);
    } else {
        ph_manifest_close(manifest);
        manifest->mp4_bytes = result->bytes;
        memcpy(manifest->mp4_etag, result->etag, sizeof(manifest->mp4_etag));
    }
    ph_recorder_free(rebuild.recorder);
    for (uint32_t i = 0; i < PH_MOST_TRACKS; i++) {
        ph_bytes_unref(&rebuild.inits[i]);
        free(rebuild.numbers[i].list);
    }
    return code;
}
