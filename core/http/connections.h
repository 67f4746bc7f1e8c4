/* The open connections: who the peer is, and how long each may still take over its request's head or body.
 *
 * libmicrohttpd times out silent connections only; one that sends a byte now and then would live for ever. So
 * every connection carries a deadline while the peer has to send something, and a thread that walks the list
 * shuts down those that are past it. */
#ifndef PH_HTTP_CONNECTIONS_H
#define PH_HTTP_CONNECTIONS_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/error.h"
#include "core/base/metrics.h"

struct ph_connections;

/* One connection; embedded first in what the server keeps for it. */
struct ph_connection {
    struct ph_connection *prev, *next; /* guarded by the list's lock */
    int fd;                            /* borrowed from libmicrohttpd */
    _Atomic int64_t deadline_us;       /* PH_NEVER_US while the peer has nothing to send */
    _Atomic bool is_between_requests;
    char peer[INET6_ADDRSTRLEN];
};

/* `gauge` (borrowed, may be NULL) counts the connections. */
int ph_connections_create(
    struct ph_connections **connections, int64_t idle_timeout_us, struct ph_metric *gauge) PH_NODISCARD;
/* No connection may be left. NULL is fine. */
void ph_connections_destroy(struct ph_connections *connections);
void ph_connections_add(struct ph_connections *connections, struct ph_connection *connection, int fd,
    const struct sockaddr *peer);
/* Before its socket is closed. */
void ph_connections_remove(struct ph_connections *connections, struct ph_connection *connection);

size_t ph_connections_count(struct ph_connections *connections);

/* The peer has to send a request's head from now on. */
void ph_connection_await_head(struct ph_connections *connections, struct ph_connection *connection);
/* The head came at `now_us`, and a body of which `received_bytes` are here: each 16 KiB earn it another
 * second. */
void ph_connection_await_body(struct ph_connections *connections, struct ph_connection *connection,
    int64_t started_us, uint64_t received_bytes);
/* The request is complete. */
void ph_connection_await_nothing(struct ph_connection *connection);

/* The peer is given up: its socket is shut down at the next walk. */
void ph_connection_end(struct ph_connection *connection);

/* Ends connections as they become idle, until none is left or the deadline comes. */
void ph_connections_drain(struct ph_connections *connections, int64_t deadline_us);

#endif
