#include "origin/archive/verify_objects.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "origin/archive/archive.h"
#include "origin/archive/folder_file.h"
#include "origin/archive/journal.h"
#include "origin/recording/manifest.h"
#include "origin/recording/rebuild.h"
#include "origin/session.h"

enum { name_bytes = 64 };

struct object {
    char name[name_bytes]; /* below the recording */
    uint64_t bytes;
};

struct check {
    struct ph_archive_verification *verification;
    char id[PH_SESSION_NAME_BYTES];
    char prefix[PH_SESSION_NAME_BYTES + 16];
    char dir[PH_ARCHIVE_PATH_BYTES]; /* in the spool */
    const char *track;               /* whose journal is read */
    struct object *objects;          /* by name */
    size_t count, capacity;
    bool has_manifest;
    bool wants_rebuild;
    struct ph_manifest manifest; /* with has_manifest */
};

static void report(struct check *check, const char *object, const char *what, bool repaired) {
    struct ph_archive_verification *verification = check->verification;
    verification->differences++;
    verification->repaired += repaired;
    verification->report(
        verification->opaque, &(struct ph_archive_difference){check->id, object, what, repaired});
}

static int note_object(void *opaque, const char *key, const struct ph_store_object *object) {
    struct check *check = opaque;
    const char *name = key + strlen(check->prefix) + 1;
    if (strlen(name) >= name_bytes)
        return 0;
    if (check->count == check->capacity) {
        size_t capacity = check->capacity ? 2 * check->capacity : 256;
        struct object *objects = realloc(check->objects, capacity * sizeof(*objects));
        if (!objects)
            return -ENOMEM;
        check->objects = objects;
        check->capacity = capacity;
    }
    struct object *added = &check->objects[check->count++];
    strcpy(added->name, name);
    added->bytes = object->bytes;
    check->verification->objects++;
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct object *)a)->name, ((const struct object *)b)->name);
}

static const struct object *find(const struct check *check, const char *name) {
    struct object wanted = {.bytes = 0};
    if (!check->count || strlen(name) >= name_bytes)
        return NULL;
    strcpy(wanted.name, name);
    return bsearch(&wanted, check->objects, check->count, sizeof(wanted), by_name);
}

static bool in_folder(const struct check *check, const char *name) {
    char path[PH_ARCHIVE_PATH_BYTES];
    return ph_archive_path(path, check->dir, name) == 0 && access(path, F_OK) == 0;
}

/* Puts an object again from the spool, when the file is still there with these many bytes. */
static int put_again(struct check *check, const char *name, uint64_t bytes, bool *repaired) {
    char path[PH_ARCHIVE_PATH_BYTES], key[PH_STORE_KEY_BYTES];
    struct ph_bytes *content = NULL;
    *repaired = false;
    if (!check->verification->repair || ph_archive_path(path, check->dir, name))
        return 0;
    if (snprintf(key, sizeof(key), "%s/%s", check->prefix, name) >= (int)sizeof(key))
        return -EINVAL;
    if (ph_file_load(path, (size_t)bytes, &content))
        return 0;
    int code = 0;
    if (ph_bytes_size(content) == bytes) {
        code = ph_store_put(check->verification->store,
            &(struct ph_store_put){.key = key, .bytes = ph_bytes_slice(content), .content_type = "video/mp4"},
            NULL);
        *repaired = code == 0;
    }
    ph_bytes_unref(&content);
    return code;
}

/* An object that should be there with these many bytes. */
static int expect(struct check *check, const char *name, uint64_t bytes, bool *is_there) {
    const struct object *object = find(check, name);
    *is_there = object && object->bytes == bytes;
    if (*is_there)
        return 0;
    bool repaired;
    int code = put_again(check, name, bytes, &repaired);
    if (!code)
        report(check, name, object ? "has another size" : "is missing", repaired);
    *is_there = repaired;
    return code;
}

static int check_line(void *opaque, const struct ph_manifest_segment *segment) {
    struct check *check = opaque;
    char name[name_bytes];
    bool is_there;
    snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", check->track, segment->number);
    return expect(check, name, segment->bytes, &is_there);
}

