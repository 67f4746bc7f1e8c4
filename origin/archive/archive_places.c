/* Where media of a session lies: files of its folder, keys of the store. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "origin/archive/archive_private.h"

#include "core/base/file.h"

int ph_archive_key(char key[PH_STORE_KEY_BYTES], const struct ph_archive_session *session, uint32_t track,
    const char *name) {
    int size = track < PH_MOST_TRACKS ? snprintf(key, PH_STORE_KEY_BYTES, "%s/%s/%s", session->prefix,
                                            session->publication.tracks[track].name, name)
                                      : snprintf(key, PH_STORE_KEY_BYTES, "%s/%s", session->prefix, name);
    return size > 0 && size < PH_STORE_KEY_BYTES ? 0 : -ENAMETOOLONG;
}

int ph_archive_track_dir(
    char path[PH_ARCHIVE_PATH_BYTES], const struct ph_archive_session *session, uint32_t track) {
    return ph_archive_path(path, session->dir, session->publication.tracks[track].name);
}

/* A file of the track from the folder, or else from the store. */
static int load_file(struct ph_archive_session *session, uint32_t track, const char *name, size_t most_bytes,
    struct ph_bytes **bytes) {
    char dir[PH_ARCHIVE_PATH_BYTES], path[PH_ARCHIVE_PATH_BYTES], key[PH_STORE_KEY_BYTES];
    *bytes = NULL;
    int code = ph_archive_track_dir(dir, session, track);
    if (!code)
        code = ph_archive_path(path, dir, name);
    if (!code)
        code = ph_archive_key(key, session, track, name);
    if (!code)
        code = ph_file_load(path, most_bytes, bytes);
    return code == -ENOENT ? ph_store_get(session->archive->options.store, key, 0, UINT64_MAX, bytes) : code;
}

int ph_archive_load_segment(
    struct ph_archive_session *session, uint32_t track, uint64_t segment, struct ph_bytes **bytes) {
    char name[32];
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", segment);
    return load_file(session, track, name, PH_ARCHIVE_MOST_SEGMENT_BYTES, bytes);
}

int ph_archive_load_init(struct ph_archive_session *session, uint32_t index, struct ph_bytes **bytes) {
    struct ph_archive *archive = session->archive;
    struct ph_archive_track *track = &session->tracks[index];
    pthread_mutex_lock(&archive->lock);
    *bytes = track->init ? ph_bytes_ref(track->init) : NULL;
    pthread_mutex_unlock(&archive->lock);
    if (*bytes)
        return 0;
    int code = load_file(session, index, "init.mp4", PH_ARCHIVE_MOST_INIT_BYTES, bytes);
    pthread_mutex_lock(&archive->lock);
    if (!code && !track->init)
        track->init = ph_bytes_ref(*bytes);
    pthread_mutex_unlock(&archive->lock);
    return code;
}

int ph_archive_put(struct ph_archive_session *session, const struct ph_store_put *put) {
    return ph_store_put(session->archive->options.store, put, NULL);
}

/* With the lock held. */
static int place_of(const struct ph_archive_session *session, uint32_t track, uint64_t segment,
    struct ph_archive_place *place) {
    const struct ph_ledger *ledger = &session->tracks[track].ledger;
    const struct ph_ledger_entry *entry = ph_ledger_find(ledger, segment);
    char dir[PH_ARCHIVE_PATH_BYTES], name[32];
    if (!entry || entry->state == PH_LEDGER_MISSING)
        return -ENOENT;
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", segment);
    place->bytes = entry->facts.bytes;
    int code = 0;
    if (segment >= ledger->files_from)
        code = ph_archive_track_dir(dir, session, track);
    if (!code && segment >= ledger->files_from)
        code = ph_archive_path(place->path, dir, name);
    if (!code && entry->state == PH_LEDGER_ARCHIVED)
        code = ph_archive_key(place->key, session, track, name);
    return code;
}

int ph_archive_find_segment(struct ph_archive *archive, const char *id, uint32_t track, uint64_t segment,
    struct ph_archive_place *place) {
    struct ph_archive_session *session;
    *place = (struct ph_archive_place){0};
    pthread_mutex_lock(&archive->lock);
    HASH_FIND_STR(archive->sessions, id, session);
    int code = session && track < session->publication.track_count ? place_of(session, track, segment, place)
                                                                   : -ENOENT;
    pthread_mutex_unlock(&archive->lock);
    return code;
}

size_t ph_archive_list_segments(struct ph_archive *archive, const char *id, uint32_t track, uint64_t from,
    struct ph_archive_segment *list, size_t most) {
    struct ph_archive_session *session;
    size_t count = 0;
    pthread_mutex_lock(&archive->lock);
    HASH_FIND_STR(archive->sessions, id, session);
    const struct ph_ledger *ledger =
        session && track < session->publication.track_count ? &session->tracks[track].ledger : NULL;
    for (uint32_t i = ledger ? ph_ledger_seek(ledger, from) : 0; ledger && i < ledger->count && count < most;
         i++) {
        const struct ph_ledger_entry *entry = &ledger->entries[i];
        if (entry->state == PH_LEDGER_MISSING && entry->facts.bytes)
            continue;
        list[count++] = (struct ph_archive_segment){.number = entry->facts.number,
            .start_ticks = entry->facts.start_ticks,
            .duration_ticks = entry->facts.duration_ticks,
            .bytes = entry->facts.bytes};
    }
    pthread_mutex_unlock(&archive->lock);
    return count;
}
