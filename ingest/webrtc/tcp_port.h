/* Passive ICE-TCP (RFC 6544): publishers that cannot send UDP connect here and send the same packets, framed
 * (RFC 4571). Owned by one thread.
 *
 * A connection has to prove itself by a valid check within seconds; until then it is one of few, and the
 * oldest gives way to a new one. */
#ifndef PH_INGEST_WEBRTC_TCP_PORT_H
#define PH_INGEST_WEBRTC_TCP_PORT_H

#include "ingest/webrtc/udp_port.h"

struct ph_tcp_port;

/* Numbers of connections begin here; smaller ones are the owner's, for its own descriptors in the same epoll.
 */
enum { PH_TCP_FIRST_NUMBER = 16 };

struct ph_tcp_port_options {
    int epoll;            /* the owner's: connections are added with their number as data */
    uint64_t listener_id; /* the data of the listening socket's events */
    ph_datagram_receiver *receiver;
    void (*closed)(void *opaque, uint64_t number); /* the peer closed it, or it broke or was not proven */
    void *opaque;
};

/* `address` is bound, with its port. A negative errno. */
int ph_tcp_port_open(struct ph_tcp_port **tcp, const struct sockaddr *address, socklen_t address_bytes,
    const struct ph_tcp_port_options *options) PH_NODISCARD;
/* Closes all connections without calling `closed`. NULL is fine. */
void ph_tcp_port_close(struct ph_tcp_port *tcp);

void ph_tcp_port_accept(struct ph_tcp_port *tcp, int64_t now_us);
/* An event of a connection. */
void ph_tcp_port_event(struct ph_tcp_port *tcp, uint64_t number, unsigned events);
/* A valid check came by it. */
void ph_tcp_port_prove(struct ph_tcp_port *tcp, uint64_t number);
/* A packet that finds the buffer full is lost. */
void ph_tcp_port_send(struct ph_tcp_port *tcp, uint64_t number, struct ph_slice packet);
/* Ends a connection without calling `closed`. */
void ph_tcp_port_drop(struct ph_tcp_port *tcp, uint64_t number);
/* Ends what did not prove itself in time. */
void ph_tcp_port_expire(struct ph_tcp_port *tcp, int64_t now_us);
size_t ph_tcp_port_count(const struct ph_tcp_port *tcp);

#endif
