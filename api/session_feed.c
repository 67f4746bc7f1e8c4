#include "api/session_feed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has no table */
#include <uthash.h>

#include "api/outbox/events.h"
#include "api/session_gauges.h"
#include "core/base/backoff.h"
#include "core/base/log.h"
#include "core/base/queue.h"
#include "core/base/random.h"
#include "core/base/thread.h"

enum { MOST_EVENTS = 4096, MOST_CARRIED = 16384 };

static const int64_t sweep_every_us = 2 * PH_SECOND_US;
static const int64_t first_backoff_us = 50 * PH_MILLISECOND_US;
static const int64_t most_backoff_us = 2 * PH_SECOND_US;
static const int64_t most_stop_us = 3 * PH_SECOND_US;
/* Ingest ends a session by its own clock; the sweep is for sessions whose ingest is gone. */
static const int64_t sweep_grace_ms = 15000;
/* How often a process says which sessions it carries, and after how long without that they are missed. */
static const int64_t carry_every_us = 5 * PH_SECOND_US;
static const int64_t missed_after_us = 30 * PH_SECOND_US;

struct event {
    enum ph_session_event kind;
    char session[PH_SESSION_ID_BYTES];
    char reason[PH_REASON_BYTES];
    char death[PH_SESSION_ID_BYTES]; /* of a worker, whose address is the reason; "": the session's own event
                                      */
};

/* A session whose publisher is, or was, connected to this process. */
struct carried {
    char session[PH_SESSION_ID_BYTES];
    struct ph_session_health health;
    uint64_t connection; /* the latest */
    bool is_connected;   /* its publisher is, by that */
    bool was_told;       /* ingest knows that it is over */
    UT_hash_handle hh;
};

struct ph_session_feed {
    struct ph_session_feed_options options;
    struct ph_queue *events;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_healthy;
    struct ph_metric *lost_events;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    struct carried *carried;  /* under lock */
    int64_t stop_deadline_us; /* under lock; 0 while running */
    int64_t well_since_us;    /* the thread's: the database has answered since then; 0: it does not */
    int64_t next_carry_us;    /* the thread's */
    unsigned steps;           /* the thread's: of the clock */
};

static int64_t now_ms(struct ph_session_feed *feed) {
    return ph_clock_utc_us(feed->options.clock) / PH_MILLISECOND_US;
}

/* Waits before the next try; the stop's beginning cuts it short. */
static void wait_to_retry(struct ph_session_feed *feed, unsigned failures) {
    int64_t deadline_us = ph_now_us() + ph_backoff_us(failures, first_backoff_us, most_backoff_us);
    pthread_mutex_lock(&feed->lock);
    bool was_running = feed->stop_deadline_us == 0;
    while (ph_cond_wait_until(&feed->stopped, &feed->lock, deadline_us) == 0 &&
           (feed->stop_deadline_us == 0) == was_running)
        ;
    pthread_mutex_unlock(&feed->lock);
}

/* Whether waiting may help. */
static bool is_passing(int code) {
    return code == -EAGAIN || code == -EIO || code == -ENOSPC || code == -ENOMEM || code == -EACCES;
}

static bool is_too_late(struct ph_session_feed *feed) {
    pthread_mutex_lock(&feed->lock);
    bool is_late = feed->stop_deadline_us > 0 && ph_now_us() >= feed->stop_deadline_us;
    pthread_mutex_unlock(&feed->lock);
    return is_late;
}

/* Written again it is the same death: its id was made when it happened. */
static int write_death(struct ph_session_feed *feed, const struct event *event) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(feed->options.db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    code = ph_outbox_worker_event(transaction,
        &(struct ph_worker_note){.id = event->death,
            .event = "worker.died",
            .worker = event->reason,
            .session = event->session,
            .reason = "it died under a session, which took another"},
        now_ms(feed));
    return ph_db_settle(transaction, code);
}

static int try_event(struct ph_session_feed *feed, const struct event *event) {
    if (*event->death)
        return write_death(feed, event);
    return ph_sessions_apply(
        feed->options.sessions, event->session, event->kind, event->reason, now_ms(feed));
}

