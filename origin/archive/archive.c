#define HASH_NONFATAL_OOM 1
#include "origin/archive/archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/backoff.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "origin/archive/archive_private.h"

enum { default_put_threads = 4, most_backoff_doublings = 5 };
static const int64_t default_retry_us = 1 * PH_SECOND_US;
static const int64_t most_backoff_us = 30 * PH_SECOND_US;
static const int64_t log_every_us = 60 * PH_SECOND_US;

int64_t ph_archive_now_us(const struct ph_archive *archive) {
    (void)archive;
    return ph_now_us();
}

int64_t ph_archive_backoff_us(const struct ph_archive *archive, uint32_t failures) {
    uint32_t doublings = failures < most_backoff_doublings ? failures : most_backoff_doublings;
    return ph_backoff_within_us(1 + doublings, archive->options.retry_us, most_backoff_us);
}

int ph_archive_create(struct ph_archive **out, const struct ph_archive_options *options) {
    struct ph_archive *archive = calloc(1, sizeof(*archive));
    *out = NULL;
    if (!archive)
        return -ENOMEM;
    archive->options = *options;
    if (!archive->options.retry_us)
        archive->options.retry_us = default_retry_us;
    if (!archive->options.put_threads)
        archive->options.put_threads = default_put_threads;
    if (archive->options.put_threads > PH_ARCHIVE_MOST_THREADS - PH_ARCHIVE_RECORDING_THREADS)
        archive->options.put_threads = PH_ARCHIVE_MOST_THREADS - PH_ARCHIVE_RECORDING_THREADS;
    ph_archive_metrics_init(&archive->metrics, options->metrics);
    if (ph_cond_init(&archive->work)) {
        free(archive);
        return -ENOMEM;
    }
    pthread_mutex_init(&archive->lock, NULL);
    *out = archive;
    return 0;
}

static int start_threads(
    struct ph_archive *archive, uint32_t count, const char *name, void *(*run)(void *archive)) {
    int code = 0;
    for (uint32_t i = 0; i < count && !code; i++) {
        code = ph_thread_start(&archive->threads[archive->thread_count], name, run, archive);
        archive->thread_count += !code;
    }
    return code;
}

int ph_archive_start(struct ph_archive *archive) {
    int code = start_threads(archive, archive->options.put_threads, "archive-put", ph_archive_put_segments);
    return code ? code
                : start_threads(
                      archive, PH_ARCHIVE_RECORDING_THREADS, "archive-record", ph_archive_record_sessions);
}

/* With the lock held: whether nothing is left to do that could be done now. */
static bool is_quiet(const struct ph_archive *archive) {
    const struct ph_archive_session *session, *next;
    if (archive->failures)
        return true;
    HASH_ITER(hh, archive->sessions, session, next) {
        for (uint32_t i = 0; i < session->publication.track_count; i++) {
            if (session->tracks[i].ledger.waiting && !session->discarded)
                return false;
        }
        if (session->is_busy || (session->ended && !session->done && !session->failures))
            return false;
    }
    return true;
}

void ph_archive_drain(struct ph_archive *archive, int64_t deadline_us) {
    pthread_mutex_lock(&archive->lock);
    while (archive->thread_count && !is_quiet(archive) &&
           ph_cond_wait_until(&archive->work, &archive->lock, deadline_us) != -ETIMEDOUT)
        continue;
    bool was_quiet = is_quiet(archive);
    archive->stopping = true;
    pthread_cond_broadcast(&archive->work);
    pthread_mutex_unlock(&archive->lock);
    if (!was_quiet)
        ph_log_warning("the archive has not everything yet; it goes on from the spool at the next start");
}

void ph_archive_session_free(struct ph_archive_session *session) {
    for (uint32_t i = 0; i < PH_MOST_TRACKS; i++) {
        ph_ledger_finish(&session->tracks[i].ledger);
        ph_bytes_unref(&session->tracks[i].init);
    }
    ph_recorder_free(session->recorder);
    pthread_mutex_destroy(&session->journal_lock);
    free(session);
}

void ph_archive_destroy(struct ph_archive *archive) {
    if (!archive)
        return;
    pthread_mutex_lock(&archive->lock);
    archive->stopping = true;
    pthread_cond_broadcast(&archive->work);
    pthread_mutex_unlock(&archive->lock);
    for (uint32_t i = 0; i < archive->thread_count; i++)
        pthread_join(archive->threads[i], NULL);
    while (archive->sessions) {
        struct ph_archive_session *session = archive->sessions;
        HASH_DEL(archive->sessions, session);
        ph_archive_session_free(session);
    }
    pthread_cond_destroy(&archive->work);
    pthread_mutex_destroy(&archive->lock);
    free(archive);
}

