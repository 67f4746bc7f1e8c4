/* The threads that put segments: the oldest first, of whichever session. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/sha256.h"
#include "origin/archive/archive_private.h"
#include "origin/archive/journal.h"

static const int64_t log_every_us = 60 * PH_SECOND_US;
static const char media_type[] = "video/mp4";

/* A segment on its way: entries move, so it is found again by its number. */
struct job {
    struct ph_archive_session *session;
    uint32_t track;
    struct ph_manifest_segment facts;
    bool is_lost; /* its file is gone */
};

/* With the lock held. While the store fails, one thread alone tries. */
static bool pick(struct ph_archive *archive, int64_t now_us, struct job *job, int64_t *wake_us) {
    struct ph_archive_session *session, *next;
    struct ph_ledger_entry *oldest = NULL;
    *wake_us = PH_NEVER_US;
    if (archive->failures && (archive->putting || now_us < archive->retry_at_us)) {
        *wake_us = archive->putting ? PH_NEVER_US : archive->retry_at_us;
        return false;
    }
    HASH_ITER(hh, archive->sessions, session, next) {
        for (uint32_t i = 0; i < session->publication.track_count && !session->discarded; i++) {
            struct ph_ledger_entry *entry = ph_ledger_next(&session->tracks[i].ledger, now_us, wake_us);
            if (!entry || (oldest && oldest->since_us <= entry->since_us))
                continue;
            oldest = entry;
            *job = (struct job){.session = session, .track = i, .facts = entry->facts};
        }
    }
    if (!oldest)
        return false;
    ph_ledger_move(&job->session->tracks[job->track].ledger, oldest, PH_LEDGER_PUTTING);
    job->session->putting++;
    archive->putting++;
    return true;
}

/* Publication and init segment go first, so that what is in the store can be read by itself. They may be put
 * twice. */
static int put_head(struct job *job, struct ph_bytes *init) {
    struct ph_archive_session *session = job->session;
    struct ph_archive *archive = session->archive;
    char path[PH_ARCHIVE_PATH_BYTES], key[PH_STORE_KEY_BYTES];
    pthread_mutex_lock(&archive->lock);
    bool has_publication = session->publication_put, has_init = session->tracks[job->track].init_put;
    pthread_mutex_unlock(&archive->lock);
    struct ph_bytes *json = NULL;
    int code = 0;
    if (!has_publication)
        code = ph_archive_path(path, session->dir, "publication.json");
    if (!has_publication && !code)
        code = ph_file_load(path, PH_ARCHIVE_MOST_INIT_BYTES, &json);
    if (json && !code)
        code = ph_archive_key(key, session, PH_MOST_TRACKS, "publication.json");
    if (json && !code)
        code = ph_archive_put(
            session, &(struct ph_store_put){
                         .key = key, .bytes = ph_bytes_slice(json), .content_type = "application/json"});
    ph_bytes_unref(&json);
    if (!has_init && !code)
        code = ph_archive_key(key, session, job->track, "init.mp4");
    if (!has_init && !code)
        code = ph_archive_put(session,
            &(struct ph_store_put){.key = key, .bytes = ph_bytes_slice(init), .content_type = media_type});
    pthread_mutex_lock(&archive->lock);
    session->publication_put |= !code;
    session->tracks[job->track].init_put |= !code;
    pthread_mutex_unlock(&archive->lock);
    return code;
}

/* Where the bytes cannot be read as media, the spool's index has the times. */
static int describe(struct ph_bytes *init, struct ph_bytes *bytes, struct ph_manifest_segment *facts) {
    struct ph_manifest_segment described;
    int code =
        ph_manifest_describe_segment(ph_bytes_slice(init), facts->number, ph_bytes_slice(bytes), &described);
    if (code == -ENOMEM)
        return code;
    if (!code) {
        *facts = described;
        return 0;
    }
    facts->bytes = ph_bytes_size(bytes);
    return ph_sha256(ph_bytes_slice(bytes), facts->hash);
}

/* There are other bytes of this name already, which count: the first to be durable wins. */
static int take_what_is_there(struct job *job, const char *key, struct ph_bytes *init) {
    struct ph_bytes *there;
    int code = ph_store_get(job->session->archive->options.store, key, 0, UINT64_MAX, &there);
    if (!code)
        code = describe(init, there, &job->facts);
    ph_bytes_unref(&there);
    ph_log_error("the store has other bytes of a segment; they stay", ph_str("session", job->session->id),
        ph_str("key", key), ph_code(code ? code : -EEXIST));
    return code;
}

