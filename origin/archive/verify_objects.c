#include "origin/archive/verify_objects.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "origin/archive/archive.h"
#include "origin/archive/journal.h"
#include "origin/archive/siblings.h"
#include "origin/archive/verify_bytes.h"
#include "origin/archive/verify_mp4.h"
#include "origin/archive/verify_private.h"
#include "origin/recording/rebuild.h"

void ph_verify_report(struct ph_verify_check *check, const char *object, const char *what, bool repaired) {
    struct ph_archive_verification *verification = check->verification;
    verification->differences++;
    verification->repaired += repaired;
    verification->report(
        verification->opaque, &(struct ph_archive_difference){check->id, object, what, repaired});
}

static int note_object(void *opaque, const char *key, const struct ph_store_object *object) {
    struct ph_verify_check *check = opaque;
    const char *name = key + strlen(check->prefix) + 1;
    if (strlen(name) >= PH_VERIFY_NAME_BYTES)
        return 0;
    if (check->count == check->capacity) {
        size_t capacity = check->capacity ? 2 * check->capacity : 256;
        struct ph_verify_object *objects = realloc(check->objects, capacity * sizeof(*objects));
        if (!objects)
            return -ENOMEM;
        check->objects = objects;
        check->capacity = capacity;
    }
    struct ph_verify_object *added = &check->objects[check->count++];
    strcpy(added->name, name);
    added->bytes = object->bytes;
    memcpy(added->etag, object->etag, sizeof(added->etag));
    check->verification->objects++;
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct ph_verify_object *)a)->name, ((const struct ph_verify_object *)b)->name);
}

const struct ph_verify_object *ph_verify_find(const struct ph_verify_check *check, const char *name) {
    struct ph_verify_object wanted = {.bytes = 0};
    if (!check->count || strlen(name) >= PH_VERIFY_NAME_BYTES)
        return NULL;
    strcpy(wanted.name, name);
    return bsearch(&wanted, check->objects, check->count, sizeof(wanted), by_name);
}

int ph_verify_key(const struct ph_verify_check *check, const char *name, char key[PH_STORE_KEY_BYTES]) {
    return snprintf(key, PH_STORE_KEY_BYTES, "%s/%s", check->prefix, name) < PH_STORE_KEY_BYTES ? 0 : -EINVAL;
}

int ph_verify_compare(struct ph_verify_check *check, const char *name, const uint8_t *hash, bool *is_same) {
    char key[PH_STORE_KEY_BYTES];
    *is_same = true;
    if (!check->verification->deep)
        return 0;
    int code = ph_verify_key(check, name, key);
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
    struct ph_verify_check *check, const struct ph_verify_expected *expected, bool *repaired) {
    char path[PH_ARCHIVE_PATH_BYTES], key[PH_STORE_KEY_BYTES];
    struct ph_bytes *content = NULL;
    *repaired = false;
    if (!check->verification->repair ||
        ph_archive_path(path, check->dir, expected->file ? expected->file : expected->name))
        return 0;
    int code = ph_verify_key(check, expected->name, key);
    if (code || ph_file_load(path, (size_t)expected->bytes, &content))
        return code;
    if (ph_bytes_size(content) == expected->bytes &&
        ph_verify_hash(ph_bytes_slice(content), expected->hash)) {
        code = ph_store_put(check->verification->store,
            &(struct ph_store_put){
                .key = key, .bytes = ph_bytes_slice(content), .content_type = expected->content_type},
            NULL);
        *repaired = code == 0;
    }
    ph_bytes_unref(&content);
    return code;
}

/* As it was listed; one that was not may have come since. `is_there` is false when there is none. */
static int find_bytes(struct ph_verify_check *check, const char *name, bool *is_there, uint64_t *bytes) {
    const struct ph_verify_object *listed = ph_verify_find(check, name);
    struct ph_store_object late = {0};
    char key[PH_STORE_KEY_BYTES];
    int code = listed ? 0 : ph_verify_key(check, name, key);
    if (!listed && !code)
        code = ph_store_head(check->verification->store, key, &late);
    *is_there = code == 0;
    *bytes = listed ? listed->bytes : late.bytes;
    return code == -ENOENT ? 0 : code;
}

