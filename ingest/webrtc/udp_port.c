#include "ingest/webrtc/udp_port.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"

enum {
    batch = 64,
    most_batches = 8, /* in a row: then others have their turn */
    most_sent_bytes = 1500,
    receive_buffer_bytes = 8 * 1024 * 1024,
    send_buffer_bytes = 1024 * 1024,
};

/* Room for the address that a datagram was sent to, or is to be sent from. */
union control {
    struct cmsghdr align;
    char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
    char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct slot {
    struct sockaddr_storage address;
    struct iovec vector;
    union control control;
};

struct ph_udp_port {
    int fd;
    int family;
    struct mmsghdr received[batch];
    struct slot received_slots[batch];
    uint8_t received_bytes[batch][PH_UDP_MOST_DATAGRAM_BYTES];
    size_t waiting;
    struct mmsghdr sent[batch];
    struct slot sent_slots[batch];
    uint8_t sent_bytes[batch][most_sent_bytes];
};

static int set_options(const struct ph_udp_port *udp) {
    const int on = 1, off = 0, in = receive_buffer_bytes, out = send_buffer_bytes;
    /* The larger buffer takes a privilege; without it the system's limit holds. */
    if (setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUFFORCE, &in, sizeof(in)))
        setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &in, sizeof(in));
    setsockopt(udp->fd, SOL_SOCKET, SO_SNDBUF, &out, sizeof(out));
    int failed = udp->family == AF_INET6
                     ? setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
                           setsockopt(udp->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))
                     : setsockopt(udp->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
    return failed ? -errno : 0;
}

static void prepare_receiving(struct ph_udp_port *udp) {
    for (int i = 0; i < batch; i++) {
        struct slot *slot = &udp->received_slots[i];
        slot->vector = (struct iovec){udp->received_bytes[i], PH_UDP_MOST_DATAGRAM_BYTES};
        udp->received[i].msg_hdr = (struct msghdr){.msg_name = &slot->address,
            .msg_namelen = sizeof(slot->address),
            .msg_iov = &slot->vector,
            .msg_iovlen = 1,
            .msg_control = &slot->control,
            .msg_controllen = sizeof(slot->control)};
    }
}

int ph_udp_port_open(
    struct ph_udp_port **out, const struct sockaddr *address, socklen_t address_bytes, uint16_t *port) {
    *out = NULL;
    struct ph_udp_port *udp = calloc(1, sizeof(*udp));
    if (!udp)
        return -ENOMEM;
    udp->family = address->sa_family;
    udp->fd = socket(udp->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int code = udp->fd < 0 ? -errno : set_options(udp);
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    if (!code &&
        (bind(udp->fd, address, address_bytes) || getsockname(udp->fd, (struct sockaddr *)&bound, &size)))
        code = -errno;
    struct ph_net_address name;
    if (!code)
        code = ph_net_address_read(&name, (const struct sockaddr *)&bound);
    if (code) {
        ph_udp_port_close(udp);
        return code;
    }
    *port = name.port;
    *out = udp;
    return 0;
}

void ph_udp_port_close(struct ph_udp_port *udp) {
    if (!udp)
        return;
    if (udp->fd >= 0)
        close(udp->fd);
    free(udp);
}

int ph_udp_port_fd(const struct ph_udp_port *udp) {
    return udp->fd;
}

/* The address that a datagram was sent to. */
static void read_local(const struct msghdr *header, struct ph_net_address *local) {
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item;
         item = CMSG_NXTHDR((struct msghdr *)header, item)) {
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof(info));
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = info.ipi_spec_dst};
            if (ph_net_address_read(local, (struct sockaddr *)&address) == 0)
                return;
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof(info));
            memcpy(local->ip, &info.ipi6_addr, sizeof(local->ip));
            local->scope = info.ipi6_ifindex;
            return;
        }
    }
}

static int receive_batch(struct ph_udp_port *udp, ph_datagram_receiver *receiver, void *opaque) {
    prepare_receiving(udp);
    int count = recvmmsg(udp->fd, udp->received, batch, MSG_DONTWAIT, NULL);
    int64_t now_us = ph_now_us();
    for (int i = 0; i < count; i++) {
        const struct msghdr *header = &udp->received[i].msg_hdr;
        struct ph_ice_path from = {0};
        if (header->msg_flags & MSG_TRUNC || ph_net_address_read(&from.remote, header->msg_name))
            continue;
        read_local(header, &from.local);
        receiver(opaque, &from, udp->received_bytes[i], udp->received[i].msg_len, now_us);
    }
    return count;
}

void ph_udp_port_receive(struct ph_udp_port *udp, ph_datagram_receiver *receiver, void *opaque) {
    for (int i = 0; i < most_batches && receive_batch(udp, receiver, opaque) == batch; i++)
        ph_udp_port_flush(udp);
}

/* Answers leave from the address that was asked: another would not pass the peer's NAT. */
static size_t write_local(
    const struct ph_udp_port *udp, const struct ph_net_address *local, union control *control) {
    static const uint8_t unspecified[16];
    memset(control, 0, sizeof(*control));
    if (memcmp(local->ip, unspecified, sizeof(unspecified)) == 0)
        return 0;
    struct cmsghdr *item = &control->align;
    if (udp->family == AF_INET6) {
        struct in6_pktinfo info = {0};
        memcpy(&info.ipi6_addr, local->ip, sizeof(local->ip));
        /* Link-local alone needs the interface; naming it would pin a routed peer to one. */
        info.ipi6_ifindex = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? local->scope : 0;
        *item = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IPV6, IPV6_PKTINFO};
        memcpy(CMSG_DATA(item), &info, sizeof(info));
        return sizeof(control->v6);
    }
    struct in_pktinfo info = {0};
    memcpy(&info.ipi_spec_dst, local->ip + 12, 4);
    *item = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IP, IP_PKTINFO};
    memcpy(CMSG_DATA(item), &info, sizeof(info));
    return sizeof(control->v4);
}

void ph_udp_port_send(struct ph_udp_port *udp, const struct ph_ice_path *to, struct ph_slice datagram) {
    if (datagram.size > most_sent_bytes)
        return;
    if (udp->waiting == batch)
        ph_udp_port_flush(udp);
    struct slot *slot = &udp->sent_slots[udp->waiting];
    uint8_t *bytes = udp->sent_bytes[udp->waiting];
    socklen_t size = ph_net_address_write(&to->remote, udp->family, &slot->address);
    if (!size)
        return;
    memcpy(bytes, datagram.data, datagram.size);
    slot->vector = (struct iovec){bytes, datagram.size};
    size_t control_bytes = write_local(udp, &to->local, &slot->control);
    udp->sent[udp->waiting++].msg_hdr = (struct msghdr){.msg_name = &slot->address,
        .msg_namelen = size,
        .msg_iov = &slot->vector,
        .msg_iovlen = 1,
        .msg_control = control_bytes ? &slot->control : NULL,
        .msg_controllen = control_bytes};
}

void ph_udp_port_flush(struct ph_udp_port *udp) {
    for (size_t done = 0; done < udp->waiting;) {
        int count = sendmmsg(udp->fd, udp->sent + done, (unsigned)(udp->waiting - done), MSG_DONTWAIT);
        /* The first of the rest was refused (its peer's network is gone, or the buffer is full): go on behind
         * it. */
        done += count > 0 ? (size_t)count : 1;
    }
    udp->waiting = 0;
}
