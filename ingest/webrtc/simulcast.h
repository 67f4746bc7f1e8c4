/* Which of several sent encodings is the best one (RFC 8853). Pure. */
#ifndef PH_INGEST_WEBRTC_SIMULCAST_H
#define PH_INGEST_WEBRTC_SIMULCAST_H

#include "ingest/webrtc/negotiation.h"
#include "ingest/webrtc/sdp_section.h"

/* Writes the chosen restriction identifier, or "" when the m-line offers no simulcast of the payload type
 * that was chosen. An offer does not have to say which one is largest: by restrictions where there are some,
 * else by the names in use for it (f, full, h, high …), else the first, which is the sender's preference (RFC
 * 8853 section 5.2). */
void ph_simulcast_choose(
    const struct ph_sdp_section *section, int payload_type, char rid[PH_SDP_MOST_TOKEN + 1]);

#endif
