/* The end of a session: its recording is made whole, and told. */
#include <string.h>

#include "core/base/log.h"
#include "origin/archive/archive_private.h"
#include "origin/archive/siblings.h"
#include "origin/recording/rebuild.h"
#include "origin/spool_files.h"

enum { most_rounds = 3 /* while other origins of the session finish it too */ };

/* With the lock held throughout: the segments that are in the store. */
static int list_segments(struct ph_archive_session *session, struct ph_manifest *manifest) {
    int code = 0;
    for (uint32_t i = 0; i < session->publication.track_count && !code; i++) {
        const struct ph_ledger *ledger = &session->tracks[i].ledger;
        for (uint32_t n = 0; n < ledger->count && !code; n++) {
            const struct ph_ledger_entry *entry = &ledger->entries[n];
            if (entry->state != PH_LEDGER_ARCHIVED)
                continue;
            code = ph_manifest_add_segment(manifest, i, &entry->facts);
            if (code == -EALREADY || code == -EINVAL) {
                ph_log_warning("a segment is left out of the recording's list",
                    ph_str("session", session->id), ph_int("segment", (int64_t)entry->facts.number),
                    ph_code(code));
                code = 0;
            }
        }
    }
    return code;
}

static int list_tracks(struct ph_archive_session *session, struct ph_manifest *manifest) {
    int code = 0;
    for (uint32_t i = 0; i < session->publication.track_count && !code; i++) {
        struct ph_bytes *init;
        code = ph_archive_load_init(session, i, &init);
        if (!code)
            code = ph_manifest_set_init(manifest, i, ph_bytes_slice(init));
        ph_bytes_unref(&init);
        if (code == -ENOENT)
            code = 0;
    }
    if (code)
        return code;
    pthread_mutex_lock(&session->archive->lock);
    code = list_segments(session, manifest);
    pthread_mutex_unlock(&session->archive->lock);
    return code;
}

static bool has_segments(const struct ph_manifest *manifest) {
    for (uint32_t i = 0; i < manifest->publication.track_count; i++) {
        if (manifest->tracks[i].count)
            return true;
    }
    return false;
}

/* An answer that will not change with time is none to wait for. */
static int told(struct ph_archive_session *session, int code) {
    if (code && code != -EAGAIN) {
        ph_log_warning(
            "the catalogue does not answer for a recording", ph_str("session", session->id), ph_code(code));
        return 0;
    }
    return code;
}

/* By its title a file that was downloaded says what it is. */
static int find_title(struct ph_archive_session *session, char title[PH_CATALOGUE_TITLE_BYTES]) {
    struct ph_archive_catalogue *catalogue = session->archive->options.catalogue;
    *title = '\0';
    return catalogue ? told(session, catalogue->title(catalogue, session->id, title)) : 0;
}

static int set_title(struct ph_archive_session *session) {
    char title[PH_CATALOGUE_TITLE_BYTES];
    int code = find_title(session, title);
    if (!code)
        ph_recorder_set_title(session->recorder, title);
    return code;
}

static void take_mp4(const struct ph_recorder_result *result, struct ph_manifest *manifest) {
    manifest->mp4_bytes = result->bytes;
    memcpy(manifest->mp4_etag, result->etag, sizeof(manifest->mp4_etag));
}

static int drop_recorder(struct ph_archive_session *session) {
    int code = session->recorder ? ph_recorder_abort(session->recorder) : 0;
    if (code)
        return code;
    ph_recorder_free(session->recorder);
    session->recorder = NULL;
    return 0;
}

/* Where the store has other parts than were noted (what a process sent before it was killed may come late),
 * it is begun anew the next time. */
static int finish_mp4(struct ph_archive_session *session, struct ph_manifest *manifest) {
    struct ph_recorder_result result = {0};
    int code = session->recorder ? set_title(session) : -ENODATA;
    if (code == -EAGAIN)
        return code;
    if (!code)
        code = ph_recorder_finish(session->recorder, &result);
    if (code == -ENODATA)
        return 0;
    if (code == -EBADMSG) {
        int dropped = drop_recorder(session);
        return dropped ? dropped : code;
    }
    if (code) {
        if (!ph_archive_is_away(code) && code != -ECANCELED) {
            ph_recorder_free(session->recorder);
            session->recorder = NULL;
        }
        return code;
    }
    take_mp4(&result, manifest);
    return 0;
}

/* Of everything that is in the store, whoever put it there. */
static int join(struct ph_archive_session *session, struct ph_manifest *manifest) {
    struct ph_recorder_result result;
    struct ph_manifest joined;
    char title[PH_CATALOGUE_TITLE_BYTES];
    int code = find_title(session, title);
    if (!code)
        code = drop_recorder(session);
    if (!code)
        code = ph_recorder_rebuild(
            session->archive->options.store, session->id, *title ? title : NULL, &joined, &result);
    if (code)
        return code;
    ph_manifest_finish(manifest);
    *manifest = joined;
    ph_log_info("a recording is made of what several origins have archived", ph_str("session", session->id));
    return 0;
}

/* -EEXIST: another origin's came first, and has to be looked at. */
static int put_manifest(
    struct ph_archive_session *session, const struct ph_manifest *manifest, bool replaces) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_bytes *json = ph_manifest_to_json(manifest);
    int code = json ? ph_archive_key(key, session, PH_MOST_TRACKS, "recording.json") : -ENOMEM;
    if (!code)
        code = ph_archive_put(session, &(struct ph_store_put){.key = key,
                                           .bytes = ph_bytes_slice(json),
                                           .content_type = "application/json",
                                           .if_absent = !replaces});
    ph_bytes_unref(&json);
    return code;
}