/* Every line of the journals is kept. Once there is a manifest it says the same. */
static int check_journals(struct check *check, const struct ph_publication *publication) {
    char dir[PH_ARCHIVE_PATH_BYTES];
    int code = 0;
    for (uint32_t i = 0; i < publication->track_count && !code; i++) {
        check->track = publication->tracks[i].name;
        code = ph_archive_path(dir, check->dir, check->track);
        if (!code)
            code = ph_journal_peek(dir, check_line, check);
    }
    check->track = NULL;
    return code;
}

static int check_segments(struct check *check) {
    char name[name_bytes];
    bool is_there;
    int code = 0;
    for (uint32_t i = 0; i < check->manifest.publication.track_count && !code; i++) {
        const struct ph_manifest_track *track = &check->manifest.tracks[i];
        const char *track_name = check->manifest.publication.tracks[i].name;
        snprintf(name, sizeof(name), "%s/init.mp4", track_name);
        if (track->init_bytes)
            code = expect(check, name, track->init_bytes, &is_there);
        for (uint32_t n = 0; n < track->count && !code; n++) {
            snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", track_name, track->segments[n].number);
            if (!(track->segments[n].flags & PH_MANIFEST_GAP))
                code = expect(check, name, track->segments[n].bytes, &is_there);
        }
    }
    return code;
}

/* The MP4 can be made again, pictures cannot. */
static int check_manifest(struct check *check) {
    char name[name_bytes];
    const struct ph_storyboard *board = &check->manifest.storyboard;
    const struct object *mp4 = find(check, "recording.mp4");
    int code = check_segments(check);
    check->wants_rebuild = check->manifest.mp4_bytes && (!mp4 || mp4->bytes != check->manifest.mp4_bytes);
    if (!code && check->wants_rebuild && !check->verification->repair)
        report(check, "recording.mp4", mp4 ? "has another size" : "is missing", false);
    if (!code && check->manifest.has_poster && !find(check, "poster.jpg"))
        report(check, "poster.jpg", "is missing", false);
    if (!code && board->sheet_count && !find(check, "storyboard.vtt"))
        report(check, "storyboard.vtt", "is missing", false);
    for (uint32_t i = 0; i < board->sheet_count && !code; i++) {
        snprintf(name, sizeof(name), "storyboard-%" PRIu32 ".jpg", board->sheets[i].first_tile);
        if (!find(check, name))
            report(check, name, "is missing", false);
    }
    return code;
}

static int put_manifest(struct check *check, const struct ph_manifest *manifest) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_bytes *json = ph_manifest_to_json(manifest);
    if (!json)
        return -ENOMEM;
    snprintf(key, sizeof(key), "%s/recording.json", check->prefix);
    int code = ph_store_put(check->verification->store,
        &(struct ph_store_put){.key = key, .bytes = ph_bytes_slice(json), .content_type = "application/json"},
        NULL);
    ph_bytes_unref(&json);
    return code;
}

static int tell(struct check *check, const struct ph_manifest *manifest) {
    struct ph_archive_catalogue *catalogue = check->verification->catalogue;
    struct ph_recording_facts facts = {.id = check->id,
        .duration_us = manifest->duration_us,
        .mp4_bytes = manifest->mp4_bytes,
        .total_bytes = manifest->mp4_bytes + ph_manifest_media_bytes(manifest),
        .has_poster = manifest->has_poster,
        .has_storyboard = manifest->storyboard.sheet_count > 0};
    for (uint32_t i = 0; i < manifest->publication.track_count; i++) {
        if (manifest->publication.tracks[i].height > facts.height) {
            facts.height = manifest->publication.tracks[i].height;
            facts.width = manifest->publication.tracks[i].width;
        }
    }
    return catalogue ? catalogue->ready(catalogue, &facts) : 0;
}

/* MP4 and manifest from the segments that are there. */
static int rebuild(struct check *check) {
    struct ph_manifest manifest;
    struct ph_recorder_result result;
    int code = ph_recorder_rebuild(check->verification->store, check->id, NULL, &manifest, &result);
    if (code)
        return code;
    manifest.has_poster = find(check, "poster.jpg") != NULL;
    if (check->has_manifest) {
        manifest.storyboard = check->manifest.storyboard;
        check->manifest.storyboard = (struct ph_storyboard){0};
    }
    code = put_manifest(check, &manifest);
    if (!code)
        code = tell(check, &manifest);
    ph_manifest_finish(&manifest);
    return code == -ENOENT ? 0 : code; /* the catalogue does not know it: nobody lists it */
}

