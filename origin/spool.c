#include "origin/spool.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/log.h"
#include "core/base/queue.h"
#include "core/base/thread.h"
#include "origin/spool_private.h"

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

bool ph_spool_put_back(struct ph_spool *spool, struct ph_session *session) {
    if (ph_queue_length(spool->queue) == 0)
        return false;
    if (atomic_exchange(&session->spool_queued, true))
        return true;
    ph_session_ref(session);
    if (ph_queue_push(spool->queue, session, 0) == 0)
        return true;
    atomic_store(&session->spool_queued, false);
    ph_session_unref(&session);
    return false;
}

const char *ph_spool_root(const struct ph_spool *spool) {
    return spool->root;
}

double ph_spool_fill(const struct ph_spool *spool) {
    return atomic_load(&spool->fill);
}

/* Files of segments nobody can fetch any more, once the archive knows of them. */
static void remove_old(struct ph_spool *spool, struct ph_session *session) {
    if (!session->spool || (spool->options.archive && !session->spool->archived))
        return;
    for (uint32_t i = 0; i < session->publication.track_count; i++) {
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
    bool is_whole;
    int code = ph_spool_write_session(spool, session, &is_whole);
    if (code) {
        ph_spool_note_failure(spool, session, code);
        ph_session_fail_durability(session);
        return;
    }
    ph_spool_note_success(spool, session, is_whole);
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
