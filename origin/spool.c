#include "origin/spool.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/log.h"
#include "core/base/queue.h"
#include "core/base/thread.h"
#include "origin/spool_private.h"
#include "origin/storyboard.h"

enum { queue_capacity = 2 * PH_MOST_SESSIONS };
static const int64_t sweep_every_us = 600 * PH_SECOND_US;

int ph_spool_create(struct ph_spool **out, const struct ph_spool_options *options, struct ph_error *error) {
    struct ph_spool *spool = calloc(1, sizeof(*spool));
    *out = NULL;
    if (!spool)
        return -ENOMEM;
    spool->options = *options;
    pthread_mutex_init(&spool->lock, NULL);
    if (ph_cond_init(&spool->finish)) {
        pthread_mutex_destroy(&spool->lock);
        free(spool);
        return -ENOMEM;
    }
    spool->budget.most_bytes = options->most_bytes;
    int size = snprintf(spool->root, sizeof(spool->root), "%s/spool", options->data_dir);
    int code = 0;
    if (size < 0 || (size_t)size + PH_SESSION_NAME_BYTES + 64 > sizeof(spool->root))
        code = ph_error_set(error, -ENAMETOOLONG, "data_dir: the path %s is too long", options->data_dir);
    else if (mkdir(spool->root, 0700) && errno != EEXIST)
        code =
            ph_error_set(error, -errno, "cannot make the folder %s: let this user write to it", spool->root);
    if (!code)
        code = ph_queue_create(&spool->queue, queue_capacity);
    if (code) {
        ph_spool_destroy(spool);
        return code;
    }
    *out = spool;
    return 0;
}

void ph_spool_poke(struct ph_spool *spool, struct ph_session *session) {
    if (atomic_exchange(&session->spool_queued, true))
        return;
    ph_session_ref(session);
    if (ph_queue_push(spool->queue, session, 0) == 0)
        return;
    atomic_store(&session->spool_queued, false); /* the next tick pokes again */
    ph_session_unref(&session);
}

const char *ph_spool_root(const struct ph_spool *spool) {
    return spool->root;
}

double ph_spool_fill(const struct ph_spool *spool) {
    return atomic_load(&spool->fill);
}

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

static int sync_segment(struct ph_spool *spool, struct ph_session *session, uint32_t track) {
    int64_t start_us = ph_now_us();
    const struct ph_spool_track *written = &session->spool->tracks[track];
    const struct ph_archive_segment segment = {.number = written->next.segment,
        .start_ticks = written->start_ticks,
        .duration_ticks = written->duration_ticks,
        .bytes = written->data_bytes};
    ph_spool_note_step(spool, true);
    int code = ph_spool_files_sync(session, track, true);
    if (code)
        ph_spool_files_rewind(session, track, &spool->budget);
    else if (session->spool->archived)
        ph_archive_take(session->spool->archived, track, &segment);
    ph_metric_observe(
        spool->options.metrics->fsync_seconds, (double)(ph_now_us() - start_us) / (double)PH_SECOND_US);
    return code;
}

/* The parts between what was written and what is left of them in memory are lost to the disk: it took nothing
 * for too long. */
static void skip_lost(
    struct ph_spool *spool, struct ph_session *session, uint32_t index, const struct ph_window_run *run) {
    const struct ph_spool_track *track = &session->spool->tracks[index];
    uint64_t from = track->begun ? track->next.segment : run->first;
    if (run->oldest > from)
        ph_spool_note_loss(spool, session, index, run->oldest - from);
    ph_spool_files_skip_to(session, index, run->oldest);
}

/* Everything the window has and the disk has not. */
static int write_track(struct ph_spool *spool, struct ph_session *session, uint32_t index) {
    struct ph_spool_track *track = &session->spool->tracks[index];
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
        if (!code && run.closes)
            code = sync_segment(spool, session, index);
        if (!code && run.closes)
            ph_session_mark_durable(session, index, track->next.segment);
    } while (!code && (run.lost || run.count || run.closes));
    return code;
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

/* Whether it has ended is asked before the tracks are written: then they were complete, and the marker may
 * follow. */