static void write_event(struct ph_session_feed *feed, const struct event *event) {
    int code = -ETIMEDOUT;
    for (unsigned tries = 0; !is_too_late(feed); tries++) {
        code = try_event(feed, event);
        atomic_store(&feed->is_healthy, !is_passing(code));
        if (!is_passing(code))
            break;
        if (tries == 0)
            ph_log_warning("database does not take a session's state; trying again",
                ph_str("session", event->session), ph_code(code));
        wait_to_retry(feed, tries + 1);
    }
    if (code < 0)
        ph_log_error("session's state was not written", ph_str("session", event->session), ph_code(code));
}

/* Copies the ids of carried sessions that ingest does not know to be over. The caller frees them. */
static size_t carried_ids(struct ph_session_feed *feed, char (**ids)[PH_SESSION_ID_BYTES]) {
    size_t count = 0;
    pthread_mutex_lock(&feed->lock);
    *ids = calloc(HASH_COUNT(feed->carried) + 1, sizeof(**ids));
    for (struct carried *entry = feed->carried; *ids && entry; entry = entry->hh.next) {
        if (!entry->was_told)
            memcpy((*ids)[count++], entry->session, PH_SESSION_ID_BYTES);
    }
    pthread_mutex_unlock(&feed->lock);
    return count;
}

static void mark_told(struct ph_session_feed *feed, const char *session) {
    struct carried *entry;
    pthread_mutex_lock(&feed->lock);
    HASH_FIND_STR(feed->carried, session, entry);
    if (entry)
        entry->was_told = true;
    pthread_mutex_unlock(&feed->lock);
}

static void push(
    struct ph_session_feed *feed, const char *session, enum ph_session_event kind, const char *reason);

static bool is_connected(struct ph_session_feed *feed, const char *session) {
    struct carried *entry;
    pthread_mutex_lock(&feed->lock);
    HASH_FIND_STR(feed->carried, session, entry);
    bool answer = entry && entry->is_connected;
    pthread_mutex_unlock(&feed->lock);
    return answer;
}

/* What the database says of a session that is carried here: another process, or a sweep, may have ended it,
 * or may wait for a publisher that is here. */
static void compare(struct ph_session_feed *feed, const char *id) {
    struct ph_api_runtime *runtime = feed->options.runtime;
    struct ph_session session;
    if (ph_sessions_find(feed->options.sessions, id, &session) < 0)
        return;
    if (ph_session_state_is_over(session.state)) {
        mark_told(feed, id);
        runtime->impl->end_session(runtime, id, session.reason);
    } else if (session.state == PH_SESSION_RECONNECTING && is_connected(feed, id)) {
        push(feed, id, PH_SESSION_CONNECTED, "");
    }
}

/* Says which sessions are carried here, and looks for those that nobody carries: once the others had the time
 * to say theirs. */
static int carry(struct ph_session_feed *feed, char (*ids)[PH_SESSION_ID_BYTES], size_t count) {
    int64_t now_us = ph_now_us(), time_ms = now_ms(feed);
    if (now_us < feed->next_carry_us)
        return 0;
    feed->next_carry_us = now_us + carry_every_us;
    int code = ph_sessions_carry(feed->options.sessions, ids, count, time_ms);
    if (code == 0 && now_us - feed->well_since_us > missed_after_us)
        code =
            ph_sessions_miss(feed->options.sessions, time_ms, time_ms - missed_after_us / PH_MILLISECOND_US);
    return code;
}

static void look_after_carried(struct ph_session_feed *feed) {
    char(*ids)[PH_SESSION_ID_BYTES];
    size_t count = carried_ids(feed, &ids);
    int code = carry(feed, ids, count);
    if (code < 0)
        ph_log_warning("database was not told which sessions are carried here", ph_code(code));
    for (size_t i = 0; i < count; i++)
        compare(feed, ids[i]);
    free(ids);
}

static void sweep(struct ph_session_feed *feed) {
    int64_t now = now_ms(feed);
    int64_t window_ms = (int64_t)feed->options.reconnect_window_s * 1000 + sweep_grace_ms;
    /* What others wrote in another time tells nothing before they have written anew. */
    bool has_stepped = ph_clock_has_stepped(feed->options.clock, &feed->steps);
    int code = has_stepped ? ph_sessions_wait_anew(feed->options.sessions, now) : 0;
    if (code == 0)
        code = ph_sessions_sweep(feed->options.sessions, now, now - window_ms);
    bool was_healthy = atomic_exchange(&feed->is_healthy, code == 0);
    if (code < 0 && was_healthy)
        ph_log_error("database does not answer", ph_code(code));
    if (code < 0) {
        feed->well_since_us = 0;
        return;
    }
    if (feed->well_since_us == 0 || has_stepped)
        feed->well_since_us = ph_now_us();
    look_after_carried(feed);
    ph_session_gauges_set(feed->options.sessions, feed->options.metrics);
}