int ph_verify_look(struct ph_verify_check *check, const char *name, uint64_t bytes, const uint8_t *hash,
    const char **trouble) {
    uint64_t there_bytes;
    bool is_there, is_same = false;
    int code = find_bytes(check, name, &is_there, &there_bytes);
    bool has_size = is_there && there_bytes == bytes;
    if (has_size)
        code = ph_verify_compare(check, name, hash, &is_same);
    *trouble = is_same ? NULL : has_size ? "has other bytes" : is_there ? "has another size" : "is missing";
    return code;
}

int ph_verify_expect(struct ph_verify_check *check, const struct ph_verify_expected *expected) {
    const char *trouble;
    char text[64];
    bool repaired;
    int code = ph_verify_look(check, expected->name, expected->bytes, expected->hash, &trouble);
    if (code || !trouble)
        return code;
    code = put_again(check, expected, &repaired);
    bool is_lost = check->verification->repair && !repaired && expected->is_lasting;
    snprintf(text, sizeof(text), "%s%s", trouble, is_lost ? ", and cannot be made again" : "");
    if (!code)
        ph_verify_report(check, expected->name, text, repaired);
    return code;
}

static int expect(struct ph_verify_check *check, const char *name, uint64_t bytes, const uint8_t *hash) {
    return ph_verify_expect(
        check, &(struct ph_verify_expected){
                   .name = name, .content_type = "video/mp4", .bytes = bytes, .hash = hash});
}

static int check_line(void *opaque, const struct ph_manifest_segment *segment) {
    struct ph_verify_check *check = opaque;
    char name[PH_VERIFY_NAME_BYTES];
    snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", check->track, segment->number);
    return expect(check, name, segment->bytes, segment->hash);
}

