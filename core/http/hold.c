#include "core/http/hold.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/http/server.h"

enum { not_listed = -1 };
enum hold_state { waiting, claimed, answered };

struct ph_http_hold {
    atomic_uint references;
    _Atomic(enum hold_state) state;
    struct ph_holds *holds;            /* valid while not answered */
    struct MHD_Connection *connection; /* valid while not answered */
    struct ph_http_response *on_deadline;
    struct ph_http_response *answer; /* written by the winner before `answered` */
    int64_t deadline_us;
    bool is_counted;           /* in the gauge */
    long place;                /* in the heap, or not_listed; guarded by the holds' lock */
    struct ph_http_hold *next; /* in a batch of the thread that won it */
};

struct ph_holds {
    pthread_mutex_t lock;
    pthread_cond_t
        changed; /* with `lock`: the first deadline, draining, stopping, or no request held any more */
    struct ph_http_hold **heap; /* guarded by lock; the earliest deadline first */
    size_t length;              /* guarded by lock */
    size_t capacity;            /* guarded by lock */
    size_t held;                /* guarded by lock: suspended and not yet resumed to the end */
    bool draining;              /* guarded by lock */
    bool stopping;              /* guarded by lock */
    struct ph_metric *gauge;
    pthread_t timer;
};

static void place(struct ph_holds *holds, size_t at, struct ph_http_hold *hold) {
    holds->heap[at] = hold;
    hold->place = (long)at;
}

static void sift_up(struct ph_holds *holds, size_t at, struct ph_http_hold *hold) {
    while (at > 0 && holds->heap[(at - 1) / 2]->deadline_us > hold->deadline_us) {
        place(holds, at, holds->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(holds, at, hold);
}

static void sift_down(struct ph_holds *holds, size_t at, struct ph_http_hold *hold) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= holds->length)
            break;
        if (child + 1 < holds->length &&
            holds->heap[child + 1]->deadline_us < holds->heap[child]->deadline_us)
            child++;
        if (holds->heap[child]->deadline_us >= hold->deadline_us)
            break;
        place(holds, at, holds->heap[child]);
        at = child;
    }
    place(holds, at, hold);
}

/* Called with the lock held. */
static int list(struct ph_holds *holds, struct ph_http_hold *hold) {
    if (holds->length == holds->capacity) {
        size_t capacity = holds->capacity ? holds->capacity * 2 : 64;
        struct ph_http_hold **heap = realloc(holds->heap, capacity * sizeof(struct ph_http_hold *));
        if (!heap)
            return -ENOMEM;
        holds->heap = heap;
        holds->capacity = capacity;
    }
    sift_up(holds, holds->length++, hold);
    return 0;
}

/* Called with the lock held. */
static void unlist(struct ph_holds *holds, struct ph_http_hold *hold) {
    if (hold->place == not_listed)
        return;
    size_t at = (size_t)hold->place;
    hold->place = not_listed;
    struct ph_http_hold *last = holds->heap[--holds->length];
    if (last == hold)
        return;
    if (at > 0 && holds->heap[(at - 1) / 2]->deadline_us > last->deadline_us)
        sift_up(holds, at, last);
    else
        sift_down(holds, at, last);
}

static void unref(struct ph_http_hold *hold) {
    if (atomic_fetch_sub_explicit(&hold->references, 1, memory_order_acq_rel) != 1)
        return;
    ph_http_response_unref(&hold->on_deadline);
    ph_http_response_unref(&hold->answer);
    free(hold);
}

static bool claim(struct ph_http_hold *hold) {
    enum hold_state expected = waiting;
    return atomic_compare_exchange_strong_explicit(
        &hold->state, &expected, claimed, memory_order_acq_rel, memory_order_acquire);
}

/* For the winner, who has a reference. Until `held` is counted down the daemon outlives this: the drain waits
 * for it. */
static void answer_and_resume(struct ph_http_hold *hold, struct ph_http_response *answer) {
    struct ph_holds *holds = hold->holds;
    hold->answer = ph_http_response_ref(answer);
    atomic_store_explicit(&hold->state, answered, memory_order_release);
    MHD_resume_connection(hold->connection);
    if (holds->gauge && hold->is_counted)
        ph_metric_add(holds->gauge, -1);
    pthread_mutex_lock(&holds->lock);
    unlist(holds, hold);
    if (--holds->held == 0 && holds->draining)
        pthread_cond_broadcast(&holds->changed);
    pthread_mutex_unlock(&holds->lock);
}

/* Takes what is due out of the heap, claimed, with a reference each. Called with the lock held. */
static struct ph_http_hold *take_due(struct ph_holds *holds, int64_t now_us) {
    struct ph_http_hold *batch = NULL;
    while (holds->length > 0 && (holds->draining || holds->heap[0]->deadline_us <= now_us)) {
        struct ph_http_hold *hold = holds->heap[0];
        unlist(holds, hold);
        if (!claim(hold))
            continue;
        atomic_fetch_add_explicit(&hold->references, 1, memory_order_relaxed);
        hold->next = batch;
        batch = hold;
    }
    return batch;
}

static void answer_batch(struct ph_http_hold *batch) {
    while (batch) {
        struct ph_http_hold *hold = batch;
        batch = hold->next;
        answer_and_resume(hold, hold->on_deadline);
        unref(hold);
    }
}

