#include "origin/archive/verify_objects.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "origin/archive/archive.h"
#include "origin/archive/folder_file.h"
#include "origin/archive/journal.h"
#include "origin/archive/siblings.h"
#include "origin/archive/verify_bytes.h"
#include "origin/archive/verify_mp4.h"
#include "origin/recording/manifest.h"
#include "origin/recording/rebuild.h"
#include "origin/session.h"

enum { name_bytes = 64 };

struct object {
    char name[name_bytes]; /* below the recording */
    uint64_t bytes;
    char etag[PH_STORE_ETAG_BYTES];
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
    const char *mp4_trouble;     /* why the MP4 is to be made again; NULL: it is right */
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
    memcpy(added->etag, object->etag, sizeof(added->etag));
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

static int key_of(const struct check *check, const char *name, char key[PH_STORE_KEY_BYTES]) {
    return snprintf(key, PH_STORE_KEY_BYTES, "%s/%s", check->prefix, name) < PH_STORE_KEY_BYTES ? 0 : -EINVAL;
}

/* Where bytes are to be compared. `hash` NULL: with what the store keeps. */
static int compare_bytes(struct check *check, const char *name, const uint8_t *hash, bool *is_same) {
    char key[PH_STORE_KEY_BYTES];
    *is_same = true;
    if (!check->verification->deep)
        return 0;
    int code = key_of(check, name, key);
    if (!code)
        code = ph_verify_bytes(check->verification->store, key, hash, is_same);
    if (code == -EREMOTE) {
        check->verification->unread++;
        *is_same = true;
        return 0;
    }
    return code == -ENOENT ? 0 : code; /* it went meanwhile */
}

/* Puts an object again from the spool, when the file is still there with these bytes. */
static int put_again(
    struct check *check, const char *name, uint64_t bytes, const uint8_t *hash, bool *repaired) {
    char path[PH_ARCHIVE_PATH_BYTES], key[PH_STORE_KEY_BYTES];
    struct ph_bytes *content = NULL;
    *repaired = false;
    if (!check->verification->repair || ph_archive_path(path, check->dir, name))
        return 0;
    int code = key_of(check, name, key);
    if (code || ph_file_load(path, (size_t)bytes, &content))
        return code;
    if (ph_bytes_size(content) == bytes && ph_verify_hash(ph_bytes_slice(content), hash)) {
        code = ph_store_put(check->verification->store,
            &(struct ph_store_put){.key = key, .bytes = ph_bytes_slice(content), .content_type = "video/mp4"},
            NULL);
        *repaired = code == 0;
    }
    ph_bytes_unref(&content);
    return code;
}

/* An object that should be there with these bytes. */
static int expect(struct check *check, const char *name, uint64_t bytes, const uint8_t *hash) {
    const struct object *object = find(check, name);
    bool is_same = false, repaired;
    const char *what = !object                  ? "is missing"
                       : object->bytes != bytes ? "has another size"
                                                : "has other bytes";
    int code = object && object->bytes == bytes ? compare_bytes(check, name, hash, &is_same) : 0;
    if (code || is_same)
        return code;
    code = put_again(check, name, bytes, hash, &repaired);
    if (!code)
        report(check, name, what, repaired);
    return code;
}

/* Pictures, of which nobody but the store knows what they should be. */
static int expect_some(struct check *check, const char *name) {
    bool is_same = false, is_there = find(check, name);
    int code = is_there ? compare_bytes(check, name, NULL, &is_same) : 0;
    if (!code && !is_same)
        report(check, name, is_there ? "has other bytes" : "is missing", false);
    return code;
}

static int check_line(void *opaque, const struct ph_manifest_segment *segment) {
    struct check *check = opaque;
    char name[name_bytes];
    snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", check->track, segment->number);
    return expect(check, name, segment->bytes, segment->hash);
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
    int code = 0;
    for (uint32_t i = 0; i < check->manifest.publication.track_count && !code; i++) {
        const struct ph_manifest_track *track = &check->manifest.tracks[i];
        const char *track_name = check->manifest.publication.tracks[i].name;
        snprintf(name, sizeof(name), "%s/init.mp4", track_name);
        if (track->init_bytes)
            code = expect(check, name, track->init_bytes, track->init_hash);
        for (uint32_t n = 0; n < track->count && !code; n++) {
            snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", track_name, track->segments[n].number);
            if (!(track->segments[n].flags & PH_MANIFEST_GAP))
                code = expect(check, name, track->segments[n].bytes, track->segments[n].hash);
        }
    }
    return code;
}

/* A bucket's tag is made of the bytes: where it is the manifest's, nothing has to be read. A folder's is not.
 */
static bool has_known_tag(const struct check *check, const struct object *mp4) {
    const char *tag = check->manifest.mp4_etag;
    return !ph_store_folder(check->verification->store) && *tag && strcmp(mp4->etag, tag) == 0;
}

/* Segments that are wrong tell nothing of the MP4. */
static int check_mp4(struct check *check, bool are_segments_right) {
    const struct object *mp4 = find(check, "recording.mp4");
    bool is_same = true;
    int code = 0;
    if (!check->manifest.mp4_bytes)
        return 0;
    if (!mp4 || mp4->bytes != check->manifest.mp4_bytes)
        check->mp4_trouble = mp4 ? "has another size" : "is missing";
    else if (check->verification->deep && are_segments_right && !has_known_tag(check, mp4))
        code = ph_verify_mp4(check->verification->store, check->id, &is_same);
    if (code == -EREMOTE) {
        check->verification->unread++;
        return 0;
    }
    if (!code && !is_same)
        check->mp4_trouble = "has other bytes";
    if (!code && check->mp4_trouble && !check->verification->repair)
        report(check, "recording.mp4", check->mp4_trouble, false);
    return code;
}

static int check_pictures(struct check *check) {
    char name[name_bytes];
    const struct ph_storyboard *board = &check->manifest.storyboard;
    int code = check->manifest.has_poster ? expect_some(check, "poster.jpg") : 0;
    if (!code && board->sheet_count)
        code = expect_some(check, "storyboard.vtt");
    for (uint32_t i = 0; i < board->sheet_count && !code; i++) {
        snprintf(name, sizeof(name), "storyboard-%" PRIu32 ".jpg", board->sheets[i].first_tile);
        code = expect_some(check, name);
    }
    return code;
}

/* The MP4 can be made again, pictures cannot. */
static int check_manifest(struct check *check) {
    uint64_t unmended = check->verification->differences - check->verification->repaired;
    int code = check_segments(check);
    bool are_right = check->verification->differences - check->verification->repaired == unmended;
    if (!code)
        code = check_mp4(check, are_right);
    return code ? code : check_pictures(check);
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
    struct ph_recording_facts facts;
    ph_recording_facts_of(manifest, check->id, &facts);
    return catalogue ? catalogue->ready(catalogue, &facts) : 0;
}

/* The catalogue's, or where it has none that which the MP4 carries. */
static int find_title(struct check *check, char title[PH_MP4_TITLE_BYTES]) {
    static_assert((int)PH_MP4_TITLE_BYTES == (int)PH_CATALOGUE_TITLE_BYTES, "either title fits");
    struct ph_archive_catalogue *catalogue = check->verification->catalogue;
    int code = catalogue ? catalogue->title(catalogue, check->id, title) : 0;
    if (code || *title || !find(check, "recording.mp4"))
        return code;
    code = ph_verify_mp4_title(check->verification->store, check->id, title);
    return code == -ENOENT || code == -EREMOTE ? 0 : code;
}

/* MP4 and manifest from the segments that are there. */
static int rebuild(struct check *check) {
    struct ph_manifest manifest;
    struct ph_recorder_result result;
    char title[PH_MP4_TITLE_BYTES] = "";
    int code = find_title(check, title);
    if (!code)
        code = ph_recorder_rebuild(
            check->verification->store, check->id, *title ? title : NULL, &manifest, &result);
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
    struct ph_archive_catalogue *catalogue = check->verification->catalogue;
    int is_unmade = catalogue ? catalogue->is_unmade(catalogue, check->id) : 0;
    if (is_unmade < 0)
        return is_unmade;
    if (!check->has_manifest && find(check, "recording.json"))
        return mend(check, "recording.json", "cannot be read");
    if (!check->has_manifest && is_listed)
        return mend(check, "recording.json", "is missing, and the recording is said to be ready");
    if (!check->has_manifest && (is_spooled || is_unmade))
        return 0;
    if (!check->has_manifest)
        return mend(check, "recording.json", "is missing: the recording is not complete");
    int code = check_manifest(check);
    if (!code && check->mp4_trouble && check->verification->repair)
        code = mend(check, "recording.mp4", check->mp4_trouble);
    if (code || is_listed || is_spooled || is_unmade || !catalogue)
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
