/* The round trip, smoothed as TCP does (RFC 6298 section 2). Pure; embedded. */
#ifndef PH_INGEST_WEBRTC_RTT_H
#define PH_INGEST_WEBRTC_RTT_H

#include <stdint.h>

struct ph_rtt {
    int64_t smoothed_us; /* 0: not known */
    int64_t variation_us;
};

/* Takes a measurement; those below zero or above ten seconds are left out. */
void ph_rtt_take(struct ph_rtt *rtt, int64_t measured_us);
/* What to wait before an answer is overdue. */
int64_t ph_rtt_patience_us(const struct ph_rtt *rtt);

#endif
