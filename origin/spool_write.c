/* What a session has in memory and the disk has not: a segment of each track in turn, so that a slow disk is
 * late with all of them alike, and sessions take turns too. */
#include <stdatomic.h>

#include "core/base/log.h"
#include "core/base/thread.h"
#include "origin/spool_private.h"
#include "origin/storyboard.h"

/* From so slow a sync on, tracks are synced side by side: what a disk is asked for at the same time it does
 * at the same time. */
static const int64_t slow_sync_us = 10 * PH_MILLISECOND_US;

static int write_part(
    struct ph_spool *spool, struct ph_session *session, uint32_t track, const struct ph_part *part) {
    ph_spool_note_step(spool, true);
    int code = ph_spool_files_write_part(session, track, part, &spool->budget);
    while (code == -ENOSPC && ph_spool_make_room(spool))
        code = ph_spool_files_write_part(session, track, part, &spool->budget);
    if (!code)
        ph_metric_add(spool->options.metrics->spool_parts, -1);
    return code;
}

/* The parts between what was written and what is left of them in memory are lost to the disk: it took nothing
 * for too long. */
static void skip_lost(
    struct ph_spool *spool, struct ph_session *session, uint32_t index, const struct ph_window_run *run) {
    const struct ph_spool_track *track = &session->spool->tracks[index];
    uint64_t from = track->begun ? track->next.segment : run->first;
    pthread_mutex_lock(&session->lock);
    ph_history_lose(&session->window.tracks[index].history, from, run->oldest);
    pthread_mutex_unlock(&session->lock);
    if (run->oldest > from)
        ph_spool_note_loss(spool, session, index, run->oldest - from);
    ph_spool_files_skip_to(session, index, run->oldest, &spool->budget);
}

/* What of the track the disk has not, up to the end of a segment, which `closes` tells. */
static int write_track(struct ph_spool *spool, struct ph_session *session, uint32_t index, bool *closes) {
    const struct ph_spool_track *track = &session->spool->tracks[index];
    struct ph_window_run run;
    int code = 0;
    do {
        pthread_mutex_lock(&session->lock);
        ph_window_take_run(&session->window, index, track->next, &run);
        pthread_mutex_unlock(&session->lock);
        if (run.lost) {
            skip_lost(spool, session, index, &run);
            continue;
        }
        for (uint32_t i = 0; i < run.count; i++) {
            if (!code)
                code = write_part(spool, session, index, run.parts[i]);
            ph_part_unref(&run.parts[i]);
        }
    } while (!code && !run.closes && (run.lost || run.count));
    *closes = !code && run.closes;
    return code;
}

/* The sync of a track's whole segment. */
struct sync {
    struct ph_session *session;
    struct ph_archive_segment segment;
    pthread_t thread;
    int64_t took_us;
    uint32_t track;
    int code;
    bool runs; /* in a thread of its own */
};

static void *run_sync(void *opaque) {
    struct sync *sync = opaque;
    int64_t start_us = ph_now_us();
    sync->code = ph_spool_files_sync(sync->session, sync->track, true);
    sync->took_us = ph_now_us() - start_us;
    return NULL;
}

static int settle(struct ph_spool *spool, struct sync *sync) {
    struct ph_session *session = sync->session;
    if (sync->runs)
        pthread_join(sync->thread, NULL);
    ph_metric_observe(spool->options.metrics->fsync_seconds, (double)sync->took_us / (double)PH_SECOND_US);
    if (sync->code) {
        ph_spool_files_rewind(session, sync->track, &spool->budget);
        return sync->code;
    }
    if (session->spool->archived)
        ph_archive_take(session->spool->archived, sync->track, &sync->segment);
    ph_session_mark_durable(session, sync->track, session->spool->tracks[sync->track].next.segment);
    return 0;
}

static int sync_all(struct ph_spool *spool, struct sync *syncs, uint32_t count) {
    bool side_by_side = spool->is_slow;
    int code = 0;
    ph_spool_note_step(spool, true);
    for (uint32_t i = 1; i < count && side_by_side; i++)
        syncs[i].runs = ph_thread_start(&syncs[i].thread, "spool-sync", run_sync, &syncs[i]) == 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!syncs[i].runs)
            run_sync(&syncs[i]);
    }
    spool->is_slow = false;
    for (uint32_t i = 0; i < count; i++) {
        int settled = settle(spool, &syncs[i]);
        code = code ? code : settled;
        spool->is_slow = spool->is_slow || syncs[i].took_us > slow_sync_us;
    }
    return code;
}

/* A segment of each track at most; none of a track whose init segment came since the head was written:
 * without it nothing of the track could be read back. */
static int write_tracks(struct ph_spool *spool, struct ph_session *session, bool *more) {
    struct sync syncs[PH_MOST_TRACKS];
    uint32_t count = 0;
    int code = 0;
    for (uint32_t i = 0; i < session->publication.track_count && !code; i++) {
        const struct ph_spool_track *track = &session->spool->tracks[i];
        bool closes;
        if (!session->spool->init_written[i])
            continue;
        code = write_track(spool, session, i, &closes);
        if (closes)
            syncs[count++] = (struct sync){.session = session,
                .track = i,
                .segment = {.number = track->next.segment,
                    .start_ticks = track->start_ticks,
                    .duration_ticks = track->duration_ticks,
                    .bytes = track->data_bytes}};
    }
    *more = count > 0;
    int synced = count ? sync_all(spool, syncs, count) : 0;
    return code ? code : synced;
}

/* Whether the session has ended, and when (UTC). */
static bool has_ended(struct ph_spool *spool, struct ph_session *session, int64_t *utc_us) {
    pthread_mutex_lock(&session->lock);
    bool ended = session->ended && !session->given_up;
    int64_t since_us = ph_clock_monotonic_us(spool->options.clock) - session->ended_us;
    pthread_mutex_unlock(&session->lock);
    *utc_us = ph_clock_utc_us(spool->options.clock) - since_us;
    return ended;
}

static int write_rest(struct ph_session *session, bool ended, int64_t utc_us) {
    int code = ph_storyboard_spool(session);
    if (!code)
        code = ph_spool_write_poster(session, ended);
    if (code || !ended || session->spool->end_written)
        return code;
    code = ph_spool_files_write_end(session, utc_us);
    if (!code)
        ph_session_mark_end_durable(session);
    if (!code && session->spool->archived)
        ph_archive_end(session->spool->archived);
    return code;
}

/* Whether it has ended is asked before the tracks are written: then they were complete, and the marker may
 * follow. */
int ph_spool_write_session(struct ph_spool *spool, struct ph_session *session, bool *is_whole) {
    int64_t utc_us = 0;
    bool more = true;
    *is_whole = false;
    if (!ph_spool_files_of(session, spool->root))
        return -ENOMEM;
    if (session->spool->files_gone)
        return 0;
    bool ended = has_ended(spool, session, &utc_us);
    int code = 0;
    while (!code && more) {
        code = ph_spool_files_write_head(session);
        if (!code) {
            ph_spool_tell_archive(spool, session);
            code = write_tracks(spool, session, &more);
        }
        if (!code && more && ph_spool_put_back(spool, session))
            return 0;
    }
    *is_whole = !code;
    return code ? code : write_rest(session, ended, utc_us);
}