/* Every line of the journals is kept. Once there is a manifest it says the same. */
static int check_journals(struct ph_verify_check *check, const struct ph_publication *publication) {
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

/* The number of segments that are missing from `first` on. What is lost stays so: it is told, and nothing is
 * to be done. */
static uint32_t report_gap(struct ph_verify_check *check, const char *track_name,
    const struct ph_manifest_track *track, uint32_t first) {
    char name[PH_VERIFY_NAME_BYTES], what[96];
    uint32_t after = first;
    while (after < track->count && track->segments[after].flags & PH_MANIFEST_GAP)
        after++;
    if (after == first)
        return 0;
    snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", track_name, track->segments[first].number);
    snprintf(
        what, sizeof(what), "begins a gap: %" PRIu32 " segments never came into the archive", after - first);
    check->verification->gaps += after - first;
    check->verification->report(
        check->verification->opaque, &(struct ph_archive_difference){check->id, name, what, false});
    return after - first;
}

static int check_segments(struct ph_verify_check *check) {
    char name[PH_VERIFY_NAME_BYTES];
    int code = 0;
    for (uint32_t i = 0; i < check->manifest.publication.track_count && !code; i++) {
        const struct ph_manifest_track *track = &check->manifest.tracks[i];
        const char *track_name = check->manifest.publication.tracks[i].name;
        snprintf(name, sizeof(name), "%s/init.mp4", track_name);
        if (track->init_bytes)
            code = expect(check, name, track->init_bytes, track->init_hash);
        for (uint32_t n = 0; n < track->count && !code; n++) {
            n += report_gap(check, track_name, track, n);
            if (n == track->count)
                break;
            snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", track_name, track->segments[n].number);
            code = expect(check, name, track->segments[n].bytes, track->segments[n].hash);
        }
    }
    return code;
}

/* A bucket's tag is made of the bytes: where it is the manifest's, nothing has to be read. A folder's is not.
 */
static bool has_known_tag(const struct ph_verify_check *check, const struct ph_verify_object *mp4) {
    const char *tag = check->manifest.mp4_etag;
    return !ph_store_folder(check->verification->store) && *tag && strcmp(mp4->etag, tag) == 0;
}

/* Segments that are wrong tell nothing of the MP4. */
static int check_mp4(struct ph_verify_check *check, bool are_segments_right) {
    const struct ph_verify_object *mp4 = ph_verify_find(check, "recording.mp4");
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
        ph_verify_report(check, "recording.mp4", check->mp4_trouble, false);
    return code;
}

static int check_manifest(struct ph_verify_check *check) {
    uint64_t unmended = check->verification->differences - check->verification->repaired;
    int code = check_segments(check);
    bool are_right = check->verification->differences - check->verification->repaired == unmended;
    if (!code)
        code = check_mp4(check, are_right);
    return code ? code : ph_verify_pictures(check);
}

static int put_manifest(struct ph_verify_check *check, const struct ph_manifest *manifest) {
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

static int tell(struct ph_verify_check *check, const struct ph_manifest *manifest) {
    struct ph_archive_catalogue *catalogue = check->verification->catalogue;
    struct ph_recording_facts facts;
    ph_recording_facts_of(manifest, check->id, &facts);
    return catalogue ? catalogue->ready(catalogue, &facts) : 0;
}

/* The catalogue's, or where it has none that which the MP4 carries. */
static int find_title(struct ph_verify_check *check, char title[PH_MP4_TITLE_BYTES]) {
    static_assert((int)PH_MP4_TITLE_BYTES == (int)PH_CATALOGUE_TITLE_BYTES, "either title fits");
    struct ph_archive_catalogue *catalogue = check->verification->catalogue;
    int code = catalogue ? catalogue->title(catalogue, check->id, title) : 0;
    if (code || *title || !ph_verify_find(check, "recording.mp4"))
        return code;
    code = ph_verify_mp4_title(check->verification->store, check->id, title);
    return code == -ENOENT || code == -EREMOTE ? 0 : code;
}

/* MP4 and manifest from the segments that are there. */
static int rebuild(struct ph_verify_check *check) {
    struct ph_manifest manifest;
    struct ph_recorder_result result;
    char title[PH_MP4_TITLE_BYTES] = "";
    int code = find_title(check, title);
    if (!code)
        code = ph_recorder_rebuild(
            check->verification->store, check->id, *title ? title : NULL, &manifest, &result);
    if (code)
        return code;
    code = ph_verify_keep_pictures(check, &manifest);
    if (!code)
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

static int mend(struct ph_verify_check *check, const char *object, const char *what) {
    if (!check->verification->repair) {
        ph_verify_report(check, object, what, false);
        return 0;
    }
    int code = rebuild(check);
    if (code && !is_hopeless(code))
        return code;
    ph_verify_report(check, object, what, code == 0);
    return 0;
}

static int load_manifest(struct ph_verify_check *check) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_bytes *json;
    if (!ph_verify_find(check, "recording.json"))
        return 0;
    snprintf(key, sizeof(key), "%s/recording.json", check->prefix);
    int code = ph_store_get(check->verification->store, key, 0, UINT64_MAX, &json);
    if (code == -EREMOTE) {
        check->verification->unread++;
        check->is_cold = true;
        return 0;
    }
    if (code)
        return code;
    code = ph_manifest_from_json(ph_bytes_slice(json), &check->manifest, NULL);
    ph_bytes_unref(&json);
    check->has_manifest = code == 0;
    return code == -EINVAL ? 0 : code;
}

/* Nothing that a session, a clip or an upload leaves, and nobody knows of it: it is told, and left alone. */
static int check_foreign(struct ph_verify_check *check, bool *is_foreign) {
    struct ph_archive_verification *verification = check->verification;
    int is_known = 0;
    *is_foreign = false;
    if (check->has_manifest || ph_verify_find(check, "publication.json"))
        return 0;
    if (verification->catalogue)
        is_known = verification->catalogue->is_known(verification->catalogue, check->id);
    if (is_known)
        return is_known < 0 ? is_known : 0;
    *is_foreign = true;
    verification->recordings--;
    verification->foreign++;
    verification->report(
        verification->opaque, &(struct ph_archive_difference){check->id, "",
                                  "is not ours: no publication.json, and nobody knows of it", false});
    return 0;
}

/* What is said to be ready, or what no node works on any more. */
static int check_whole(struct ph_verify_check *check, bool is_listed, bool is_spooled) {
    struct ph_archive_catalogue *catalogue = check->verification->catalogue;
    int is_unmade = catalogue ? catalogue->is_unmade(catalogue, check->id) : 0;
    if (is_unmade < 0 || check->is_cold)
        return is_unmade < 0 ? is_unmade : 0;
    if (!check->has_manifest && ph_verify_find(check, "recording.json"))
        return mend(check, "recording.json", "cannot be read");
    if (!check->has_manifest && is_listed)
        return mend(check, "recording.json", "is missing, and the recording is said to be ready");
    if (!check->has_manifest && (is_spooled || is_unmade))
        return 0;
    bool is_foreign;
    int code = check_foreign(check, &is_foreign);
    if (code || is_foreign)
        return code;
    if (!check->has_manifest)
        return mend(check, "recording.json", "is missing: the recording is not complete");
    code = check_manifest(check);
    if (!code && check->mp4_trouble && check->verification->repair)
        code = mend(check, "recording.mp4", check->mp4_trouble);
    if (code || is_listed || is_spooled || is_unmade || !catalogue)
        return code;
    code = check->verification->repair ? tell(check, &check->manifest) : -ENOENT;
    if (code && code != -ENOENT)
        return code;
    ph_verify_report(check, "", "is complete, and not said to be ready", code == 0);
    return 0;
}

/* While a clip is being made of it all is as it should be. */
static int check_deleted(struct ph_verify_check *check, bool *is_deleted) {
    struct ph_archive_catalogue *catalogue = check->verification->catalogue;
    int code = catalogue ? catalogue->is_deleted(catalogue, check->id) : 0;
    *is_deleted = code > 0;
    if (code <= 0 || !check->count)
        return code < 0 ? code : 0;
    int is_being_cut = catalogue->is_being_cut(catalogue, check->id);
    if (is_being_cut)
        return is_being_cut < 0 ? is_being_cut : 0;
    code = check->verification->repair ? ph_store_remove_all(check->verification->store, check->prefix) : 0;
    if (!code)
        ph_verify_report(check, "", "was deleted, and objects of it are there", check->verification->repair);
    return code;
}

static int look(struct ph_verify_check *check, bool is_listed) {
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
        code = check_whole(check, is_listed, is_spooled && !ph_archive_has_file(check->dir, "complete"));
    return code;
}

/* What is not there any more of a recording that was deleted while it was looked at is as it should be. */
static int judge_missing(const struct ph_verify_check *check) {
    struct ph_archive_catalogue *catalogue = check->verification->catalogue;
    int is_deleted = catalogue ? catalogue->is_deleted(catalogue, check->id) : 0;
    return is_deleted < 0 ? is_deleted : is_deleted ? 0 : -ENOENT;
}

int ph_verify_recording(struct ph_archive_verification *verification, const char *id, bool is_listed) {
    struct ph_verify_check check = {.verification = verification};
    snprintf(check.id, sizeof(check.id), "%s", id);
    int code = ph_archive_path(check.dir, verification->spool, id);
    if (!code)
        code = look(&check, is_listed);
    if (code == -ENOENT)
        code = judge_missing(&check);
    if (check.has_manifest)
        ph_manifest_finish(&check.manifest);
    free(check.objects);
    return code;
}
