#include "api/outbox/sender.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/outbox/events.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/thread.h"

/* A lease outlives every wait of a delivery up to its hand-over; a mail's marks a longer one then. */
static const int64_t lease_ms = 120 * 1000;
/* Rows of another node's making are told of by notices, which may be missed. */
static const int64_t look_every_us = 2 * PH_SECOND_US;
/* Rows whose turn has come and that cannot be taken wait for a busy or paused receiver. */
static const int64_t blocked_wait_us = 250 * PH_MILLISECOND_US;
static const int64_t sweep_every_us = 5 * PH_SECOND_US;
static const int64_t most_stop_us = 2 * PH_SECOND_US;
static const int64_t retry_settling_us = 500 * PH_MILLISECOND_US;
static const int64_t keep_ms = INT64_C(30) * 24 * 3600 * 1000;

/* A courier's thread and the row it is at. */
struct post {
    struct ph_outbox_sender *sender;
    struct ph_courier *courier;
    pthread_t thread;
    bool has_thread;
    bool is_busy;             /* under lock: from the row's lease until it is settled */
    struct ph_outbox_row row; /* under lock while the thread waits; the thread's while busy */
};

struct ph_outbox_sender {
    struct ph_outbox_sender_options options;
    struct ph_db_listener *listener;
    struct post posts[PH_MOST_COURIERS];
    size_t post_count;
    pthread_t thread;
    bool has_thread;
    struct ph_metric *sent[PH_OUTBOX_KINDS], *failed[PH_OUTBOX_KINDS], *retries[PH_OUTBOX_KINDS];
    struct ph_metric *waiting[PH_OUTBOX_KINDS], *oldest[PH_OUTBOX_KINDS], *unconfirmed;
    struct ph_metric *delay[PH_OUTBOX_KINDS];
    pthread_mutex_t lock;
    pthread_cond_t changed; /* woken, a post became free or busy, stopping */
    bool is_woken;          /* under lock */
    bool is_stopping;       /* under lock */
    bool is_healthy;        /* the dispatching thread's */
    int64_t next_sweep_us;  /* the dispatching thread's */
};

static int64_t now_ms(struct ph_outbox_sender *sender) {
    return ph_clock_utc_us(sender->options.clock) / PH_MILLISECOND_US;
}

static void make_metrics(struct ph_outbox_sender *sender) {
    struct ph_metrics *metrics = sender->options.metrics;
    for (int i = 0; i < PH_OUTBOX_KINDS; i++) {
        const struct ph_label labels[] = {
            {"kind", ph_outbox_kind_name((enum ph_outbox_kind)i)}, {NULL, NULL}};
        sender->sent[i] = ph_metrics_counter(
            metrics, "porthole_outbox_sent_total", "Deliveries that were accepted", labels);
        sender->failed[i] =
            ph_metrics_counter(metrics, "porthole_outbox_failed_total", "Deliveries given up", labels);
        sender->retries[i] = ph_metrics_counter(
            metrics, "porthole_outbox_retries_total", "Deliveries that failed and are tried again", labels);
        sender->waiting[i] =
            ph_metrics_gauge(metrics, "porthole_outbox_depth_rows", "Rows that wait for delivery", labels);
        sender->oldest[i] = ph_metrics_gauge(
            metrics, "porthole_outbox_age_seconds", "Age of the oldest row that waits for delivery", labels);
        sender->delay[i] = ph_metrics_histogram(metrics, "porthole_outbox_delivery_seconds",
            "From an event to its accepted delivery", labels, ph_latency_bounds, ph_latency_bounds_count);
    }
    sender->unconfirmed = ph_metrics_counter(metrics, "porthole_outbox_unconfirmed_total",
        "Mails whose node was lost while handing them over; not sent again", NULL);
}

int ph_outbox_sender_create(
    struct ph_outbox_sender **result, const struct ph_outbox_sender_options *options) {
    struct ph_outbox_sender *sender = calloc(1, sizeof(*sender));
    if (!sender)
        return -ENOMEM;
    sender->options = *options;
    sender->is_healthy = true;
    pthread_mutex_init(&sender->lock, NULL);
    int code = ph_cond_init(&sender->changed);
    if (code < 0) {
        pthread_mutex_destroy(&sender->lock);
        free(sender);
        return code;
    }
    make_metrics(sender);
    *result = sender;
    return 0;
}

int ph_outbox_sender_add(struct ph_outbox_sender *sender, struct ph_courier *courier) {
    if (sender->post_count == PH_MOST_COURIERS) {
        courier->impl->destroy(courier);
        return -ENOSPC;
    }
    sender->posts[sender->post_count++] = (struct post){.sender = sender, .courier = courier};
    return 0;
}

/* Waits for the condition variable once; true when it is time to stop. Under the lock. */
static bool await_change(struct ph_outbox_sender *sender, int64_t deadline_us) {
    if (!sender->is_stopping)
        ph_cond_wait_until(&sender->changed, &sender->lock, deadline_us);
    return sender->is_stopping;
}

