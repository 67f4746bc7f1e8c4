#include "core/db/notices_remote.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/backoff.h"
#include "core/base/log.h"
#include "core/base/thread.h"

enum { MOST_CHANNELS = 32 };

static const int64_t first_backoff_us = 100 * PH_MILLISECOND_US;
static const int64_t most_backoff_us = 2 * PH_SECOND_US;
/* A connection that is silent for so long is asked whether it lives. */
static const int64_t ping_every_us = 15 * PH_SECOND_US;

struct channel {
    char name[PH_DB_CHANNEL_BYTES];
    bool is_due; /* to be asked for */
};

struct ph_remote_notices {
    const struct ph_db_impl *impl;
    const char *address;
    struct ph_notices *notices;
    int wake_fd;
    pthread_t thread;
    struct ph_db_connection *connection; /* the thread's; NULL while there is none */
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    struct channel channels[MOST_CHANNELS]; /* under lock */
    size_t channel_count;                   /* under lock */
    bool is_stopping;                       /* under lock */
};

static bool is_stopping(struct ph_remote_notices *remote) {
    pthread_mutex_lock(&remote->lock);
    bool answer = remote->is_stopping;
    pthread_mutex_unlock(&remote->lock);
    return answer;
}

static void wait_to_retry(struct ph_remote_notices *remote, unsigned failures) {
    int64_t deadline_us = ph_now_us() + ph_backoff_us(failures, first_backoff_us, most_backoff_us);
    pthread_mutex_lock(&remote->lock);
    while (!remote->is_stopping && ph_cond_wait_until(&remote->stopped, &remote->lock, deadline_us) == 0)
        ;
    pthread_mutex_unlock(&remote->lock);
}

/* Copies the name of a channel that is due, and marks it as asked for. */
static bool next_due(struct ph_remote_notices *remote, char name[PH_DB_CHANNEL_BYTES]) {
    bool is_found = false;
    pthread_mutex_lock(&remote->lock);
    for (size_t i = 0; i < remote->channel_count && !is_found; i++) {
        is_found = remote->channels[i].is_due;
        if (is_found) {
            remote->channels[i].is_due = false;
            snprintf(name, PH_DB_CHANNEL_BYTES, "%s", remote->channels[i].name);
        }
    }
    pthread_mutex_unlock(&remote->lock);
    return is_found;
}

static int ask_for_due(struct ph_remote_notices *remote) {
    char name[PH_DB_CHANNEL_BYTES];
    while (next_due(remote, name)) {
        int code = remote->impl->listen(remote->connection, name);
        if (code < 0)
            return code;
        ph_notices_missed(remote->notices, name);
    }
    return 0;
}

/* Passes notices on until the connection breaks (a negative code) or the end (0). */
static int serve(struct ph_remote_notices *remote) {
    while (!is_stopping(remote)) {
        struct ph_notice *notice;
        uint64_t wakes;
        int code = ask_for_due(remote);
        if (code < 0)
            return code;
        code = remote->impl->await_notice(
            remote->connection, remote->wake_fd, ph_now_us() + ping_every_us, &notice);
        if (code == 1)
            ph_notices_push(remote->notices, notice);
        else if (code == -EINTR && read(remote->wake_fd, &wakes, sizeof(wakes)) < 0 && errno != EAGAIN)
            return -errno;
        else if (code == -ETIMEDOUT)
            code = remote->impl->ping(remote->connection);
        if (code < 0 && code != -EINTR)
            return code;
    }
    return 0;
}

static void give_up_connection(struct ph_remote_notices *remote) {
    if (remote->connection)
        remote->impl->disconnect(remote->connection);
    remote->connection = NULL;
    pthread_mutex_lock(&remote->lock);
    for (size_t i = 0; i < remote->channel_count; i++)
        remote->channels[i].is_due = true;
    pthread_mutex_unlock(&remote->lock);
}

static void *run(void *opaque) {
    struct ph_remote_notices *remote = opaque;
    unsigned failures = 0;
    while (!is_stopping(remote)) {
        int code = remote->impl->connect(remote->address, false, &remote->connection, NULL);
        if (code == 0) {
            failures = 0;
            code = serve(remote);
        }
        give_up_connection(remote);
        if (code == 0)
            break;
        if (++failures == 1)
            ph_log_warning("database's notifications were interrupted; connecting again", ph_code(code));
        wait_to_retry(remote, failures);
    }
    return NULL;
}

static int start(struct ph_remote_notices *remote) {
    int code = ph_cond_init(&remote->stopped);
    if (code < 0)
        return code;
    remote->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    code = remote->wake_fd < 0 ? -errno : ph_thread_start(&remote->thread, "db-listen", run, remote);
    if (code < 0) {
        if (remote->wake_fd >= 0)
            close(remote->wake_fd);
        pthread_cond_destroy(&remote->stopped);
    }
    return code;
}

int ph_remote_notices_create(struct ph_remote_notices **result, const struct ph_db_impl *impl,
    const char *address, struct ph_notices *notices) {
    struct ph_remote_notices *remote = calloc(1, sizeof(*remote));
    if (!remote)
        return -ENOMEM;
    remote->impl = impl;
    remote->address = address;
    remote->notices = notices;
    pthread_mutex_init(&remote->lock, NULL);
    int code = start(remote);
    if (code < 0) {
        pthread_mutex_destroy(&remote->lock);
        free(remote);
        return code;
    }
    *result = remote;
    return 0;
}

/* A full counter wakes as well. */
static void wake(struct ph_remote_notices *remote) {
    const uint64_t one = 1;
    ssize_t written = write(remote->wake_fd, &one, sizeof(one));
    (void)written;
}

void ph_remote_notices_destroy(struct ph_remote_notices *remote) {
    if (!remote)
        return;
    pthread_mutex_lock(&remote->lock);
    remote->is_stopping = true;
    pthread_cond_broadcast(&remote->stopped);
    pthread_mutex_unlock(&remote->lock);
    wake(remote);
    pthread_join(remote->thread, NULL);
    close(remote->wake_fd);
    pthread_cond_destroy(&remote->stopped);
    pthread_mutex_destroy(&remote->lock);
    free(remote);
}

int ph_remote_notices_add(struct ph_remote_notices *remote, const char *name) {
    struct channel *channel = remote->channels;
    pthread_mutex_lock(&remote->lock);
    const struct channel *end = channel + remote->channel_count;
    while (channel < end && strcmp(channel->name, name) != 0)
        channel++;
    int code = channel == remote->channels + MOST_CHANNELS ? -ENOSPC : 0;
    if (code == 0) {
        if (channel == end)
            remote->channel_count++;
        snprintf(channel->name, sizeof(channel->name), "%s", name);
        channel->is_due = true;
    }
    pthread_mutex_unlock(&remote->lock);
    wake(remote);
    return code;
}
