/* RTP packets and RTCP sender reports (RFC 3550) as ingest forwards them, one in a unit. Pure. */
#ifndef PH_TRANSCODE_RTP_PACKET_H
#define PH_TRANSCODE_RTP_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

struct ph_rtp_packet {
    bool marker;
    uint8_t payload_type;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    struct ph_slice payload; /* without padding; borrowed */
};

/* What a sender report says of the sender's clock. */
struct ph_rtp_report {
    uint32_t ssrc;
    uint32_t timestamp; /* the stream's RTP timestamp … */
    int64_t ntp_us;     /* … at this moment of the sender's wall-clock */
};

/* RFC 5761 section 4: whether a unit is RTCP. */
bool ph_rtp_is_rtcp(struct ph_slice unit);
/* RFC 3550 section 5.1. 0 or PH_INVALID_DATA. */
int ph_rtp_packet_parse(struct ph_slice unit, struct ph_rtp_packet *packet) PH_NODISCARD;
/* The sender report at the front of a compound packet (RFC 3550 section 6.4.1). 0; -ENOENT when it begins
 * with something else; PH_INVALID_DATA. */
int ph_rtp_report_parse(struct ph_slice unit, struct ph_rtp_report *report) PH_NODISCARD;

#endif