/* The manifest last: its presence says that all else is there. */
static int put_objects(
    struct ph_archive_session *session, const struct ph_siblings *siblings, struct ph_manifest *manifest) {
    ph_manifest_close(manifest);
    int code =
        siblings->view == PH_SIBLINGS_HAVE_MORE ? join(session, manifest) : finish_mp4(session, manifest);
    if (!code)
        code = ph_archive_put_pictures(session, manifest, siblings->has_manifest);
    if (!code)
        code = put_manifest(session, manifest, siblings->has_manifest);
    ph_recording_facts_of(manifest, session->id, &session->facts);
    return code;
}

/* -EEXIST as put_manifest(). */
static int make_once(struct ph_archive_session *session, bool *is_empty) {
    struct ph_manifest manifest;
    struct ph_siblings siblings = {.view = PH_SIBLINGS_HAVE_NO_MORE};
    int code = ph_manifest_init(&manifest, session->id, &session->publication);
    if (!code)
        code = list_tracks(session, &manifest);
    if (!code && !session->is_unrecordable)
        code = ph_archive_look_at_siblings(session, &manifest, &siblings);
    *is_empty = !code && !has_segments(&manifest) && siblings.view == PH_SIBLINGS_HAVE_NO_MORE;
    if (!code && siblings.view == PH_SIBLINGS_ARE_DONE) {
        code = drop_recorder(session);
        ph_recording_facts_of(&siblings.theirs, session->id, &session->facts);
    } else if (!code && !*is_empty && !session->is_unrecordable) {
        code = put_objects(session, &siblings, &manifest);
    }
    ph_siblings_finish(&siblings);
    ph_manifest_finish(&manifest);
    return code;
}

static int make_whole(struct ph_archive_session *session, bool *is_empty) {
    int code = -EEXIST;
    for (int round = 0; round < most_rounds && code == -EEXIST; round++)
        code = make_once(session, is_empty);
    return code;
}

/* Nothing is left to do for it but to remove its folder. */
static int close_session(struct ph_archive_session *session) {
    struct ph_archive *archive = session->archive;
    int code = ph_spool_write_file(session->dir, PH_ARCHIVE_COMPLETE, (struct ph_slice){0});
    ph_recorder_free(session->recorder);
    session->recorder = NULL;
    pthread_mutex_lock(&archive->lock);
    session->done = true;
    int64_t took_us = ph_archive_now_us(archive) - session->ended_us;
    pthread_mutex_unlock(&archive->lock);
    ph_metric_observe(archive->metrics.finish_seconds, (double)took_us / (double)PH_SECOND_US);
    if (code)
        ph_log_warning(
            "it cannot be noted that a recording is whole; it is looked at again at the next start",
            ph_str("session", session->id), ph_code(code));
    return 0;
}

static int tell_failed(struct ph_archive_session *session, const char *reason) {
    struct ph_archive_catalogue *catalogue = session->archive->options.catalogue;
    int code = catalogue ? told(session, catalogue->failed(catalogue, session->id, reason)) : 0;
    if (code)
        return code;
    ph_metric_add(session->archive->metrics.failed, 1);
    ph_log_warning("a session has no recording", ph_str("session", session->id), ph_str("reason", reason));
    return close_session(session);
}

static int tell_ready(struct ph_archive_session *session) {
    struct ph_archive_catalogue *catalogue = session->archive->options.catalogue;
    session->facts.take = session->publication.take;
    int code = catalogue ? catalogue->ready(catalogue, &session->facts) : 0;
    if (code == -ESTALE)
        return ph_archive_discard(session);
    code = told(session, code);
    if (!code && catalogue)
        code = ph_archive_is_deleted(session);
    if (code > 0)
        return ph_archive_discard(session);
    if (code)
        return code;
    ph_metric_add(session->archive->metrics.ready, 1);
    ph_log_info("recording ready", ph_str("session", session->id),
        ph_int("duration_ms", session->facts.duration_us / PH_MILLISECOND_US),
        ph_int("bytes", (int64_t)session->facts.total_bytes));
    return close_session(session);
}

int ph_archive_complete(struct ph_archive_session *session) {
    bool is_empty = false;
    if (!session->publication.is_recorded)
        return close_session(session);
    int code = session->is_whole ? 0 : make_whole(session, &is_empty);
    if (code)
        return code;
    if (is_empty)
        return tell_failed(session, "nothing was published");
    if (session->is_unrecordable)
        return tell_failed(session, "what was published cannot be read");
    session->is_whole = true;
    return tell_ready(session);
}

int ph_archive_discard(struct ph_archive_session *session) {
    struct ph_archive *archive = session->archive;
    pthread_mutex_lock(&archive->lock);
    session->discarded = true;
    bool is_on_its_way = session->putting > 0;
    pthread_mutex_unlock(&archive->lock);
    if (is_on_its_way)
        return -EBUSY;
    int code = session->recorder ? ph_recorder_abort(session->recorder) : 0;
    if (!code)
        code = ph_store_remove_all(archive->options.store, session->prefix);
    if (code)
        return code;
    ph_metric_add(archive->metrics.deleted, 1);
    ph_log_info("a session's recording was deleted, or its take does not count; nothing of it is kept",
        ph_str("session", session->id));
    return close_session(session);
}