void ph_archive_measure(struct ph_archive *archive) {
    uint64_t segments = 0, bytes = 0;
    int64_t now_us = ph_archive_now_us(archive), oldest_us = now_us;
    const struct ph_archive_session *session, *next;
    pthread_mutex_lock(&archive->lock);
    HASH_ITER(hh, archive->sessions, session, next) {
        for (uint32_t i = 0; i < session->publication.track_count; i++) {
            const struct ph_ledger *ledger = &session->tracks[i].ledger;
            uint32_t at = ledger->open_from;
            segments += ledger->waiting;
            bytes += ledger->waiting_bytes;
            if (ledger->waiting && at < ledger->count && ledger->entries[at].since_us < oldest_us)
                oldest_us = ledger->entries[at].since_us;
        }
    }
    pthread_mutex_unlock(&archive->lock);
    ph_metric_set(archive->metrics.pending_segments, (double)segments);
    ph_metric_set(archive->metrics.pending_bytes, (double)bytes);
    ph_metric_set(
        archive->metrics.oldest_pending_seconds, (double)(now_us - oldest_us) / (double)PH_SECOND_US);
}

static struct ph_archive_session *session_create(
    struct ph_archive *archive, const char *id, const char *dir, const struct ph_publication *publication) {
    struct ph_archive_session *session = calloc(1, sizeof(*session));
    if (!session)
        return NULL;
    session->archive = archive;
    session->publication = *publication;
    snprintf(session->id, sizeof(session->id), "%s", id);
    snprintf(session->dir, sizeof(session->dir), "%s", dir);
    snprintf(session->prefix, sizeof(session->prefix), "%s/%s",
        publication->is_recorded ? "recordings" : "live", id);
    pthread_mutex_init(&session->journal_lock, NULL);
    return session;
}

/* What it does not know of, it would take for never published. */
static void note_unreadable(const struct ph_archive_session *session, int code) {
    struct ph_archive *archive = session->archive;
    int64_t now_us = ph_archive_now_us(archive);
    pthread_mutex_lock(&archive->lock);
    bool is_told = now_us < archive->unreadable_log_next_us;
    if (!is_told)
        archive->unreadable_log_next_us = now_us + log_every_us;
    pthread_mutex_unlock(&archive->lock);
    if (!is_told)
        ph_log_error("what the spool has of a session cannot be read, so it is not archived: check the disk",
            ph_str("session", session->id), ph_str("folder", session->dir), ph_code(code));
}

struct ph_archive_session *ph_archive_open(struct ph_archive *archive, const char *id, const char *dir,
    const struct ph_publication *publication, const uint64_t durable_below[PH_MOST_TRACKS]) {
    struct ph_archive_session *session = session_create(archive, id, dir, publication), *there;
    if (!session)
        return NULL;
    int code = ph_archive_recover(session, durable_below);
    if (code) {
        note_unreadable(session, code);
        ph_archive_session_free(session);
        return NULL;
    }
    session->has_news = true;
    pthread_mutex_lock(&archive->lock);
    HASH_FIND_STR(archive->sessions, id, there);
    if (!there)
        HASH_ADD_STR(archive->sessions, id, session);
    bool is_added = !there && session->hh.tbl;
    pthread_cond_broadcast(&archive->work);
    pthread_mutex_unlock(&archive->lock);
    if (is_added)
        return session;
    ph_archive_session_free(session);
    return there;
}

void ph_archive_take(
    struct ph_archive_session *session, uint32_t track, const struct ph_archive_segment *segment) {
    struct ph_archive *archive = session->archive;
    const struct ph_manifest_segment facts = {.number = segment->number,
        .start_ticks = segment->start_ticks,
        .duration_ticks = (uint32_t)segment->duration_ticks,
        .bytes = segment->bytes,
        .flags = segment->bytes ? 0 : PH_MANIFEST_GAP};
    pthread_mutex_lock(&archive->lock);
    int code = ph_ledger_add(&session->tracks[track].ledger, &facts, ph_archive_now_us(archive));
    session->has_news = true;
    pthread_cond_broadcast(&archive->work);
    pthread_mutex_unlock(&archive->lock);
    if (!code || code == -EALREADY)
        return;
    ph_metric_add(archive->metrics.lost_segments, 1);
    ph_log_error("a segment is lost to the archive", ph_str("session", session->id),
        ph_str("track", session->publication.tracks[track].name), ph_int("segment", (int64_t)segment->number),
        ph_code(code));
}

