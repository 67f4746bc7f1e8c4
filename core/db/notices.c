#include "core/db/notices.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/thread.h"
#include "core/db/notices_remote.h"

/* Notices that wait for their listeners. Beyond it they are dropped, and everybody is told. */
enum { MOST_WAITING = 4096 };

struct ph_db_listener {
    struct ph_notices *notices;
    struct ph_db_listener *next; /* under notices.lock, like what is said to be */
    uint64_t number;             /* ascending along the list */
    bool has_begun;              /* under lock: it was told to listen */
    bool may_have_missed;        /* under lock: to be told so */
    char channel[PH_DB_CHANNEL_BYTES];
    ph_db_notified *notified;
    void *opaque;
};

struct ph_notices {
    const struct ph_db_impl *impl;
    const char *address;
    struct ph_remote_notices
        *remote; /* made under lock, by the first listener; of a database that notifies by itself */
    pthread_mutex_t lock;
    pthread_cond_t changed;            /* something to do, or nobody is being called any more */
    struct ph_db_listener *listeners;  /* under lock, by number */
    uint64_t next_number;              /* under lock */
    struct ph_db_listener *called;     /* under lock: whom the thread is in */
    struct ph_notice *oldest, *newest; /* under lock */
    size_t waiting;                    /* under lock */
    bool is_stopping;                  /* under lock */
    bool has_thread;                   /* under lock */
    pthread_t thread;
};

bool ph_is_channel(const char *text) {
    size_t size = strlen(text);
    return size >= 1 && size < PH_DB_CHANNEL_BYTES && strspn(text, "abcdefghijklmnopqrstuvwxyz_") == size;
}

struct ph_notice *ph_notice_create(const char *channel, const char *payload) {
    size_t size = strlen(payload) + 1;
    struct ph_notice *notice = malloc(sizeof(*notice) + size);
    if (!notice)
        return NULL;
    notice->next = NULL;
    snprintf(notice->channel, sizeof(notice->channel), "%s", channel);
    memcpy(notice->payload, payload, size);
    return notice;
}

void ph_notices_free(struct ph_notice *list) {
    while (list) {
        struct ph_notice *notice = list;
        list = notice->next;
        free(notice);
    }
}

/* Calls the listener. Under the lock, which is given up meanwhile. */
static void call(struct ph_notices *notices, struct ph_db_listener *listener, const char *payload) {
    notices->called = listener;
    pthread_mutex_unlock(&notices->lock);
    listener->notified(listener->opaque, payload);
    pthread_mutex_lock(&notices->lock);
    notices->called = NULL;
    pthread_cond_broadcast(&notices->changed);
}

/* The first listener to the channel with this number or a greater one. Under the lock. */
static struct ph_db_listener *listener_from(
    struct ph_notices *notices, const char *channel, uint64_t number) {
    struct ph_db_listener *listener = notices->listeners;
    while (listener && (listener->number < number || strcmp(listener->channel, channel) != 0))
        listener = listener->next;
    return listener;
}

static struct ph_db_listener *one_that_missed(struct ph_notices *notices) {
    struct ph_db_listener *listener = notices->listeners;
    while (listener && !listener->may_have_missed)
        listener = listener->next;
    return listener;
}

/* Under the lock, given up while somebody is called: the list may change, the numbers ascend. */
static void tell(struct ph_notices *notices, const struct ph_notice *notice) {
    struct ph_db_listener *listener = listener_from(notices, notice->channel, 0);
    while (listener) {
        uint64_t number = listener->number;
        call(notices, listener, notice->payload);
        listener = listener_from(notices, notice->channel, number + 1);
    }
}

static struct ph_notice *take_oldest(struct ph_notices *notices) {
    struct ph_notice *notice = notices->oldest;
    if (!notice)
        return NULL;
    notices->oldest = notice->next;
    if (!notices->oldest)
        notices->newest = NULL;
    notices->waiting--;
    return notice;
}

static void *run(void *opaque) {
    struct ph_notices *notices = opaque;
    pthread_mutex_lock(&notices->lock);
    while (!notices->is_stopping) {
        struct ph_db_listener *behind = one_that_missed(notices);
        struct ph_notice *notice = behind ? NULL : take_oldest(notices);
        if (behind) {
            behind->may_have_missed = false;
            call(notices, behind, NULL);
        } else if (notice) {
            tell(notices, notice);
            free(notice);
        } else {
            pthread_cond_wait(&notices->changed, &notices->lock);
        }
    }
    pthread_mutex_unlock(&notices->lock);
    return NULL;
}

int ph_notices_create(struct ph_notices **result, const struct ph_db_impl *impl, const char *address) {
    struct ph_notices *notices = calloc(1, sizeof(*notices));
    if (!notices)
        return -ENOMEM;
    notices->impl = impl;
    notices->address = address;
    pthread_mutex_init(&notices->lock, NULL);
    int code = ph_cond_init(&notices->changed);
    if (code < 0) {
        pthread_mutex_destroy(&notices->lock);
        free(notices);
        return code;
    }
    *result = notices;
    return 0;
}