static void count(
    struct ph_outbox_sender *sender, const struct ph_outbox_row *row, const struct ph_outbox_result *result) {
    switch (result->outcome) {
    case PH_OUTBOX_SENT:
        ph_metric_add(sender->sent[row->kind], 1);
        ph_metric_observe(sender->delay[row->kind], (double)(now_ms(sender) - row->created_ms) / 1000);
        return;
    case PH_OUTBOX_AGAIN:
        ph_metric_add(sender->retries[row->kind], 1);
        ph_log_info("delivery failed and is tried again", ph_str("kind", ph_outbox_kind_name(row->kind)),
            ph_str("delivery", row->id), ph_str("event", row->event), ph_int("tries", row->attempts),
            ph_str("reason", result->reason));
        return;
    case PH_OUTBOX_FAILED:
        ph_metric_add(sender->failed[row->kind], 1);
        ph_log_warning("delivery was given up", ph_str("kind", ph_outbox_kind_name(row->kind)),
            ph_str("delivery", row->id), ph_str("event", row->event), ph_str("reason", result->reason));
        return;
    }
}

/* What was delivered must be written: a database that does not answer is waited for, up to the stop. What is
 * not written then the handover file knows. */
static void settle(struct post *post, const struct ph_outbox_result *result) {
    struct ph_outbox_sender *sender = post->sender;
    bool is_over = false;
    for (;;) {
        int code =
            ph_outbox_settle(sender->options.db, &post->row, sender->options.owner, result, now_ms(sender));
        if (code == 0 || code == -ESTALE) {
            post->courier->impl->settled(post->courier, &post->row);
            if (code == 0)
                count(sender, &post->row, result);
            return;
        }
        if (is_over)
            return;
        pthread_mutex_lock(&sender->lock);
        is_over = await_change(sender, ph_now_us() + retry_settling_us);
        pthread_mutex_unlock(&sender->lock);
    }
}

static void deliver(struct post *post) {
    struct ph_outbox_result result = {.outcome = PH_OUTBOX_AGAIN};
    if (post->courier->impl->deliver(post->courier, &post->row, &result))
        settle(post, &result);
    ph_outbox_row_finish(&post->row);
}

static void *run_post(void *opaque) {
    struct post *post = opaque;
    struct ph_outbox_sender *sender = post->sender;
    pthread_mutex_lock(&sender->lock);
    for (;;) {
        if (post->is_busy) {
            pthread_mutex_unlock(&sender->lock);
            deliver(post);
            pthread_mutex_lock(&sender->lock);
            post->is_busy = false;
            sender->is_woken = true;
            pthread_cond_broadcast(&sender->changed);
        } else if (await_change(sender, PH_NEVER_US)) {
            break;
        }
    }
    pthread_mutex_unlock(&sender->lock);
    return NULL;
}

/* Couriers of the kind that wait for a row. Only the dispatching thread makes them busy. */
static size_t free_posts(struct ph_outbox_sender *sender, enum ph_outbox_kind kind, struct post **posts) {
    size_t found = 0;
    pthread_mutex_lock(&sender->lock);
    for (size_t i = 0; i < sender->post_count; i++) {
        if (!sender->posts[i].is_busy && sender->posts[i].courier->impl->kind == kind)
            posts[found++] = &sender->posts[i];
    }
    pthread_mutex_unlock(&sender->lock);
    return found;
}

/* How many rows of the kind were taken, or a negative code. */
static int dispatch(struct ph_outbox_sender *sender, enum ph_outbox_kind kind) {
    struct post *posts[PH_MOST_COURIERS] = {NULL};
    struct ph_outbox_row rows[PH_MOST_COURIERS];
    size_t taken = 0, room = free_posts(sender, kind, posts);
    if (room == 0)
        return 0;
    int64_t now = now_ms(sender), turn_ms = INT64_MAX;
    int code = ph_outbox_next_turn(sender->options.db, kind, &turn_ms);
    if (code < 0 || turn_ms > now)
        return code;
    code = ph_outbox_lease(
        sender->options.db, kind, sender->options.owner, now, now + lease_ms, rows, room, &taken);
    if (code < 0)
        return code;
    pthread_mutex_lock(&sender->lock);
    for (size_t i = 0; i < taken && posts[i]; i++) {
        posts[i]->row = rows[i];
        posts[i]->is_busy = true;
    }
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
    return (int)taken;
}

static int sweep(struct ph_outbox_sender *sender) {
    struct ph_outbox_figures figures[PH_OUTBOX_KINDS];
    int64_t unconfirmed = 0, now = now_ms(sender);
    sender->next_sweep_us = ph_now_us() + sweep_every_us;
    int code = ph_outbox_sweep(sender->options.db, now, now - keep_ms, &unconfirmed);
    if (code == 0)
        code = ph_outbox_measure(sender->options.db, figures);
    if (code < 0)
        return code;
    if (unconfirmed > 0)
        ph_log_warning(
            "mails may be lost: their node was, while handing them over", ph_int("mails", unconfirmed));
    ph_metric_add(sender->unconfirmed, (double)unconfirmed);
    for (int i = 0; i < PH_OUTBOX_KINDS; i++) {
        ph_metric_set(sender->waiting[i], (double)figures[i].waiting);
        ph_metric_set(
            sender->oldest[i], figures[i].oldest_ms ? (double)(now - figures[i].oldest_ms) / 1000 : 0);
    }
    return 0;
}

