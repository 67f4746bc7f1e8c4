#include "api/event_hub.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/event_topics.h"
#include "api/health_events.h"
#include "core/base/log.h"
#include "core/base/thread.h"

/* A burst of long messages is no reason to cut off who reads; what is queued is shared by all who wait for
 * it. */
enum { MOST_FOLLOWERS = 16384, MOST_NOTICES = 8192, MOST_QUEUED_BYTES = 256 * 1024 };

static const int64_t sweep_every_us = PH_SECOND_US;
static const int64_t look_every_us = 2 * PH_SECOND_US;
static const int64_t prune_every_us = 600 * PH_SECOND_US;
static const int64_t quiet_us = 15 * PH_SECOND_US;

struct notice {
    struct notice *next;
    char payload[];
};

struct ph_event_hub {
    struct ph_event_hub_options options;
    struct ph_event_topics *topics; /* the thread's */
    struct ph_db_listener *listener;
    struct ph_bytes *filler;
    struct ph_metric *gauge;
    pthread_t thread;
    bool has_thread;
    atomic_size_t follower_count;
    pthread_mutex_t lock;
    pthread_cond_t changed;        /* with `lock`: something for the thread */
    struct notice *notices;        /* under lock, oldest first */
    struct notice *last_notice;    /* under lock; of a list that is not empty */
    size_t notice_count;           /* under lock */
    bool has_missed;               /* under lock: notices may have been lost */
    struct ph_follower *newcomers; /* under lock */
    bool is_stopping;              /* under lock */
};

/* What the thread takes out of the hub at once. */
struct work {
    struct notice *notices;
    struct ph_follower *newcomers;
    bool has_missed, is_stopping;
};

