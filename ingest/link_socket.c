#include "ingest/link_socket.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { first_capacity = 16 * 1024, read_room = 4096, dead_peer_ms = 5000 };

void ph_link_socket_init(struct ph_link_socket *socket) {
    *socket = (struct ph_link_socket){.fd = -1, .epoll = -1};
}

static void tune_tcp(int fd) {
    const int on = 1;
    const unsigned timeout_ms = dead_peer_ms;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static int watch(struct ph_link_socket *link, int operation, bool write) {
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = link->opaque};
    link->waits_to_write = write;
    return epoll_ctl(link->epoll, operation, link->fd, &event) ? -errno : 0;
}

int ph_link_socket_connect(
    struct ph_link_socket *link, const struct ph_link_address *address, int epoll, void *opaque) {
    const struct sockaddr *name = (const struct sockaddr *)&address->address;
    link->fd = socket(name->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        return -errno;
    link->epoll = epoll;
    link->opaque = opaque;
    if (name->sa_family != AF_UNIX)
        tune_tcp(link->fd);
    int code = connect(link->fd, name, address->size) && errno != EINPROGRESS ? -errno : 0;
    if (!code)
        code = watch(link, EPOLL_CTL_ADD, true);
    if (code)
        ph_link_socket_close(link);
    return code;
}

int ph_link_socket_connected(struct ph_link_socket *link) {
    int code = 0;
    socklen_t size = sizeof(code);
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &code, &size))
        return -errno;
    if (code)
        return -code;
    struct sockaddr_storage peer;
    size = sizeof(peer);
    if (getpeername(link->fd, (struct sockaddr *)&peer, &size))
        return errno == ENOTCONN ? -EAGAIN : -errno;
    return 0;
}

/* Room for the frame that is partly here, or for a read. */
static int make_room(struct ph_link_socket *link) {
    memmove(link->in, link->in + link->in_taken, link->in_size - link->in_taken);
    link->in_size -= link->in_taken;
    link->in_taken = 0;
    if (link->in_capacity - link->in_size >= read_room)
        return 0;
    size_t capacity = link->in_capacity ? link->in_capacity * 2 : first_capacity;
    if (capacity > 4 * (size_t)PH_LINK_MOST_BYTES)
        return -EMSGSIZE;
    uint8_t *in = realloc(link->in, capacity);
    if (!in)
        return -ENOMEM;
    link->in = in;
    link->in_capacity = capacity;
    return 0;
}

int ph_link_socket_receive(struct ph_link_socket *link) {
    if (!link->in_capacity) {
        link->in = malloc(first_capacity);
        if (!link->in)
            return -ENOMEM;
        link->in_capacity = first_capacity;
    }
    int code = make_room(link);
    if (code)
        return code;
    ssize_t size = recv(link->fd, link->in + link->in_size, link->in_capacity - link->in_size, MSG_DONTWAIT);
    if (size == 0)
        return PH_EOF;
    if (size < 0)
        return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
    link->in_size += (size_t)size;
    return 0;
}

int ph_link_socket_next(struct ph_link_socket *link, struct ph_link_frame *frame) {
    if (link->in_taken == link->in_size)
        return -EAGAIN;
    size_t consumed;
    int code = ph_link_frame_parse(
        (struct ph_slice){link->in + link->in_taken, link->in_size - link->in_taken}, frame, &consumed);
    link->in_taken += consumed;
    return code;
}

size_t ph_link_socket_backlog(const struct ph_link_socket *link) {
    return link->out.size - link->out_sent;
}

int ph_link_socket_send(struct ph_link_socket *link) {
    if (!ph_builder_ok(&link->out))
        return -ENOMEM;
    while (link->out_sent < link->out.size) {
        ssize_t size = send(link->fd, link->out.data + link->out_sent, link->out.size - link->out_sent,
            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return -errno;
        if (size < 0)
            break;
        link->out_sent += (size_t)size;
    }
    if (link->out_sent == link->out.size) {
        ph_builder_clear(&link->out);
        link->out_sent = 0;
    }
    bool wait = link->out.size > 0;
    return wait != link->waits_to_write ? watch(link, EPOLL_CTL_MOD, wait) : 0;
}

void ph_link_socket_close(struct ph_link_socket *link) {
    if (link->fd >= 0)
        close(link->fd);
    free(link->in);
    ph_builder_discard(&link->out);
    ph_link_socket_init(link);
}