static void *run(void *opaque) {
    struct ph_session_feed *feed = opaque;
    int64_t next_sweep_us = ph_now_us();
    for (;;) {
        void *item;
        int code = ph_queue_pop(feed->events, &item, next_sweep_us);
        if (code == PH_EOF)
            return NULL;
        if (code == 0) {
            write_event(feed, item);
            free(item);
        }
        if (ph_now_us() >= next_sweep_us) {
            sweep(feed);
            next_sweep_us = ph_now_us() + sweep_every_us;
        }
    }
}

int ph_session_feed_create(struct ph_session_feed **result, const struct ph_session_feed_options *options) {
    struct ph_session_feed *feed = calloc(1, sizeof(*feed));
    if (!feed)
        return -ENOMEM;
    feed->options = *options;
    feed->lost_events = ph_metrics_counter(options->metrics, "porthole_api_session_events_lost_total",
        "Session events that found the queue to the database full", NULL);
    atomic_init(&feed->is_healthy, true);
    pthread_mutex_init(&feed->lock, NULL);
    int code = ph_cond_init(&feed->stopped);
    if (code < 0) {
        pthread_mutex_destroy(&feed->lock);
        free(feed);
        return code;
    }
    code = ph_queue_create(&feed->events, MOST_EVENTS);
    if (code == 0)
        code = ph_thread_start(&feed->thread, "api-feed", run, feed);
    if (code < 0) {
        ph_session_feed_destroy(feed);
        return code;
    }
    feed->has_thread = true;
    *result = feed;
    return 0;
}

void ph_session_feed_stop(struct ph_session_feed *feed) {
    if (!feed->has_thread)
        return;
    pthread_mutex_lock(&feed->lock);
    feed->stop_deadline_us = ph_now_us() + most_stop_us;
    pthread_cond_broadcast(&feed->stopped);
    pthread_mutex_unlock(&feed->lock);
    ph_queue_close(feed->events);
    pthread_join(feed->thread, NULL);
    feed->has_thread = false;
}

void ph_session_feed_destroy(struct ph_session_feed *feed) {
    struct carried *entry, *next;
    if (!feed)
        return;
    ph_session_feed_stop(feed);
    HASH_ITER(hh, feed->carried, entry, next) {
        HASH_DEL(feed->carried, entry);
        free(entry);
    }
    ph_queue_destroy(feed->events);
    pthread_cond_destroy(&feed->stopped);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}

int ph_session_feed_admit(
    struct ph_session_feed *feed, const char *stream_key, struct ph_session_admission *admission) {
    return ph_sessions_admit(feed->options.sessions, stream_key, admission);
}

/* Takes the event over; NULL: there was no memory for it. */
static void push_event(struct ph_session_feed *feed, struct event *event, const char *session) {
    int code = event ? ph_queue_push(feed->events, event, 0) : -ENOMEM;
    if (code < 0) {
        free(event);
        ph_metric_add(feed->lost_events, 1);
        ph_log_error(
            "session's state was lost on the way to the database", ph_str("session", session), ph_code(code));
    }
}

static struct event *make_event(const char *session, enum ph_session_event kind, const char *reason) {
    struct event *event = calloc(1, sizeof(*event));
    if (!event)
        return NULL;
    event->kind = kind;
    snprintf(event->session, sizeof(event->session), "%s", session);
    snprintf(event->reason, sizeof(event->reason), "%s", reason);
    return event;
}

static void push(
    struct ph_session_feed *feed, const char *session, enum ph_session_event kind, const char *reason) {
    push_event(feed, make_event(session, kind, reason), session);
}

/* The session's entry, made when there is room and memory; else NULL. Under the lock. */
static struct carried *entry_of(struct ph_session_feed *feed, const char *session) {
    struct carried *entry;
    HASH_FIND_STR(feed->carried, session, entry);
    if (entry || HASH_COUNT(feed->carried) >= MOST_CARRIED || !(entry = calloc(1, sizeof(*entry))))
        return entry;
    snprintf(entry->session, sizeof(entry->session), "%s", session);
    HASH_ADD_STR(feed->carried, session, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return NULL;
    }
    return entry;
}

