/* The UDP port of all publishers: batches in, batches out. Owned by one thread. */
#ifndef PH_INGEST_WEBRTC_UDP_PORT_H
#define PH_INGEST_WEBRTC_UDP_PORT_H

#include "core/base/bytes.h"
#include "ingest/webrtc/ice_agent.h"

struct ph_udp_port;

enum { PH_UDP_MOST_DATAGRAM_BYTES = 2048 };

/* Takes a datagram; may write to it until it returns. */
typedef void ph_datagram_receiver(
    void *opaque, const struct ph_ice_path *from, uint8_t *bytes, size_t size, int64_t now_us);

/* `address` is bound: *port 0 takes a free one and says which. A negative errno. */
int ph_udp_port_open(struct ph_udp_port **udp, const struct sockaddr *address, socklen_t address_bytes,
    uint16_t *port) PH_NODISCARD;
/* NULL is fine. */
void ph_udp_port_close(struct ph_udp_port *udp);

/* To wait for what can be read. */
int ph_udp_port_fd(const struct ph_udp_port *udp);
/* Receives what is there, within a bound. Datagrams longer than PH_UDP_MOST_DATAGRAM_BYTES are dropped. */
void ph_udp_port_receive(struct ph_udp_port *udp, ph_datagram_receiver *receiver, void *opaque);
/* Copies it; it leaves with the next flush, or at once when many wait. What the kernel does not take is lost,
 * as on any network. */
void ph_udp_port_send(struct ph_udp_port *udp, const struct ph_ice_path *to, struct ph_slice datagram);
void ph_udp_port_flush(struct ph_udp_port *udp);

#endif
