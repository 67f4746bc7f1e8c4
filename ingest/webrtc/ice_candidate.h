/* An ICE candidate as SDP writes it (RFC 8839 section 5.1, RFC 6544 section 4.5 for TCP). Pure; a plain
 * value. */
#ifndef PH_INGEST_WEBRTC_ICE_CANDIDATE_H
#define PH_INGEST_WEBRTC_ICE_CANDIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"

enum {
    PH_ICE_LEAST_UFRAG = 4,
    PH_ICE_LEAST_PWD = 22,
    PH_ICE_MOST_TEXT = 256, /* characters of a ufrag or a password */
    PH_ICE_MOST_FOUNDATION = 32,
    PH_ICE_MOST_ADDRESS = 63, /* an IPv6 text, or "<uuid>.local" */
    PH_ICE_MOST_CANDIDATES = 32
};

enum ph_ice_transport { PH_ICE_UDP, PH_ICE_TCP_PASSIVE, PH_ICE_TCP_ACTIVE, PH_ICE_TCP_SO };

enum ph_ice_type { PH_ICE_HOST, PH_ICE_SERVER_REFLEXIVE, PH_ICE_PEER_REFLEXIVE, PH_ICE_RELAYED };

struct ph_ice_candidate {
    char foundation[PH_ICE_MOST_FOUNDATION + 1];
    char address[PH_ICE_MOST_ADDRESS + 1]; /* numeric without brackets, or a name that ends in ".local" */
    uint32_t priority;
    uint16_t component; /* 1: RTP, and RTCP beside it */
    uint16_t port;
    enum ph_ice_transport transport;
    enum ph_ice_type type;
};

/* Parses the value of a=candidate, what follows the colon. false when it is malformed, or of a transport or
 * type that is not listed above: such a line is ignored (RFC 8839 section 5.1). */
bool ph_ice_candidate_parse(struct ph_slice value, struct ph_ice_candidate *candidate);
/* Writes "a=candidate:…" and the line's end. */
void ph_ice_candidate_write(struct ph_builder *builder, const struct ph_ice_candidate *candidate);

#endif