/* With the lock held. */
static void note_end(struct ph_archive_session *session) {
    if (!session->ended)
        session->ended_us = ph_archive_now_us(session->archive);
    session->ended = session->has_news = true;
    pthread_cond_broadcast(&session->archive->work);
}

void ph_archive_end(struct ph_archive_session *session) {
    struct ph_archive *archive = session->archive;
    pthread_mutex_lock(&archive->lock);
    note_end(session);
    pthread_mutex_unlock(&archive->lock);
}

void ph_archive_retire(struct ph_archive_session *session) {
    struct ph_archive *archive = session->archive;
    pthread_mutex_lock(&archive->lock);
    session->retired = true;
    note_end(session);
    pthread_mutex_unlock(&archive->lock);
}

bool ph_archive_release(struct ph_archive_session *session, uint32_t track, uint64_t segment) {
    struct ph_archive *archive = session->archive;
    struct ph_ledger *ledger = &session->tracks[track].ledger;
    pthread_mutex_lock(&archive->lock);
    const struct ph_ledger_entry *entry = ph_ledger_find(ledger, segment);
    bool is_settled = !entry || entry->state == PH_LEDGER_ARCHIVED || entry->state == PH_LEDGER_MISSING;
    bool is_consumed =
        session->done || !session->publication.is_recorded || segment < session->tracks[track].consumed_below;
    bool may_go = is_settled && (is_consumed || !entry || entry->state == PH_LEDGER_MISSING);
    if (may_go && segment >= ledger->files_from)
        ledger->files_from = segment + 1;
    pthread_mutex_unlock(&archive->lock);
    return may_go;
}

uint64_t ph_archive_take_freed(struct ph_archive *archive) {
    return atomic_exchange(&archive->freed_bytes, 0);
}

/* A file that is to make room. */
struct shed {
    struct ph_archive_session *session;
    uint32_t track;
    struct ph_ledger_entry *entry;
};

/* With the lock held. */
static struct shed find_oldest(struct ph_archive *archive, bool may_lose) {
    struct ph_archive_session *session, *next;
    struct shed oldest = {0};
    HASH_ITER(hh, archive->sessions, session, next) {
        uint32_t keep = session->ended ? 0 : PH_WINDOW_LISTED_SEGMENTS;
        for (uint32_t i = 0; i < session->publication.track_count; i++) {
            struct ph_ledger_entry *entry = ph_ledger_oldest_file(&session->tracks[i].ledger, keep, may_lose);
            if (entry && (!oldest.entry || entry->since_us < oldest.entry->since_us))
                oldest = (struct shed){session, i, entry};
        }
    }
    return oldest;
}

void ph_archive_note_loss(
    struct ph_archive *archive, const struct ph_archive_session *session, uint64_t segment, bool made_room) {
    int64_t now_us = ph_archive_now_us(archive);
    ph_metric_add(archive->metrics.lost_segments, 1);
    if (now_us < archive->loss_log_next_us)
        return;
    archive->loss_log_next_us = now_us + log_every_us;
    if (made_room)
        ph_log_error("the spool is full and the archive does not take it: segments are lost to the "
                     "recording; bring the archive's store back or enlarge spool_most_mib",
            ph_str("session", session->id), ph_int("segment", (int64_t)segment));
    else
        ph_log_error("segments are lost to the recording: their files are gone from the spool",
            ph_str("session", session->id), ph_int("segment", (int64_t)segment));
}

uint64_t ph_archive_shed(struct ph_archive *archive, bool may_lose) {
    char dir[PH_ARCHIVE_PATH_BYTES], path[PH_ARCHIVE_PATH_BYTES] = "", name[32];
    struct stat status;
    for (;;) {
        pthread_mutex_lock(&archive->lock);
        struct shed shed = find_oldest(archive, may_lose);
        if (!shed.entry) {
            pthread_mutex_unlock(&archive->lock);
            return 0;
        }
        snprintf(name, sizeof(name), "%" PRIu64 ".m4s", shed.entry->facts.number);
        int code = ph_archive_track_dir(dir, shed.session, shed.track);
        if (!code)
            code = ph_archive_path(path, dir, name);
        if (shed.entry->state ==
            PH_LEDGER_WAITING) { /* what is on its way may still arrive: it is in memory */
            ph_archive_note_loss(archive, shed.session, shed.entry->facts.number, true);
            ph_ledger_move(&shed.session->tracks[shed.track].ledger, shed.entry, PH_LEDGER_MISSING);
        }
        shed.session->tracks[shed.track].ledger.files_from = shed.entry->facts.number + 1;
        pthread_mutex_unlock(&archive->lock);
        if (!code && stat(path, &status) == 0 && unlink(path) == 0 && status.st_size > 0)
            return (uint64_t)status.st_size;
    }
}
