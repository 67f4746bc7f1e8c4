/* Puts a video stream's frames together from its packets, which come in order; a hole in their numbers is a
 * loss. A frame ends with its marker, at once; a frame that lacks anything is left out.
 *
 *   ph_rtp_assembler_take() ── PH_RTP_FRAME ──▶ `frame` is whole; valid until the next call
 *                           ── PH_RTP_LOSS  ──▶ something is missing: what refers back to it cannot be shown
 *
 * Pure; what comes out follows from the packets alone. */
#ifndef PH_TRANSCODE_RTP_ASSEMBLER_H
#define PH_TRANSCODE_RTP_ASSEMBLER_H

#include "transcode/rtp_format.h"
#include "transcode/rtp_packet.h"

/* Embedded; set `format`, the rest zero. ph_rtp_assembler_finish() ends it. */
struct ph_rtp_assembler {
    const struct ph_rtp_format *format;
    struct ph_rtp_frame frame;
    uint32_t timestamp;       /* of the frame */
    uint64_t first_unit;      /* the unit in which it begins */
    int64_t first_arrival_us; /* when that came */
    bool is_open;             /* a frame has begun and not ended */
    bool is_broken;           /* it lacks something */
    bool is_given;            /* it was given out: the next call forgets it */
    bool is_after_loss;       /* packets may be missing before the next frame's first */
    bool has_sequence;
    uint16_t next_sequence;
};

enum ph_rtp_outcome { PH_RTP_NOTHING, PH_RTP_FRAME, PH_RTP_LOSS };

/* Takes a packet that came in this unit. `again` says that the packet was not taken: it is to be given once
 * more. 0 or -ENOMEM. */
int ph_rtp_assembler_take(struct ph_rtp_assembler *assembler, const struct ph_rtp_packet *packet,
    uint64_t unit, int64_t arrival_us, enum ph_rtp_outcome *outcome, bool *again) PH_NODISCARD;
void ph_rtp_assembler_finish(struct ph_rtp_assembler *assembler);

#endif