static void hear(void *opaque, const char *payload) {
    struct ph_event_hub *hub = opaque;
    if (atomic_load(&hub->follower_count) == 0)
        return; /* whoever comes reads how things stand */
    struct notice *notice = payload ? malloc(sizeof(*notice) + strlen(payload) + 1) : NULL;
    if (notice) {
        notice->next = NULL;
        strcpy(notice->payload, payload);
    }
    pthread_mutex_lock(&hub->lock);
    if (!notice || hub->notice_count == MOST_NOTICES) {
        hub->has_missed = true;
    } else {
        if (hub->notices)
            hub->last_notice->next = notice;
        else
            hub->notices = notice;
        hub->last_notice = notice;
        hub->notice_count++;
        notice = NULL;
    }
    pthread_cond_signal(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
    free(notice);
}

/* Waits for something to do, or until the deadline. */
static struct work take_work(struct ph_event_hub *hub, int64_t deadline_us) {
    int code = 0;
    pthread_mutex_lock(&hub->lock);
    while (!hub->notices && !hub->newcomers && !hub->has_missed && !hub->is_stopping && code != -ETIMEDOUT)
        code = ph_cond_wait_until(&hub->changed, &hub->lock, deadline_us);
    struct work work = {hub->notices, hub->newcomers, hub->has_missed, hub->is_stopping};
    hub->notices = NULL;
    hub->newcomers = NULL;
    hub->notice_count = 0;
    hub->has_missed = false;
    pthread_mutex_unlock(&hub->lock);
    return work;
}

static void free_notices(struct notice *notices) {
    while (notices) {
        struct notice *notice = notices;
        notices = notice->next;
        free(notice);
    }
}

static void add_all(struct ph_event_hub *hub, struct ph_follower *newcomers) {
    for (struct ph_follower *follower = newcomers, *next; follower; follower = next) {
        next = follower->next;
        ph_event_topics_add(hub->topics, follower);
    }
}

static void do_work(struct ph_event_hub *hub, struct work *work) {
    struct ph_event event;
    add_all(hub, work->newcomers); /* first: what happened after they were let in is theirs to hear */
    for (struct notice *notice = work->notices; notice; notice = notice->next) {
        if (ph_events_parse(notice->payload, &event))
            ph_event_topics_hear(hub->topics, &event);
    }
    free_notices(work->notices);
    if (work->has_missed)
        ph_event_topics_catch_up(hub->topics);
}

static void look(struct ph_event_hub *hub) {
    ph_event_topics_look(hub->topics);
    pthread_mutex_lock(&hub->lock);
    struct ph_follower *newcomers = hub->newcomers;
    hub->newcomers = NULL;
    pthread_mutex_unlock(&hub->lock);
    add_all(hub, newcomers);
    ph_event_topics_tell(hub->topics);
}

static void sweep(struct ph_event_hub *hub) {
    ph_event_topics_sweep(hub->topics);
    ph_metric_set(hub->gauge, (double)atomic_load(&hub->follower_count));
}

static void prune(struct ph_event_hub *hub) {
    int code = ph_events_prune(hub->options.db, ph_clock_utc_us(hub->options.clock) / PH_MILLISECOND_US);
    if (code < 0)
        ph_log_warning("old events were not removed; trying again later", ph_code(code));
}

static void *run(void *opaque) {
    struct ph_event_hub *hub = opaque;
    struct ph_health_events health = {0};
    int64_t next_sweep_us = ph_now_us(), next_look_us = next_sweep_us, next_prune_us = next_sweep_us;
    for (bool is_stopping = false; !is_stopping;) {
        struct work work = take_work(hub, next_sweep_us < next_look_us ? next_sweep_us : next_look_us);
        is_stopping = work.is_stopping;
        do_work(hub, &work);
        int64_t now_us = ph_now_us();
        if (now_us >= next_sweep_us) {
            sweep(hub);
            next_sweep_us = now_us + sweep_every_us;
        }
        if (now_us >= next_look_us) {
            ph_health_events_tell(&health, hub->options.db, hub->options.feed, hub->options.clock);
            look(hub);
            next_look_us = now_us + look_every_us;
        }
        if (now_us >= next_prune_us) {
            prune(hub);
            next_prune_us = now_us + prune_every_us;
        }
    }
    return NULL;
}

static int create_parts(struct ph_event_hub *hub) {
    hub->filler = ph_bytes_copy(":\n\n", 3);
    int code = hub->filler ? ph_event_topics_create(&hub->topics, &hub->options) : -ENOMEM;
    if (code == 0)
        code = ph_thread_start(&hub->thread, "api-events", run, hub);
    hub->has_thread = code == 0;
    if (code == 0)
        code = ph_db_listen(hub->options.db, ph_events_channel, hear, hub, &hub->listener);
    return code;
}

int ph_event_hub_create(struct ph_event_hub **out, const struct ph_event_hub_options *options) {
    *out = NULL;
    struct ph_event_hub *hub = calloc(1, sizeof(*hub));
    if (!hub)
        return -ENOMEM;
    hub->options = *options;
    hub->gauge = ph_metrics_gauge(
        options->metrics, "porthole_api_event_followers", "Streams of events that are open", NULL);
    atomic_init(&hub->follower_count, 0);
    pthread_mutex_init(&hub->lock, NULL);
    int code = ph_cond_init(&hub->changed);
    if (code < 0) {
        pthread_mutex_destroy(&hub->lock);
        free(hub);
        return code;
    }
    code = create_parts(hub);
    if (code < 0) {
        ph_event_hub_destroy(hub);
        return code;
    }
    *out = hub;
    return 0;
}

void ph_event_hub_stop(struct ph_event_hub *hub) {
    ph_db_unlisten(hub->listener);
    hub->listener = NULL;
    if (!hub->has_thread)
        return;
    pthread_mutex_lock(&hub->lock);
    hub->is_stopping = true;
    pthread_cond_signal(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
    pthread_join(hub->thread, NULL);
    hub->has_thread = false;
}

void ph_event_hub_destroy(struct ph_event_hub *hub) {
    struct ph_follower *follower, *next;
    if (!hub)
        return;
    ph_event_hub_stop(hub);
    DL_FOREACH_SAFE(hub->newcomers, follower, next)
    ph_follower_destroy(follower);
    free_notices(hub->notices);
    ph_event_topics_destroy(hub->topics);
    ph_bytes_unref(&hub->filler);
    pthread_cond_destroy(&hub->changed);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

/* Takes a reference on the stream. Counted from here on. NULL when out of memory. */
static struct ph_follower *make_follower(
    struct ph_event_hub *hub, const struct ph_event_following *following, struct ph_http_stream *stream) {
    struct ph_follower *follower = calloc(1, sizeof(*follower));
    if (!follower)
        return NULL;
    follower->stream = ph_http_stream_ref(stream);
    follower->caller = *following->caller;
    follower->is_back = following->is_back;
    follower->last = following->last;
    snprintf(follower->session, sizeof(follower->session), "%s", following->session);
    follower->count = &hub->follower_count;
    atomic_fetch_add(&hub->follower_count, 1);
    return follower;
}

/* Hands the follower to the thread, or destroys it. */
static int hand_over(struct ph_event_hub *hub, struct ph_follower *follower) {
    pthread_mutex_lock(&hub->lock);
    int code = hub->is_stopping ? -ESHUTDOWN : 0;
    if (code == 0)
        DL_APPEND(hub->newcomers, follower);
    pthread_cond_signal(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
    if (code < 0)
        ph_follower_destroy(follower);
    return code;
}

int ph_event_hub_follow(
    struct ph_event_hub *hub, const struct ph_event_following *following, struct ph_http_stream **out) {
    struct ph_http_stream *stream;
    const struct ph_http_stream_options options = {MOST_QUEUED_BYTES, quiet_us, hub->filler};
    if (atomic_load(&hub->follower_count) >= MOST_FOLLOWERS)
        return -EAGAIN;
    int code = ph_http_stream_create(&stream, &options);
    if (code < 0)
        return code;
    struct ph_follower *follower = make_follower(hub, following, stream);
    code = follower ? hand_over(hub, follower) : -ENOMEM;
    if (code < 0)
        ph_http_stream_unref(&stream);
    else
        *out = stream;
    return code;
}
