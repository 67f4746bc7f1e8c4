#include "ingest/relays.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "ingest/relay.h"

enum { most_events = 64 };

void ph_relays_wake(struct ph_relays *relays) {
    ssize_t ignored = write(relays->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)ignored;
}

struct ph_metrics *ph_relays_metrics(struct ph_relays *relays) {
    return relays->metrics;
}

/* The relays in the table, in a malloc'ed array. They stay until this thread removes them. NULL when there is
 * none or memory is out; then the next round tries again. */
static struct ph_relay **list_relays(struct ph_relays *relays, size_t *count) {
    pthread_mutex_lock(&relays->lock);
    size_t size = HASH_COUNT(relays->table);
    struct ph_relay **list = size ? calloc(size, sizeof(struct ph_relay *)) : NULL;
    *count = 0;
    struct ph_relay *relay, *next;
    HASH_ITER(hh, relays->table, relay, next) {
        if (list)
            list[(*count)++] = relay;
    }
    pthread_mutex_unlock(&relays->lock);
    return list;
}

static void remove_relay(struct ph_relays *relays, struct ph_relay *relay) {
    pthread_mutex_lock(&relays->lock);
    HASH_DEL(relays->table, relay);
    ph_relay_unref(relay);
    if (!relays->table)
        pthread_cond_broadcast(&relays->emptied);
    pthread_mutex_unlock(&relays->lock);
}

/* Moves every relay on. Returns when the earliest wants its next turn. */
static int64_t service_all(struct ph_relays *relays) {
    size_t count;
    struct ph_relay **list = list_relays(relays, &count);
    int64_t next_us = ph_now_us() + PH_SECOND_US;
    for (size_t i = 0; i < count; i++) {
        int64_t wanted_us = ph_relay_service(list[i], ph_now_us());
        if (list[i]->state >= PH_RELAY_FINISHED)
            remove_relay(relays, list[i]);
        else if (wanted_us < next_us)
            next_us = wanted_us;
    }
    free(list);
    return next_us;
}

static void *run(void *opaque) {
    struct ph_relays *relays = opaque;
    int64_t next_us = 0;
    while (!atomic_load(&relays->stopping)) {
        int64_t left_us = next_us - ph_now_us();
        int timeout_ms = left_us > 0 ? (int)((left_us + 999) / 1000) : 0;
        struct epoll_event events[most_events];
        int count = epoll_wait(relays->epoll, events, most_events, timeout_ms);
        for (int i = 0; i < count; i++) {
            uint64_t woken;
            if (!events[i].data.ptr && read(relays->wake_fd, &woken, sizeof(woken)) < 0)
                continue;
        }
        next_us = service_all(relays);
    }
    return NULL;
}

static int origins_copy(struct ph_relays *relays, const char *text, struct ph_error *error) {
    int count = 0;
    for (const char *start = text; *start;) {
        size_t size = strcspn(start, ",");
        if (!size || count == PH_LINK_MOST_ORIGINS)
            return ph_error_set(error, -EINVAL, "PORTHOLE_ORIGINS: give 1 to %d base URLs, comma-separated",
                PH_LINK_MOST_ORIGINS);
        relays->origins[count] = strndup(start, size);
        if (!relays->origins[count++])
            return -ENOMEM;
        start += size + (start[size] == ',');
    }
    return count ? 0 : ph_error_set(error, -EINVAL, "PORTHOLE_ORIGINS: no base URL is given");
}

static void copy_numbers(struct ph_relays *relays, const struct ph_relays_options *options) {
    relays->control = options->control;
    relays->metrics = options->metrics;
    relays->publish_secret = options->publish_secret;
    relays->cluster_secret = options->cluster_secret;
    relays->part_ms = options->part_ms;
    relays->segment_ms = options->segment_ms;
    relays->reconnect_window_s = options->reconnect_window_s;
    relays->ring_limits = options->ring;
    if (!relays->ring_limits.most_bytes)
        relays->ring_limits.most_bytes = (size_t)64 << 20;
    if (!relays->ring_limits.most_age_us)
        relays->ring_limits.most_age_us = 60 * PH_SECOND_US;
    relays->has_capacity = options->has_capacity;
    relays->capacity_opaque = options->capacity_opaque;
}

static int open_epoll(struct ph_relays *relays) {
    relays->epoll = epoll_create1(EPOLL_CLOEXEC);
    relays->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (relays->epoll < 0 || relays->wake_fd < 0)
        return -errno;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    return epoll_ctl(relays->epoll, EPOLL_CTL_ADD, relays->wake_fd, &event) ? -errno : 0;
}

