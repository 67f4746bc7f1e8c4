/* RTP's header and its extensions (RFC 3550 section 5, RFC 8285). Pure. */
#ifndef PH_INGEST_WEBRTC_RTP_WIRE_H
#define PH_INGEST_WEBRTC_RTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "ingest/webrtc/negotiation.h"

enum { PH_RTP_HEADER_BYTES = 12 };

struct ph_rtp_wire {
    uint8_t payload_type;
    bool marker;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    struct ph_slice payload; /* without padding; may be empty: then the packet only filled the line */
    bool has_transport_sequence;
    uint16_t transport_sequence;
    struct ph_slice mid, rid, repaired_rid; /* empty when not carried */
};

/* Tells an RTCP packet from an RTP packet that share a port (RFC 5761 section 4). */
bool ph_rtp_wire_is_rtcp(struct ph_slice packet);
/* Parses a packet into views of it. false when it is malformed. */
bool ph_rtp_wire_parse(
    struct ph_slice bytes, const struct ph_extension_ids *extensions, struct ph_rtp_wire *packet);
/* Writes a header without extension, padding or CSRC. */
void ph_rtp_wire_header_write(uint8_t target[PH_RTP_HEADER_BYTES], const struct ph_rtp_wire *packet);

#endif
