#include "ingest/webrtc/remb.h"

enum { least_bps = 150000, much_lost = 26, little_lost = 5 }; /* 10 % and 2 % of 256 */

void ph_remb_init(struct ph_remb *remb, uint64_t ceiling_bps) {
    *remb = (struct ph_remb){.ceiling_bps = ceiling_bps, .allowed_bps = ceiling_bps};
}

static uint64_t clamped(const struct ph_remb *remb, uint64_t bps) {
    if (bps < least_bps)
        bps = least_bps;
    return bps < remb->ceiling_bps ? bps : remb->ceiling_bps;
}

void ph_remb_update(struct ph_remb *remb, uint8_t fraction_lost, uint64_t received_bps) {
    if (fraction_lost > much_lost) {
        uint64_t base = received_bps && received_bps < remb->allowed_bps ? received_bps : remb->allowed_bps;
        remb->allowed_bps = clamped(remb, base - base * fraction_lost / 512);
    } else if (fraction_lost < little_lost) {
        remb->allowed_bps = clamped(remb, remb->allowed_bps + remb->allowed_bps * 8 / 100);
    }
}