static int write_session(struct ph_spool *spool, struct ph_session *session) {
    int64_t utc_us = 0;
    if (!ph_spool_files_of(session, spool->root))
        return -ENOMEM;
    if (session->spool->files_gone)
        return 0;
    bool ended = has_ended(spool, session, &utc_us);
    int code = ph_spool_files_write_head(session);
    if (!code)
        ph_spool_tell_archive(spool, session);
    for (uint32_t i = 0; i < session->publication.track_count && !code; i++)
        code = write_track(spool, session, i);
    if (!code)
        code = ph_storyboard_spool(session);
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

/* Files of segments nobody can fetch any more. */
static void remove_old(struct ph_spool *spool, struct ph_session *session) {
    for (uint32_t i = 0; session->spool && i < session->publication.track_count; i++) {
        pthread_mutex_lock(&session->lock);
        const struct ph_segment *oldest = session->window.tracks[i].segments;
        uint64_t keep_from = oldest ? oldest->number : 0;
        pthread_mutex_unlock(&session->lock);
        ph_spool_files_remove_below(session, i, keep_from, &spool->budget);
    }
}

static void serve_session(struct ph_spool *spool, struct ph_session *session) {
    pthread_mutex_lock(&session->lock);
    bool retired = session->retired, given_up = session->given_up;
    pthread_mutex_unlock(&session->lock);
    if (retired || given_up) {
        if (retired)
            ph_spool_let_go(spool, session);
        else
            ph_spool_clear(spool, session);
        return;
    }
    remove_old(spool, session);
    if (ph_spool_state(spool) == PH_SPOOL_FAILS && ph_now_us() < spool->retry_at_us) {
        ph_session_fail_durability(session);
        return;
    }
    int code = write_session(spool, session);
    if (code) {
        ph_spool_note_failure(spool, session, code);
        ph_session_fail_durability(session);
        return;
    }
    ph_spool_note_success(spool, session);
}

static void publish_figures(struct ph_spool *spool) {
    ph_metric_set(spool->options.metrics->spool_bytes, (double)spool->budget.used_bytes);
    ph_spool_watch_fill(spool);
}

static void *run(void *opaque) {
    struct ph_spool *spool = opaque;
    int64_t sweep_at_us = ph_now_us() + sweep_every_us;
    void *item;
    for (;;) {
        int code = ph_queue_pop(spool->queue, &item, sweep_at_us);
        if (code == PH_EOF)
            break;
        if (ph_now_us() >= sweep_at_us) {
            ph_spool_sweep_tombstones(spool);
            sweep_at_us = ph_now_us() + sweep_every_us;
        }
        if (code)
            continue;
        struct ph_session *session = item;
        atomic_store(&session->spool_queued, false);
        ph_spool_note_step(spool, true);
        serve_session(spool, session);
        ph_spool_note_step(spool, false);
        publish_figures(spool);
        ph_session_unref(&session);
    }
    pthread_mutex_lock(&spool->lock);
    spool->finished = true;
    pthread_cond_signal(&spool->finish);
    pthread_mutex_unlock(&spool->lock);
    return NULL;
}

int ph_spool_start(struct ph_spool *spool) {
    int code = ph_thread_start(&spool->thread, "spool", run, spool);
    spool->running = !code;
    return code;
}

void ph_spool_drain(struct ph_spool *spool, int64_t deadline_us) {
    ph_queue_close(spool->queue);
    if (!spool->running)
        return;
    pthread_mutex_lock(&spool->lock);
    while (!spool->finished && ph_cond_wait_until(&spool->finish, &spool->lock, deadline_us) != -ETIMEDOUT)
        continue;
    bool finished = spool->finished;
    pthread_mutex_unlock(&spool->lock);
    if (!finished) {
        ph_log_warning("the spool is still writing at the deadline", ph_str("folder", spool->root));
        return;
    }
    pthread_join(spool->thread, NULL);
    spool->running = false;
}

void ph_spool_destroy(struct ph_spool *spool) {
    void *item;
    if (!spool)
        return;
    if (spool->queue)
        ph_queue_close(spool->queue);
    if (spool->running)
        pthread_join(spool->thread, NULL);
    while (spool->queue && ph_queue_pop(spool->queue, &item, 0) == 0) {
        struct ph_session *session = item;
        ph_session_unref(&session);
    }
    ph_queue_destroy(spool->queue);
    pthread_cond_destroy(&spool->finish);
    pthread_mutex_destroy(&spool->lock);
    free(spool);
}