static void forget(struct ph_session_feed *feed, const char *session) {
    struct carried *entry;
    pthread_mutex_lock(&feed->lock);
    HASH_FIND_STR(feed->carried, session, entry);
    if (entry) {
        HASH_DEL(feed->carried, entry);
        free(entry);
    }
    pthread_mutex_unlock(&feed->lock);
}

/* The event goes into the queue under the lock, as what it says becomes so. */
static void note_connection(struct ph_session_feed *feed, struct carried *entry, const char *session,
    uint64_t connection, const char *protocol) {
    if (entry && connection < entry->connection)
        return;
    if (entry) {
        entry->connection = connection;
        entry->is_connected = protocol;
    }
    if (entry && protocol)
        snprintf(entry->health.protocol, sizeof(entry->health.protocol), "%s", protocol);
    push(feed, session, protocol ? PH_SESSION_CONNECTED : PH_SESSION_LOST, "");
}

void ph_session_feed_connected(
    struct ph_session_feed *feed, const char *session, uint64_t connection, const char *protocol) {
    pthread_mutex_lock(&feed->lock);
    note_connection(feed, entry_of(feed, session), session, connection, protocol);
    pthread_mutex_unlock(&feed->lock);
}

void ph_session_feed_disconnected(struct ph_session_feed *feed, const char *session, uint64_t connection) {
    struct carried *entry;
    pthread_mutex_lock(&feed->lock);
    HASH_FIND_STR(feed->carried, session, entry);
    note_connection(feed, entry, session, connection, NULL);
    pthread_mutex_unlock(&feed->lock);
}

void ph_session_feed_live(struct ph_session_feed *feed, const char *session) {
    push(feed, session, PH_SESSION_PUBLISHED, "");
}

void ph_session_feed_stats(
    struct ph_session_feed *feed, const char *session, const struct ph_link_stats *stats) {
    int64_t time_ms = now_ms(feed);
    struct carried *entry;
    pthread_mutex_lock(&feed->lock);
    HASH_FIND_STR(feed->carried, session, entry);
    if (entry) {
        entry->health.has_stats = true;
        entry->health.stats = *stats;
        entry->health.stats_ms = time_ms;
    }
    pthread_mutex_unlock(&feed->lock);
}

void ph_session_feed_ended(struct ph_session_feed *feed, const char *session, const char *reason) {
    forget(feed, session);
    push(feed, session, PH_SESSION_END, reason);
}

void ph_session_feed_failed(struct ph_session_feed *feed, const char *session, const char *reason) {
    forget(feed, session);
    push(feed, session, PH_SESSION_FAIL, reason);
}

void ph_session_feed_worker_died(struct ph_session_feed *feed, const char *session, const char *worker) {
    struct event *event = make_event(session, PH_SESSION_LOST, worker);
    if (event)
        ph_random_id(event->death, PH_SESSION_ID_CHARACTERS);
    push_event(feed, event, session);
}

bool ph_session_feed_health(
    struct ph_session_feed *feed, const char *session, struct ph_session_health *health) {
    struct carried *entry;
    pthread_mutex_lock(&feed->lock);
    HASH_FIND_STR(feed->carried, session, entry);
    if (entry)
        *health = entry->health;
    pthread_mutex_unlock(&feed->lock);
    return entry != NULL;
}

size_t ph_session_feed_healths(
    struct ph_session_feed *feed, int64_t since_ms, struct ph_carried_health **list) {
    size_t count = 0;
    pthread_mutex_lock(&feed->lock);
    *list = feed->carried ? calloc(HASH_COUNT(feed->carried), sizeof(**list)) : NULL;
    for (struct carried *entry = feed->carried; *list && entry; entry = entry->hh.next) {
        if (!entry->health.has_stats || entry->health.stats_ms <= since_ms)
            continue;
        memcpy((*list)[count].session, entry->session, PH_SESSION_ID_BYTES);
        (*list)[count++].health = entry->health;
    }
    pthread_mutex_unlock(&feed->lock);
    return count;
}

bool ph_session_feed_is_healthy(struct ph_session_feed *feed) {
    return atomic_load(&feed->is_healthy);
}
