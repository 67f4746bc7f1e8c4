/* Redundant audio (RFC 2198): the primary coding, and earlier ones beside it. Pure. */
#ifndef PH_INGEST_WEBRTC_RTP_RED_H
#define PH_INGEST_WEBRTC_RTP_RED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum { PH_RED_MOST_BLOCKS = 9 };

struct ph_red_block {
    uint8_t payload_type;
    uint32_t timestamp_offset; /* before the packet's; 0 for the primary */
    struct ph_slice payload;
};

struct ph_red {
    struct ph_red_block blocks[PH_RED_MOST_BLOCKS]; /* the oldest first, the primary last */
    size_t count;
};

/* Parses a payload into views of it. false when it is malformed or has too many blocks. */
bool ph_red_parse(struct ph_slice payload, struct ph_red *red);

#endif