static int put_bytes(struct job *job, const char *path, struct ph_bytes *bytes, struct ph_bytes *init) {
    struct ph_archive_session *session = job->session;
    char key[PH_STORE_KEY_BYTES], name[32];
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", job->facts.number);
    int code = ph_archive_key(key, session, job->track, name);
    if (!code)
        code = describe(init, bytes, &job->facts);
    if (code)
        return code;
    const bool is_folder = ph_store_folder(session->archive->options.store);
    code = ph_archive_put(session, &(struct ph_store_put){.key = key,
                                       .bytes = ph_bytes_slice(bytes),
                                       .path = is_folder ? path : NULL,
                                       .content_type = media_type,
                                       .if_absent = true});
    return code == -EEXIST ? take_what_is_there(job, key, init) : code;
}

/* It is in the store: without its line it would be put again after a restart, and be found there. */
static void note(struct job *job, const char *dir) {
    struct ph_archive_session *session = job->session;
    pthread_mutex_lock(&session->journal_lock);
    int code = ph_journal_append(dir, &job->facts);
    pthread_mutex_unlock(&session->journal_lock);
    if (code)
        ph_metric_add(session->archive->metrics.failures, 1);
}

static int put(struct job *job) {
    char dir[PH_ARCHIVE_PATH_BYTES], path[PH_ARCHIVE_PATH_BYTES], name[32];
    struct ph_bytes *bytes = NULL, *init = NULL;
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", job->facts.number);
    int code = ph_archive_track_dir(dir, job->session, job->track);
    if (!code)
        code = ph_archive_path(path, dir, name);
    if (!code)
        code = ph_file_load(path, PH_ARCHIVE_MOST_SEGMENT_BYTES, &bytes);
    job->is_lost = code == -ENOENT;
    if (!code)
        code = ph_archive_load_init(job->session, job->track, &init);
    if (!code)
        code = put_head(job, init);
    if (!code)
        code = put_bytes(job, path, bytes, init);
    if (!code)
        note(job, dir);
    ph_bytes_unref(&bytes);
    ph_bytes_unref(&init);
    return code;
}

/* With the lock held. */
static void note_failure(struct ph_archive *archive, struct ph_ledger_entry *entry, const struct job *job,
    int code, int64_t now_us) {
    ph_metric_add(archive->metrics.failures, 1);
    entry->failures++;
    if (ph_archive_is_away(code))
        archive->retry_at_us = now_us + ph_archive_backoff_us(archive, archive->failures++);
    else
        entry->retry_at_us = now_us + ph_archive_backoff_us(archive, entry->failures);
    if (now_us < archive->failure_log_next_us)
        return;
    archive->failure_log_next_us = now_us + log_every_us;
    ph_log_error("a segment cannot be put into the archive's store; it stays in the spool",
        ph_str("session", job->session->id), ph_int("segment", (int64_t)job->facts.number), ph_code(code));
}

/* With the lock held. */
static void settle(struct ph_archive *archive, const struct job *job, int code) {
    struct ph_archive_session *session = job->session;
    struct ph_ledger *ledger = &session->tracks[job->track].ledger;
    struct ph_ledger_entry *entry = ph_ledger_find(ledger, job->facts.number);
    int64_t now_us = ph_archive_now_us(archive);
    session->putting--;
    archive->putting--;
    session->has_news = true;
    if (!code) {
        ph_ledger_move(ledger, entry, PH_LEDGER_ARCHIVED);
        entry->facts = job->facts;
        if (archive->failures)
            ph_log_info("the archive's store takes segments again");
        archive->failures = 0;
        archive->failure_log_next_us = archive->loss_log_next_us = 0;
        ph_metric_add(archive->metrics.uploads, 1);
        ph_metric_add(archive->metrics.retries, entry->failures ? 1 : 0);
        ph_metric_add(archive->metrics.bytes, (double)job->facts.bytes);
    } else if (job->is_lost) {
        ph_ledger_move(ledger, entry, PH_LEDGER_MISSING);
        ph_archive_note_loss(
            archive, job->session, job->facts.number, job->facts.number < ledger->files_from);
    } else {
        ph_ledger_move(ledger, entry, PH_LEDGER_WAITING);
        if (code != -ECANCELED)
            note_failure(archive, entry, job, code, now_us);
    }
    pthread_cond_broadcast(&archive->work);
}

void *ph_archive_put_segments(void *opaque) {
    struct ph_archive *archive = opaque;
    struct job job;
    int64_t wake_us;
    pthread_mutex_lock(&archive->lock);
    while (!archive->stopping) {
        if (!pick(archive, ph_archive_now_us(archive), &job, &wake_us)) {
            ph_cond_wait_until(&archive->work, &archive->lock, wake_us);
            continue;
        }
        pthread_mutex_unlock(&archive->lock);
        int code = put(&job);
        pthread_mutex_lock(&archive->lock);
        settle(archive, &job, code);
    }
    pthread_mutex_unlock(&archive->lock);
    return NULL;
}
