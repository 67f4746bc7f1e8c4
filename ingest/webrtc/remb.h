/* The bitrate we allow a publisher that takes no transport-wide feedback: follows loss
 * (draft-ietf-rmcat-gcc-02 section 6). Pure; embedded. */
#ifndef PH_INGEST_WEBRTC_REMB_H
#define PH_INGEST_WEBRTC_REMB_H

#include <stdint.h>

struct ph_remb {
    uint64_t ceiling_bps; /* 0: none is sent */
    uint64_t allowed_bps;
};

void ph_remb_init(struct ph_remb *remb, uint64_t ceiling_bps);
/* Takes the loss of the last interval, about a second, in 1/256, and what was received in it. */
void ph_remb_update(struct ph_remb *remb, uint8_t fraction_lost, uint64_t received_bps);

#endif
