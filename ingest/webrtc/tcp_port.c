#include "ingest/webrtc/tcp_port.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <uthash.h>

#include "core/base/clock.h"
#include "ingest/webrtc/tcp_framing.h"

enum {
    backlog = 128,
    most_links = 512,
    most_unproven = 64,
    most_accepts = 32, /* in a row */
    most_reads = 8,    /* in a row */
    read_bytes = 16 * 1024,
    outgoing_bytes = 16 * 1024,
};
static const int64_t unproven_us = 5 * PH_SECOND_US;

struct link {
    uint64_t number;
    int fd;
    bool proven;
    int64_t since_us;
    struct ph_ice_path path;
    struct ph_tcp_framing framing;
    size_t unsent;
    uint8_t outgoing[outgoing_bytes];
    UT_hash_handle hh; /* in the order in which they came */
};

struct ph_tcp_port {
    struct ph_tcp_port_options options;
    int fd;
    uint64_t next_number;
    struct link *links;
    size_t unproven;
};

int ph_tcp_port_open(struct ph_tcp_port **out, const struct sockaddr *address, socklen_t address_bytes,
    const struct ph_tcp_port_options *options) {
    *out = NULL;
    struct ph_tcp_port *tcp = calloc(1, sizeof(*tcp));
    if (!tcp)
        return -ENOMEM;
    const int on = 1, off = 0;
    int code = 0;
    tcp->options = *options;
    tcp->next_number = PH_TCP_FIRST_NUMBER;
    tcp->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = options->listener_id};
    if (tcp->fd < 0 || setsockopt(tcp->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        (address->sa_family == AF_INET6 &&
            setsockopt(tcp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off))) ||
        bind(tcp->fd, address, address_bytes) || listen(tcp->fd, backlog) ||
        epoll_ctl(options->epoll, EPOLL_CTL_ADD, tcp->fd, &event))
        code = -errno;
    if (code) {
        ph_tcp_port_close(tcp);
        return code;
    }
    *out = tcp;
    return 0;
}

static struct link *find(const struct ph_tcp_port *tcp, uint64_t number) {
    struct link *link;
    HASH_FIND(hh, tcp->links, &number, sizeof(number), link);
    return link;
}

static void end_link(struct ph_tcp_port *tcp, struct link *link) {
    tcp->unproven -= !link->proven;
    HASH_DEL(tcp->links, link);
    close(link->fd);
    free(link);
}

/* Ends it and tells the owner. */
static void lose_link(struct ph_tcp_port *tcp, struct link *link) {
    uint64_t number = link->number;
    end_link(tcp, link);
    tcp->options.closed(tcp->options.opaque, number);
}

void ph_tcp_port_close(struct ph_tcp_port *tcp) {
    if (!tcp)
        return;
    struct link *link, *next;
    HASH_ITER(hh, tcp->links, link, next) {
        end_link(tcp, link);
    }
    if (tcp->fd >= 0)
        close(tcp->fd);
    free(tcp);
}

static void lose_oldest_unproven(struct ph_tcp_port *tcp) {
    struct link *link, *next;
    HASH_ITER(hh, tcp->links, link, next) {
        if (!link->proven) {
            lose_link(tcp, link);
            return;
        }
    }
}

static int name_path(struct link *link) {
    struct sockaddr_storage remote, local;
    socklen_t remote_size = sizeof(remote), local_size = sizeof(local);
    link->path.tcp = link->number;
    if (getpeername(link->fd, (struct sockaddr *)&remote, &remote_size) ||
        getsockname(link->fd, (struct sockaddr *)&local, &local_size))
        return -errno;
    int code = ph_net_address_read(&link->path.remote, (struct sockaddr *)&remote);
    return code ? code : ph_net_address_read(&link->path.local, (struct sockaddr *)&local);
}

/* Takes the descriptor over, on failure too. */
static void add_link(struct ph_tcp_port *tcp, int fd, int64_t now_us) {
    const int on = 1;
    struct link *link = HASH_COUNT(tcp->links) < most_links ? calloc(1, sizeof(*link)) : NULL;
    if (!link) {
        close(fd);
        return;
    }
    link->number = tcp->next_number++;
    link->fd = fd;
    link->since_us = now_us;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = link->number};
    if (name_path(link) || epoll_ctl(tcp->options.epoll, EPOLL_CTL_ADD, fd, &event)) {
        close(fd);
        free(link);
        return;
    }
    HASH_ADD(hh, tcp->links, number, sizeof(link->number), link);
    tcp->unproven++;
    if (tcp->unproven > most_unproven)
        lose_oldest_unproven(tcp);
}