static void *run_timer(void *opaque) {
    struct ph_holds *holds = opaque;
    pthread_mutex_lock(&holds->lock);
    while (!holds->stopping) {
        struct ph_http_hold *batch = take_due(holds, ph_now_us());
        if (batch) {
            pthread_mutex_unlock(&holds->lock);
            answer_batch(batch);
            pthread_mutex_lock(&holds->lock);
            continue;
        }
        ph_cond_wait_until(
            &holds->changed, &holds->lock, holds->length ? holds->heap[0]->deadline_us : PH_NEVER_US);
    }
    pthread_mutex_unlock(&holds->lock);
    return NULL;
}

int ph_holds_create(struct ph_holds **out, struct ph_metric *gauge) {
    *out = NULL;
    struct ph_holds *holds = calloc(1, sizeof(*holds));
    if (!holds)
        return -ENOMEM;
    holds->gauge = gauge;
    pthread_mutex_init(&holds->lock, NULL);
    ph_cond_init(&holds->changed);
    int code = ph_thread_start(&holds->timer, "http-deadlines", run_timer, holds);
    if (code) {
        pthread_cond_destroy(&holds->changed);
        pthread_mutex_destroy(&holds->lock);
        free(holds);
        return code;
    }
    *out = holds;
    return 0;
}

void ph_holds_drain(struct ph_holds *holds) {
    pthread_mutex_lock(&holds->lock);
    holds->draining = true;
    pthread_cond_broadcast(&holds->changed);
    while (holds->held > 0)
        ph_cond_wait_until(&holds->changed, &holds->lock, PH_NEVER_US);
    pthread_mutex_unlock(&holds->lock);
}

void ph_holds_destroy(struct ph_holds *holds) {
    if (!holds)
        return;
    pthread_mutex_lock(&holds->lock);
    assert(holds->held == 0);
    holds->stopping = true;
    pthread_cond_broadcast(&holds->changed);
    pthread_mutex_unlock(&holds->lock);
    pthread_join(holds->timer, NULL);
    pthread_cond_destroy(&holds->changed);
    pthread_mutex_destroy(&holds->lock);
    free(holds->heap);
    free(holds);
}

static int suspend(struct ph_holds *holds, struct ph_http_hold *hold) {
    pthread_mutex_lock(&holds->lock);
    int code = holds->draining ? -ESHUTDOWN : list(holds, hold);
    if (code) {
        pthread_mutex_unlock(&holds->lock);
        return code;
    }
    holds->held++;
    if (holds->gauge && hold->is_counted)
        ph_metric_add(holds->gauge, 1);
    /* Under the lock, so that the deadline cannot resume what is not yet suspended. A release cannot either:
     * its caller does not have the hold yet. */
    MHD_suspend_connection(hold->connection);
    if (hold->place == 0)
        pthread_cond_signal(&holds->changed);
    pthread_mutex_unlock(&holds->lock);
    return 0;
}

static struct ph_http_hold *make(
    struct ph_holds *holds, struct MHD_Connection *connection, int64_t deadline_us) {
    struct ph_http_hold *hold = calloc(1, sizeof(*hold));
    if (!hold)
        return NULL;
    atomic_init(&hold->references, 2);
    hold->holds = holds;
    hold->connection = connection;
    hold->deadline_us = deadline_us;
    hold->place = not_listed;
    return hold;
}

int ph_holds_suspend(struct ph_holds *holds, struct MHD_Connection *connection, int64_t deadline_us,
    struct ph_http_response *on_deadline, struct ph_http_hold **out) {
    *out = NULL;
    struct ph_http_hold *hold = make(holds, connection, deadline_us);
    if (!hold)
        return -ENOMEM;
    hold->is_counted = true;
    hold->on_deadline = ph_http_response_ref(on_deadline);
    int code = suspend(holds, hold);
    if (code) {
        ph_http_response_unref(&hold->on_deadline);
        free(hold);
        return code;
    }
    *out = hold;
    return 0;
}

int ph_holds_park(struct ph_holds *holds, struct MHD_Connection *connection, int64_t deadline_us,
    struct ph_http_hold **out) {
    *out = NULL;
    struct ph_http_hold *hold = make(holds, connection, deadline_us);
    int code = hold ? suspend(holds, hold) : -ENOMEM;
    if (code) {
        free(hold);
        return code;
    }
    *out = hold;
    return 0;
}

void ph_http_hold_release(struct ph_http_hold *hold, struct ph_http_response *response) {
    if (claim(hold))
        answer_and_resume(hold, response);
    unref(hold);
}

void ph_http_hold_drop(struct ph_http_hold *hold) {
    unref(hold);
}

bool ph_http_hold_is_over(const struct ph_http_hold *hold) {
    return atomic_load_explicit(&hold->state, memory_order_acquire) != waiting;
}

bool ph_hold_take_answer(struct ph_http_hold *hold, struct ph_http_response **answer) {
    if (atomic_load_explicit(&hold->state, memory_order_acquire) != answered)
        return false;
    *answer = hold->answer;
    return true;
}

void ph_hold_unref(struct ph_http_hold **hold) {
    if (*hold)
        unref(*hold);
    *hold = NULL;
}
