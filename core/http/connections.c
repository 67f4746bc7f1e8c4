#include "core/http/connections.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/http/address.h"

enum { body_bytes_a_second = 16 * 1024, walks_a_timeout = 4 };

struct ph_connections {
    int64_t idle_timeout_us;
    struct ph_metric *gauge;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* with `lock`: a connection went or became idle while draining, or stopping */
    struct ph_connection *list; /* guarded by lock */
    bool stopping;              /* guarded by lock */
    atomic_size_t count;
    _Atomic bool draining;
    pthread_t walker;
};

/* Shuts down the connections whose peer is late. The lock keeps their sockets open meanwhile. */
static void end_late_ones(struct ph_connections *connections, int64_t now_us) {
    struct ph_connection *connection;
    DL_FOREACH(connections->list, connection) {
        if (atomic_load_explicit(&connection->deadline_us, memory_order_relaxed) <= now_us)
            shutdown(connection->fd, SHUT_RDWR);
    }
}

static void *run_walker(void *opaque) {
    struct ph_connections *connections = opaque;
    int64_t pause_us = connections->idle_timeout_us / walks_a_timeout;
    int64_t next_us = ph_now_us() + pause_us;
    pthread_mutex_lock(&connections->lock);
    while (!connections->stopping) {
        ph_cond_wait_until(&connections->changed, &connections->lock, next_us);
        int64_t now_us = ph_now_us();
        if (now_us < next_us)
            continue;
        end_late_ones(connections, now_us);
        next_us = now_us + pause_us;
    }
    pthread_mutex_unlock(&connections->lock);
    return NULL;
}

int ph_connections_create(struct ph_connections **out, int64_t idle_timeout_us, struct ph_metric *gauge) {
    *out = NULL;
    struct ph_connections *connections = calloc(1, sizeof(*connections));
    if (!connections)
        return -ENOMEM;
    connections->idle_timeout_us = idle_timeout_us;
    connections->gauge = gauge;
    pthread_mutex_init(&connections->lock, NULL);
    ph_cond_init(&connections->changed);
    int code = ph_thread_start(&connections->walker, "http-idle", run_walker, connections);
    if (code) {
        pthread_cond_destroy(&connections->changed);
        pthread_mutex_destroy(&connections->lock);
        free(connections);
        return code;
    }
    *out = connections;
    return 0;
}

void ph_connections_destroy(struct ph_connections *connections) {
    if (!connections)
        return;
    pthread_mutex_lock(&connections->lock);
    assert(!connections->list);
    connections->stopping = true;
    pthread_cond_broadcast(&connections->changed);
    pthread_mutex_unlock(&connections->lock);
    pthread_join(connections->walker, NULL);
    pthread_cond_destroy(&connections->changed);
    pthread_mutex_destroy(&connections->lock);
    free(connections);
}

void ph_connections_add(struct ph_connections *connections, struct ph_connection *connection, int fd,
    const struct sockaddr *peer) {
    connection->fd = fd;
    ph_address_print(peer, connection->peer, sizeof(connection->peer));
    atomic_init(&connection->is_between_requests, true);
    atomic_init(&connection->deadline_us, ph_now_us() + connections->idle_timeout_us);
    pthread_mutex_lock(&connections->lock);
    DL_APPEND(connections->list, connection);
    pthread_mutex_unlock(&connections->lock);
    atomic_fetch_add(&connections->count, 1);
    if (connections->gauge)
        ph_metric_add(connections->gauge, 1);
}

void ph_connections_remove(struct ph_connections *connections, struct ph_connection *connection) {
    pthread_mutex_lock(&connections->lock);
    DL_DELETE(connections->list, connection);
    if (connections->draining)
        pthread_cond_broadcast(&connections->changed);
    pthread_mutex_unlock(&connections->lock);
    atomic_fetch_sub(&connections->count, 1);
    if (connections->gauge)
        ph_metric_add(connections->gauge, -1);
}

size_t ph_connections_count(struct ph_connections *connections) {
    return atomic_load(&connections->count);
}

void ph_connection_await_head(struct ph_connections *connections, struct ph_connection *connection) {
    atomic_store_explicit(
        &connection->deadline_us, ph_now_us() + connections->idle_timeout_us, memory_order_relaxed);
    atomic_store(&connection->is_between_requests, true);
    if (!atomic_load(&connections->draining))
        return;
    pthread_mutex_lock(&connections->lock);
    pthread_cond_broadcast(&connections->changed);
    pthread_mutex_unlock(&connections->lock);
}

void ph_connection_await_body(struct ph_connections *connections, struct ph_connection *connection,
    int64_t started_us, uint64_t received_bytes) {
    int64_t earned_us = (int64_t)(received_bytes / body_bytes_a_second) * PH_SECOND_US;
    atomic_store_explicit(&connection->deadline_us, started_us + connections->idle_timeout_us + earned_us,
        memory_order_relaxed);
    atomic_store_explicit(&connection->is_between_requests, false, memory_order_relaxed);
}

void ph_connection_await_nothing(struct ph_connection *connection) {
    atomic_store_explicit(&connection->deadline_us, PH_NEVER_US, memory_order_relaxed);
    atomic_store_explicit(&connection->is_between_requests, false, memory_order_relaxed);
}

void ph_connection_end(struct ph_connection *connection) {
    atomic_store_explicit(&connection->deadline_us, 0, memory_order_relaxed);
}

/* What a peer has sent already is still read and answered: only the reading side ends. */
static void end_idle_ones(struct ph_connections *connections) {
    struct ph_connection *connection;
    DL_FOREACH(connections->list, connection) {
        if (atomic_load(&connection->is_between_requests))
            shutdown(connection->fd, SHUT_RD);
    }
}

void ph_connections_drain(struct ph_connections *connections, int64_t deadline_us) {
    int code = 0;
    pthread_mutex_lock(&connections->lock);
    atomic_store(&connections->draining, true);
    while (connections->list && code != -ETIMEDOUT) {
        end_idle_ones(connections);
        code = ph_cond_wait_until(&connections->changed, &connections->lock, deadline_us);
    }
    pthread_mutex_unlock(&connections->lock);
}