int ph_relays_create(
    struct ph_relays **out, const struct ph_relays_options *options, struct ph_error *error) {
    *out = NULL;
    struct ph_relays *relays = calloc(1, sizeof(*relays));
    if (!relays)
        return -ENOMEM;
    relays->wake_fd = -1;
    relays->epoll = -1;
    pthread_mutex_init(&relays->lock, NULL);
    ph_cond_init(&relays->emptied);
    copy_numbers(relays, options);
    relays->ladder = strdup(options->ladder);
    relays->preset = strdup(options->preset);
    relays->encoder = strdup(options->encoder);
    int code = relays->ladder && relays->preset && relays->encoder ? 0 : -ENOMEM;
    if (!code)
        code = origins_copy(relays, options->origins, error);
    if (!code)
        code = ph_worker_pool_create(&relays->workers, options->workers, error);
    if (!code)
        code = open_epoll(relays);
    if (code) {
        ph_relays_destroy(relays);
        return code;
    }
    *out = relays;
    return 0;
}

int ph_relays_start(struct ph_relays *relays) {
    int code = ph_thread_start(&relays->thread, "ph-relay", run, relays);
    relays->started = !code;
    return code;
}

void ph_relays_destroy(struct ph_relays *relays) {
    if (!relays)
        return;
    atomic_store(&relays->stopping, true);
    if (relays->started) {
        ph_relays_wake(relays);
        pthread_join(relays->thread, NULL);
    }
    struct ph_relay *relay, *next;
    HASH_ITER(hh, relays->table, relay, next) {
        ph_link_socket_close(&relay->socket);
        remove_relay(relays, relay);
    }
    ph_worker_pool_destroy(relays->workers);
    for (int i = 0; i < PH_LINK_MOST_ORIGINS; i++)
        free(relays->origins[i]);
    free(relays->ladder);
    free(relays->preset);
    free(relays->encoder);
    if (relays->epoll >= 0)
        close(relays->epoll);
    if (relays->wake_fd >= 0)
        close(relays->wake_fd);
    pthread_cond_destroy(&relays->emptied);
    pthread_mutex_destroy(&relays->lock);
    free(relays);
}

int ph_relays_end(struct ph_relays *relays, const char *session, const char *reason) {
    pthread_mutex_lock(&relays->lock);
    struct ph_relay *relay = ph_relay_find(relays, session);
    struct ph_admission unpublished = {.is_private = true};
    strncpy(unpublished.session, session, sizeof(unpublished.session) - 1);
    if (!relay)
        relay = ph_relay_create(relays, &unpublished);
    int code = relay ? ph_relay_end(relay, reason) : -ENOMEM;
    pthread_mutex_unlock(&relays->lock);
    ph_relays_wake(relays);
    return code;
}

void ph_relays_end_all(struct ph_relays *relays, const char *reason) {
    pthread_mutex_lock(&relays->lock);
    relays->closed = true;
    struct ph_relay *relay, *next;
    HASH_ITER(hh, relays->table, relay, next) {
        int code = ph_relay_end(relay, reason);
        if (code)
            ph_log_warning(
                "a session cannot be ended cleanly", ph_str("session", relay->session), ph_code(code));
    }
    pthread_mutex_unlock(&relays->lock);
    ph_relays_wake(relays);
}

int ph_relays_wait_empty(struct ph_relays *relays, int64_t deadline_us) {
    int code = 0;
    pthread_mutex_lock(&relays->lock);
    while (relays->table && !code)
        code = ph_cond_wait_until(&relays->emptied, &relays->lock, deadline_us);
    if (!relays->table)
        code = 0;
    pthread_mutex_unlock(&relays->lock);
    return code;
}

size_t ph_relays_snapshot(struct ph_relays *relays, struct ph_ingest_session *sessions, size_t most) {
    int64_t now_us = ph_now_us();
    size_t count = 0;
    pthread_mutex_lock(&relays->lock);
    struct ph_relay *relay, *next;
    HASH_ITER(hh, relays->table, relay, next) {
        if (count < most) {
            struct ph_ingest_session *session = &sessions[count];
            *session = (struct ph_ingest_session){.state = relay->state_name,
                .has_publisher = relay->publisher != NULL,
                .silent_us = now_us - relay->last_media_us,
                .ring_bytes = ph_ring_bytes(relay->ring),
                .worker_deaths = relay->deaths};
            memcpy(session->session, relay->session, sizeof(session->session));
        }
        count++;
    }
    pthread_mutex_unlock(&relays->lock);
    return count;
}