void ph_tcp_port_accept(struct ph_tcp_port *tcp, int64_t now_us) {
    for (int i = 0; i < most_accepts; i++) {
        int fd = accept4(tcp->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            add_link(tcp, fd, now_us);
        else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

/* Hands on the frames of what was read. False when the link is over; it may be gone already. */
static bool take_frames(struct ph_tcp_port *tcp, uint64_t number, struct ph_slice stream, int64_t now_us) {
    for (;;) {
        /* A receiver may have dropped the link. */
        struct link *link = find(tcp, number);
        struct ph_tcp_frame frame;
        int code = link ? ph_tcp_framing_next(&link->framing, &stream, &frame) : PH_EOF;
        if (code == -EAGAIN)
            return true;
        if (code)
            return false;
        if (frame.size)
            tcp->options.receiver(tcp->options.opaque, &link->path, frame.data, frame.size, now_us);
    }
}

static bool read_link(struct ph_tcp_port *tcp, uint64_t number) {
    uint8_t bytes[read_bytes];
    for (int i = 0; i < most_reads; i++) {
        const struct link *link = find(tcp, number);
        ssize_t size = link ? recv(link->fd, bytes, sizeof(bytes), MSG_DONTWAIT) : 0;
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (size <= 0 || !take_frames(tcp, number, (struct ph_slice){bytes, (size_t)size}, ph_now_us()))
            return false;
    }
    return true;
}

static void watch(const struct ph_tcp_port *tcp, const struct link *link) {
    struct epoll_event event = {.events = EPOLLIN | (link->unsent ? EPOLLOUT : 0U), .data.u64 = link->number};
    epoll_ctl(tcp->options.epoll, EPOLL_CTL_MOD, link->fd, &event);
}

/* False when the connection broke. */
static bool write_link(struct link *link) {
    while (link->unsent) {
        ssize_t size = send(link->fd, link->outgoing, link->unsent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        link->unsent -= (size_t)size;
        memmove(link->outgoing, link->outgoing + size, link->unsent);
    }
    return true;
}

void ph_tcp_port_event(struct ph_tcp_port *tcp, uint64_t number, unsigned events) {
    struct link *link = find(tcp, number);
    if (!link)
        return;
    bool alive = true;
    if (events & EPOLLOUT) {
        alive = write_link(link);
        watch(tcp, link);
    }
    if (alive && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        alive = read_link(tcp, number);
    link = find(tcp, number);
    if (!alive && link)
        lose_link(tcp, link);
}

void ph_tcp_port_prove(struct ph_tcp_port *tcp, uint64_t number) {
    struct link *link = find(tcp, number);
    if (!link || link->proven)
        return;
    link->proven = true;
    tcp->unproven--;
}

void ph_tcp_port_send(struct ph_tcp_port *tcp, uint64_t number, struct ph_slice packet) {
    struct link *link = find(tcp, number);
    if (!link || packet.size > UINT16_MAX ||
        link->unsent + PH_TCP_FRAME_HEADER_BYTES + packet.size > outgoing_bytes)
        return;
    uint8_t *end = link->outgoing + link->unsent;
    end[0] = (uint8_t)(packet.size >> 8);
    end[1] = (uint8_t)packet.size;
    memcpy(end + PH_TCP_FRAME_HEADER_BYTES, packet.data, packet.size);
    bool was_waiting = link->unsent > 0;
    link->unsent += PH_TCP_FRAME_HEADER_BYTES + packet.size;
    /* A broken connection is found by its next event. */
    if (!was_waiting && write_link(link) && link->unsent)
        watch(tcp, link);
}

void ph_tcp_port_drop(struct ph_tcp_port *tcp, uint64_t number) {
    struct link *link = find(tcp, number);
    if (link)
        end_link(tcp, link);
}

void ph_tcp_port_expire(struct ph_tcp_port *tcp, int64_t now_us) {
    struct link *link, *next;
    HASH_ITER(hh, tcp->links, link, next) {
        if (!link->proven && now_us - link->since_us > unproven_us)
            lose_link(tcp, link);
    }
}

size_t ph_tcp_port_count(const struct ph_tcp_port *tcp) {
    return HASH_COUNT(tcp->links);
}