void ph_notices_destroy(struct ph_notices *notices) {
    if (!notices)
        return;
    assert(!notices->listeners);
    ph_remote_notices_destroy(notices->remote);
    pthread_mutex_lock(&notices->lock);
    notices->is_stopping = true;
    pthread_cond_broadcast(&notices->changed);
    pthread_mutex_unlock(&notices->lock);
    if (notices->has_thread)
        pthread_join(notices->thread, NULL);
    ph_notices_free(notices->oldest);
    pthread_cond_destroy(&notices->changed);
    pthread_mutex_destroy(&notices->lock);
    free(notices);
}

/* Under the lock. */
static int ensure_threads(struct ph_notices *notices) {
    if (!notices->has_thread) {
        int code = ph_thread_start(&notices->thread, "db-notices", run, notices);
        if (code < 0)
            return code;
        notices->has_thread = true;
    }
    if (notices->impl->listen && !notices->remote)
        return ph_remote_notices_create(&notices->remote, notices->impl, notices->address, notices);
    return 0;
}

/* Under the lock. */
static void append_listener(struct ph_notices *notices, struct ph_db_listener *listener) {
    struct ph_db_listener **end = &notices->listeners;
    while (*end)
        end = &(*end)->next;
    listener->number = notices->next_number++;
    *end = listener;
    pthread_cond_broadcast(&notices->changed);
}

/* Until the server sends, or for as long as it may take to answer. */
static void await_begin(struct ph_notices *notices, const struct ph_db_listener *listener) {
    int64_t deadline_us = ph_now_us() + PH_DB_PATIENCE_US;
    int code = 0;
    pthread_mutex_lock(&notices->lock);
    while (!listener->has_begun && code == 0)
        code = ph_cond_wait_until(&notices->changed, &notices->lock, deadline_us);
    pthread_mutex_unlock(&notices->lock);
}

int ph_notices_listen(struct ph_notices *notices, const char *channel, ph_db_notified *notified, void *opaque,
    struct ph_db_listener **result) {
    assert(ph_is_channel(channel));
    struct ph_db_listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return -ENOMEM;
    listener->notices = notices;
    listener->notified = notified;
    listener->opaque = opaque;
    snprintf(listener->channel, sizeof(listener->channel), "%s", channel);
    pthread_mutex_lock(&notices->lock);
    int code = ensure_threads(notices);
    /* A server tells when it begins to send; else it begins at once. */
    listener->may_have_missed = notices->remote == NULL;
    if (code == 0)
        append_listener(notices, listener);
    pthread_mutex_unlock(&notices->lock);
    if (code < 0) {
        free(listener);
        return code;
    }
    if (notices->remote) {
        code = ph_remote_notices_add(notices->remote, channel);
        if (code == 0)
            await_begin(notices, listener);
    }
    if (code < 0) {
        ph_notices_unlisten(listener);
        return code;
    }
    *result = listener;
    return 0;
}

void ph_notices_unlisten(struct ph_db_listener *listener) {
    struct ph_notices *notices = listener->notices;
    pthread_mutex_lock(&notices->lock);
    struct ph_db_listener **link = &notices->listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    while (notices->called == listener)
        pthread_cond_wait(&notices->changed, &notices->lock);
    pthread_mutex_unlock(&notices->lock);
    free(listener);
}

/* Of one channel, or of all (NULL). Under the lock. */
static void mark_missed(struct ph_notices *notices, const char *channel) {
    for (struct ph_db_listener *listener = notices->listeners; listener; listener = listener->next)
        if (!channel || strcmp(listener->channel, channel) == 0)
            listener->may_have_missed = listener->has_begun = true;
}

void ph_notices_missed(struct ph_notices *notices, const char *channel) {
    pthread_mutex_lock(&notices->lock);
    mark_missed(notices, channel);
    pthread_cond_broadcast(&notices->changed);
    pthread_mutex_unlock(&notices->lock);
}

/* Under the lock. Takes over the notice. */
static void append(struct ph_notices *notices, struct ph_notice *notice) {
    if (notices->waiting >= MOST_WAITING) {
        ph_notices_free(notices->oldest);
        notices->oldest = notices->newest = NULL;
        notices->waiting = 0;
        mark_missed(notices, NULL);
    }
    if (notices->newest)
        notices->newest->next = notice;
    else
        notices->oldest = notice;
    notices->newest = notice;
    notices->waiting++;
}

void ph_notices_push(struct ph_notices *notices, struct ph_notice *list) {
    pthread_mutex_lock(&notices->lock);
    while (list) {
        struct ph_notice *notice = list;
        list = notice->next;
        notice->next = NULL;
        if (listener_from(notices, notice->channel, 0))
            append(notices, notice);
        else
            free(notice);
    }
    pthread_cond_broadcast(&notices->changed);
    pthread_mutex_unlock(&notices->lock);
}
