#include "origin/archive/siblings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/media/track.h"

static bool has_segment(const struct ph_manifest_track *track, uint64_t number) {
    if (!track->count || number < track->segments[0].number)
        return false;
    uint64_t index = number - track->segments[0].number; /* numbers rise by one */
    return index < track->count && !(track->segments[index].flags & PH_MANIFEST_GAP);
}

/* Whether `more` has every segment of `less`. */
static bool covers(const struct ph_manifest *more, const struct ph_manifest *less) {
    if (more->publication.track_count != less->publication.track_count)
        return false;
    for (uint32_t i = 0; i < less->publication.track_count; i++) {
        const struct ph_manifest_track *track = &less->tracks[i];
        for (uint32_t n = 0; n < track->count; n++) {
            if (has_segment(track, track->segments[n].number) &&
                !has_segment(&more->tracks[i], track->segments[n].number))
                return false;
        }
    }
    return true;
}

/* -ENOENT: there is none that can be read. */
static int read_theirs(struct ph_archive_session *session, struct ph_siblings *siblings) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_bytes *json;
    int code = ph_archive_key(key, session, PH_MOST_TRACKS, "recording.json");
    if (!code)
        code = ph_store_get(session->archive->options.store, key, 0, UINT64_MAX, &json);
    if (code && code != -EBADMSG)
        return code;
    siblings->has_manifest = true;
    if (code)
        return -ENOENT;
    code = ph_manifest_from_json(ph_bytes_slice(json), &siblings->theirs, NULL);
    ph_bytes_unref(&json);
    return code == -EINVAL ? -ENOENT : code;
}

/* Whether the MP4 is the one that they list: another origin may have put its own since. A folder's tag
 * changes with time, not with the bytes alone. */
static int has_their_mp4(
    struct ph_archive_session *session, const struct ph_manifest *theirs, bool *is_theirs) {
    struct ph_store *store = session->archive->options.store;
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    *is_theirs = !theirs->mp4_bytes;
    if (*is_theirs)
        return 0;
    int code = ph_archive_key(key, session, PH_MOST_TRACKS, "recording.mp4");
    if (!code)
        code = ph_store_head(store, key, &object);
    if (code)
        return code == -ENOENT ? 0 : code;
    bool has_tag = !ph_store_folder(store) && *theirs->mp4_etag;
    *is_theirs =
        object.bytes == theirs->mp4_bytes && (!has_tag || strcmp(object.etag, theirs->mp4_etag) == 0);
    return 0;
}

struct search {
    const struct ph_manifest_track *track;
    bool found;
};

/* -EEXIST ends the listing: a segment that we lack. */
static int note_segment(void *opaque, const char *key, const struct ph_store_object *object) {
    struct search *search = opaque;
    struct ph_media_file file;
    const char *name = strrchr(key, '/');
    (void)object;
    search->found = name && ph_media_file_parse(name + 1, &file) == 0 && file.kind == PH_FILE_SEGMENT &&
                    !has_segment(search->track, file.position.segment);
    return search->found ? -EEXIST : 0;
}

static bool has_hole(const struct ph_manifest_track *track) {
    if (!track->count || track->segments[0].number)
        return true;
    for (uint32_t n = 0; n < track->count; n++) {
        if (track->segments[n].flags & PH_MANIFEST_GAP)
            return true;
    }
    return false;
}

/* Without a hole only what follows is asked about: a listing of six hours takes seconds. */
static int has_more(
    struct ph_archive_session *session, const struct ph_manifest *ours, uint32_t index, bool *more) {
    struct ph_store *store = session->archive->options.store;
    const struct ph_manifest_track *track = &ours->tracks[index];
    struct search search = {.track = track};
    char key[PH_STORE_KEY_BYTES], name[32] = "";
    struct ph_store_object object;
    bool lists = has_hole(track);
    if (!lists)
        snprintf(name, sizeof(name), "%" PRIu64 ".m4s", track->segments[track->count - 1].number + 1);
    int code = ph_archive_key(key, session, index, name);
    if (!code && lists)
        key[strlen(key) - 1] = '\0'; /* the slash */
    if (!code)
        code = lists ? ph_store_list(store, key, note_segment, &search) : ph_store_head(store, key, &object);
    *more = lists ? search.found : !code;
    return code == -EEXIST || code == -ENOENT ? 0 : code;
}

int ph_archive_look_at_siblings(
    struct ph_archive_session *session, const struct ph_manifest *ours, struct ph_siblings *siblings) {
    *siblings = (struct ph_siblings){.view = PH_SIBLINGS_HAVE_NO_MORE};
    bool more = false;
    int code = read_theirs(session, siblings);
    if (!code && covers(&siblings->theirs, ours)) {
        code = has_their_mp4(session, &siblings->theirs, &more);
        siblings->view = more ? PH_SIBLINGS_ARE_DONE : PH_SIBLINGS_HAVE_MORE;
        return code;
    }
    if (code && code != -ENOENT)
        return code;
    more = !code && !covers(ours, &siblings->theirs);
    code = 0;
    for (uint32_t i = 0; i < ours->publication.track_count && !code && !more; i++)
        code = has_more(session, ours, i, &more);
    if (more)
        siblings->view = PH_SIBLINGS_HAVE_MORE;
    return code;
}

void ph_siblings_finish(struct ph_siblings *siblings) {
    ph_manifest_finish(&siblings->theirs);
}

void ph_recording_facts_of(
    const struct ph_manifest *manifest, const char *id, struct ph_recording_facts *facts) {
    *facts = (struct ph_recording_facts){.id = id,
        .duration_us = manifest->duration_us,
        .mp4_bytes = manifest->mp4_bytes,
        .total_bytes = ph_manifest_total_bytes(manifest),
        .has_poster = manifest->has_poster,
        .has_storyboard = manifest->storyboard.sheet_count > 0};
    ph_manifest_picture_size(manifest, &facts->width, &facts->height);
}
