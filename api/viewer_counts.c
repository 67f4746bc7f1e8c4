#include "api/viewer_counts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has no table */
#include <uthash.h>

#include "core/base/log.h"
#include "core/base/thread.h"

static const int64_t count_every_us = PH_SECOND_US;
static const int64_t expire_every_us = 5 * PH_SECOND_US;

/* A session whose viewers are to be counted. */
struct changed {
    char session[PH_SESSION_ID_BYTES];
    UT_hash_handle hh;
};

struct ph_viewer_counts {
    struct ph_session_observer observer;
    struct ph_db *db;
    struct ph_clock *clock;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;    /* with `lock` */
    struct changed *changed; /* under lock */
    bool is_stopping;        /* under lock */
    unsigned steps;          /* the thread's: of the clock */
};

static int64_t now_ms(const struct ph_viewer_counts *counts) {
    return ph_clock_utc_us(counts->clock) / PH_MILLISECOND_US;
}

/* Without memory a change is counted with the next one. */
void ph_viewer_counts_changed(struct ph_viewer_counts *counts, const char *session) {
    struct changed *entry;
    pthread_mutex_lock(&counts->lock);
    HASH_FIND_STR(counts->changed, session, entry);
    if (!entry && (entry = calloc(1, sizeof(*entry)))) {
        strncpy(entry->session, session, sizeof(entry->session) - 1);
        HASH_ADD_STR(counts->changed, session, entry);
        if (!entry->hh.tbl)
            free(entry);
    }
    pthread_cond_signal(&counts->woken);
    pthread_mutex_unlock(&counts->lock);
}

static void left(void *opaque, const char *session) {
    ph_viewer_counts_changed(opaque, session);
}

static struct changed *take_all(struct ph_viewer_counts *counts) {
    pthread_mutex_lock(&counts->lock);
    struct changed *all = counts->changed;
    counts->changed = NULL;
    pthread_mutex_unlock(&counts->lock);
    return all;
}

/* Each session once, whatever changes meanwhile. What cannot be counted is left for the next second. */
static void count_all(struct ph_viewer_counts *counts) {
    struct changed *all = take_all(counts), *entry, *next;
    HASH_ITER(hh, all, entry, next) {
        if (ph_viewers_count(counts->db, entry->session, now_ms(counts)) < 0)
            ph_viewer_counts_changed(counts, entry->session);
        HASH_DEL(all, entry);
        free(entry);
    }
}

/* Waits until the time, or for something to count when `may_count`. False when stopping. */
static bool wait_until(struct ph_viewer_counts *counts, int64_t time_us, bool may_count) {
    int code = 0;
    pthread_mutex_lock(&counts->lock);
    while (!counts->is_stopping && !(may_count && counts->changed) && code != -ETIMEDOUT)
        code = ph_cond_wait_until(&counts->woken, &counts->lock, time_us);
    bool goes_on = !counts->is_stopping;
    pthread_mutex_unlock(&counts->lock);
    return goes_on;
}

static void *run(void *opaque) {
    struct ph_viewer_counts *counts = opaque;
    int64_t next_count_us = ph_now_us(), next_expiry_us = next_count_us;
    for (;;) {
        bool may_count = ph_now_us() >= next_count_us;
        int64_t until_us = may_count || next_expiry_us < next_count_us ? next_expiry_us : next_count_us;
        if (!wait_until(counts, until_us, may_count))
            return NULL;
        /* Nobody's last beat tells anything in another time, before everybody could beat again. */
        if (ph_clock_has_stepped(counts->clock, &counts->steps))
            next_expiry_us = ph_now_us() + PH_VIEWER_PATIENCE_MS * PH_MILLISECOND_US;
        if (ph_now_us() >= next_expiry_us) {
            int code = ph_viewers_expire(counts->db, now_ms(counts), left, counts);
            if (code < 0)
                ph_log_warning("viewers who have left are still counted", ph_code(code));
            next_expiry_us = ph_now_us() + expire_every_us;
        }
        if (ph_now_us() >= next_count_us && may_count) {
            count_all(counts);
            next_count_us = ph_now_us() + count_every_us;
        }
    }
}

static int session_changed(struct ph_session_observer *observer, struct ph_db_transaction *transaction,
    const struct ph_session_change *change) {
    struct ph_viewer_counts *counts = (struct ph_viewer_counts *)observer;
    if (!ph_session_state_is_over(change->session->state))
        return 0;
    ph_viewer_counts_changed(counts, change->session->id);
    return ph_viewers_end(transaction, change->session->id, change->at_ms);
}

struct ph_session_observer *ph_viewer_counts_observer(struct ph_viewer_counts *counts) {
    return &counts->observer;
}

int ph_viewer_counts_create(struct ph_viewer_counts **out, struct ph_db *db, struct ph_clock *clock) {
    static const struct ph_session_observer_impl impl = {.changed = session_changed};
    *out = NULL;
    struct ph_viewer_counts *counts = calloc(1, sizeof(*counts));
    if (!counts)
        return -ENOMEM;
    counts->observer.impl = &impl;
    counts->db = db;
    counts->clock = clock;
    counts->steps = ph_clock_steps(clock);
    pthread_mutex_init(&counts->lock, NULL);
    int code = ph_cond_init(&counts->woken);
    if (code < 0) {
        pthread_mutex_destroy(&counts->lock);
        free(counts);
        return code;
    }
    code = ph_thread_start(&counts->thread, "api-viewers", run, counts);
    if (code < 0) {
        ph_viewer_counts_destroy(counts);
        return code;
    }
    counts->has_thread = true;
    *out = counts;
    return 0;
}

void ph_viewer_counts_stop(struct ph_viewer_counts *counts) {
    if (!counts->has_thread)
        return;
    pthread_mutex_lock(&counts->lock);
    counts->is_stopping = true;
    pthread_cond_signal(&counts->woken);
    pthread_mutex_unlock(&counts->lock);
    pthread_join(counts->thread, NULL);
    counts->has_thread = false;
}

void ph_viewer_counts_destroy(struct ph_viewer_counts *counts) {
    struct changed *entry, *next;
    if (!counts)
        return;
    ph_viewer_counts_stop(counts);
    HASH_ITER(hh, counts->changed, entry, next) {
        HASH_DEL(counts->changed, entry);
        free(entry);
    }
    pthread_cond_destroy(&counts->woken);
    pthread_mutex_destroy(&counts->lock);
    free(counts);
}