/* Whether it is for this object alone that the verification cannot go on. */
static bool is_hopeless(int code) {
    return code == -ENOENT || code == -ENODATA || code == PH_INVALID_DATA || code == -EREMOTE;
}

static int mend(struct check *check, const char *object, const char *what) {
    if (!check->verification->repair) {
        report(check, object, what, false);
        return 0;
    }
    int code = rebuild(check);
    if (code && !is_hopeless(code))
        return code;
    report(check, object, what, code == 0);
    return 0;
}

static int load_manifest(struct check *check) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_bytes *json;
    if (!find(check, "recording.json"))
        return 0;
    snprintf(key, sizeof(key), "%s/recording.json", check->prefix);
    int code = ph_store_get(check->verification->store, key, 0, UINT64_MAX, &json);
    if (code)
        return code;
    code = ph_manifest_from_json(ph_bytes_slice(json), &check->manifest, NULL);
    ph_bytes_unref(&json);
    check->has_manifest = code == 0;
    return code == -EINVAL ? 0 : code;
}

/* What is said to be ready, or what no node works on any more. */
static int check_whole(struct check *check, bool is_listed, bool is_spooled) {
    if (!check->has_manifest && find(check, "recording.json"))
        return mend(check, "recording.json", "cannot be read");
    if (!check->has_manifest && is_listed)
        return mend(check, "recording.json", "is missing, and the recording is said to be ready");
    if (!check->has_manifest)
        return is_spooled ? 0 : mend(check, "recording.json", "is missing: the recording is not complete");
    int code = check_manifest(check);
    if (!code && check->wants_rebuild && check->verification->repair)
        code = mend(check, "recording.mp4", "is missing or has another size");
    if (code || is_listed || is_spooled || !check->verification->catalogue)
        return code;
    code = check->verification->repair ? tell(check, &check->manifest) : -ENOENT;
    if (code && code != -ENOENT)
        return code;
    report(check, "", "is complete, and not said to be ready", code == 0);
    return 0;
}

static int check_deleted(struct check *check, bool *is_deleted) {
    struct ph_archive_catalogue *catalogue = check->verification->catalogue;
    int code = catalogue ? catalogue->is_deleted(catalogue, check->id) : 0;
    *is_deleted = code > 0;
    if (code <= 0 || !check->count)
        return code < 0 ? code : 0;
    code = check->verification->repair ? ph_store_remove_all(check->verification->store, check->prefix) : 0;
    if (!code)
        report(check, "", "was deleted, and objects of it are there", check->verification->repair);
    return code;
}

static int look(struct check *check, bool is_listed) {
    struct ph_publication publication;
    bool is_spooled = ph_archive_read_publication(check->dir, &publication) == 0, is_deleted = false;
    bool is_recorded = !is_spooled || publication.is_recorded;
    snprintf(check->prefix, sizeof(check->prefix), "%s/%s", is_recorded ? "recordings" : "live", check->id);
    int code = ph_store_list(check->verification->store, check->prefix, note_object, check);
    if (!code && is_recorded)
        code = check_deleted(check, &is_deleted);
    if (code || is_deleted || (!is_spooled && !check->count && !is_listed))
        return code;
    check->verification->recordings++;
    if (is_recorded)
        code = load_manifest(check);
    if (!code && is_spooled && !check->has_manifest)
        code = check_journals(check, &publication);
    if (!code && is_recorded)
        code = check_whole(check, is_listed, is_spooled && !in_folder(check, "complete"));
    return code;
}

int ph_verify_recording(struct ph_archive_verification *verification, const char *id, bool is_listed) {
    struct check check = {.verification = verification};
    snprintf(check.id, sizeof(check.id), "%s", id);
    int code = ph_archive_path(check.dir, verification->spool, id);
    if (!code)
        code = look(&check, is_listed);
    if (check.has_manifest)
        ph_manifest_finish(&check.manifest);
    free(check.objects);
    return code;
}