/* When to look again if nobody wakes us. */
static int64_t next_look_us(struct ph_outbox_sender *sender) {
    int64_t wait_us = look_every_us, now = now_ms(sender);
    for (int kind = 0; kind < PH_OUTBOX_KINDS; kind++) {
        struct post *posts[PH_MOST_COURIERS];
        int64_t turn_ms = INT64_MAX;
        if (free_posts(sender, (enum ph_outbox_kind)kind, posts) == 0 ||
            ph_outbox_next_turn(sender->options.db, (enum ph_outbox_kind)kind, &turn_ms) < 0)
            continue;
        int64_t turn_us = turn_ms <= now ? blocked_wait_us : look_every_us;
        if (turn_ms > now && turn_ms - now < look_every_us / PH_MILLISECOND_US)
            turn_us = (turn_ms - now) * PH_MILLISECOND_US;
        if (turn_us < wait_us)
            wait_us = turn_us;
    }
    return ph_now_us() + wait_us;
}

static int look(struct ph_outbox_sender *sender) {
    int code = ph_now_us() >= sender->next_sweep_us ? sweep(sender) : 0;
    for (int kind = 0; code >= 0 && kind < PH_OUTBOX_KINDS; kind++)
        code = dispatch(sender, (enum ph_outbox_kind)kind);
    if (code < 0 && sender->is_healthy)
        ph_log_warning("outbox cannot be read; trying again", ph_code(code));
    sender->is_healthy = code >= 0;
    return code;
}

static void *run(void *opaque) {
    struct ph_outbox_sender *sender = opaque;
    for (;;) {
        bool is_over, is_woken;
        int code = look(sender);
        int64_t deadline_us = code < 0 ? ph_now_us() + PH_SECOND_US : next_look_us(sender);
        pthread_mutex_lock(&sender->lock);
        is_over = sender->is_stopping;
        while (!is_over && !sender->is_woken && ph_now_us() < deadline_us)
            is_over = await_change(sender, deadline_us);
        is_woken = sender->is_woken;
        sender->is_woken = false;
        pthread_mutex_unlock(&sender->lock);
        (void)is_woken;
        if (is_over)
            return NULL;
    }
}

void ph_outbox_sender_wake(struct ph_outbox_sender *sender) {
    pthread_mutex_lock(&sender->lock);
    sender->is_woken = true;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
}

static void on_notice(void *opaque, const char *payload) {
    (void)payload;
    ph_outbox_sender_wake(opaque);
}

int ph_outbox_sender_start(struct ph_outbox_sender *sender) {
    int code = ph_db_listen(sender->options.db, PH_OUTBOX_CHANNEL, on_notice, sender, &sender->listener);
    for (size_t i = 0; code == 0 && i < sender->post_count; i++) {
        struct post *post = &sender->posts[i];
        code = ph_thread_start(
            &post->thread, post->courier->impl->kind == PH_OUTBOX_MAIL ? "mail" : "webhook", run_post, post);
        post->has_thread = code == 0;
    }
    if (code == 0)
        code = ph_thread_start(&sender->thread, "outbox", run, sender);
    sender->has_thread = code == 0;
    return code;
}

static bool is_anyone_busy(const struct ph_outbox_sender *sender) {
    for (size_t i = 0; i < sender->post_count; i++) {
        if (sender->posts[i].is_busy)
            return true;
    }
    return false;
}

/* Lets deliveries that run finish for a moment. */
static void await_deliveries(struct ph_outbox_sender *sender) {
    int64_t deadline_us = ph_now_us() + most_stop_us;
    pthread_mutex_lock(&sender->lock);
    while (is_anyone_busy(sender) && ph_now_us() < deadline_us)
        ph_cond_wait_until(&sender->changed, &sender->lock, deadline_us);
    pthread_mutex_unlock(&sender->lock);
}

void ph_outbox_sender_stop(struct ph_outbox_sender *sender) {
    ph_db_unlisten(sender->listener);
    sender->listener = NULL;
    pthread_mutex_lock(&sender->lock);
    sender->is_stopping = true;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
    if (sender->has_thread)
        pthread_join(sender->thread, NULL);
    sender->has_thread = false;
    await_deliveries(sender);
    for (size_t i = 0; i < sender->post_count; i++) {
        struct post *post = &sender->posts[i];
        if (post->has_thread) {
            post->courier->impl->cancel(post->courier);
            pthread_join(post->thread, NULL);
        }
        post->has_thread = false;
    }
}

void ph_outbox_sender_destroy(struct ph_outbox_sender *sender) {
    if (!sender)
        return;
    ph_outbox_sender_stop(sender);
    for (size_t i = 0; i < sender->post_count; i++) {
        ph_outbox_row_finish(&sender->posts[i].row);
        sender->posts[i].courier->impl->destroy(sender->posts[i].courier);
    }
    pthread_cond_destroy(&sender->changed);
    pthread_mutex_destroy(&sender->lock);
    free(sender);
}
