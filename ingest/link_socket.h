/* One end of a source link: a non-blocking socket with whole frames in and a bounded write buffer out.
 * Embedded; owned by one thread, which watches the socket with epoll. */
#ifndef PH_INGEST_LINK_SOCKET_H
#define PH_INGEST_LINK_SOCKET_H

#include <stdbool.h>

#include "core/media/link_endpoint.h"
#include "core/media/source_link.h"

struct ph_link_socket {
    int fd; /* -1: closed */
    int epoll;
    void *opaque; /* of its epoll events */
    bool waits_to_write;
    uint8_t *in; /* `in_size` bytes received, the first `in_taken` of them handed out */
    size_t in_size, in_taken, in_capacity;
    struct ph_builder out; /* `out_sent` bytes of it are sent */
    size_t out_sent;
};

void ph_link_socket_init(struct ph_link_socket *socket);
/* Begins to connect and registers with `epoll` under `opaque`. 0 or -errno. Writable means connected, or
 * failed: ph_link_socket_connected() says. */
int ph_link_socket_connect(struct ph_link_socket *socket, const struct ph_link_address *address, int epoll,
    void *opaque) PH_NODISCARD;
/* 0 once connected, -EAGAIN while not yet, or why not. */
int ph_link_socket_connected(struct ph_link_socket *socket) PH_NODISCARD;
/* Receives what is there, within bounds. 0 when something came, -EAGAIN when nothing did, PH_EOF, -errno. */
int ph_link_socket_receive(struct ph_link_socket *socket) PH_NODISCARD;
/* The next whole frame, valid until the next ph_link_socket_receive(). -EAGAIN or PH_INVALID_DATA. */
int ph_link_socket_next(struct ph_link_socket *socket, struct ph_link_frame *frame) PH_NODISCARD;
/* Bytes of `out` not sent yet; append to `out` only while this is below what the caller allows. */
size_t ph_link_socket_backlog(const struct ph_link_socket *socket);
/* Sends from `out` as much as the socket takes, and waits for room for the rest. 0 or -errno (-ENOMEM when
 * `out` could not grow). */
int ph_link_socket_send(struct ph_link_socket *socket) PH_NODISCARD;
void ph_link_socket_close(struct ph_link_socket *socket);

#endif
