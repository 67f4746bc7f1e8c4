/* SRTP and SRTCP (RFC 3711, 7714) for one publisher: opens what it sends, seals what it is told. Owned by one
 * thread. Replays, forgeries and packets older than the window are told apart from good ones by an error.
 *
 * How often a stream's 16-bit numbers came round is counted on both sides and sent by none (RFC 3711 section
 * 3.3.1); who misses enough of it counts wrong, and nothing opens any more. Two such packets are tried once
 * more as those of the next round:
 *   - low numbers of a stream of which nothing opened so far: all of its first round was lost. Browsers begin
 *     in the lower half of a round for that reason; not every publisher does;
 *   - packets of a stream of which many in a row did not open: more than half a round was lost.
 * A forgery fails both times, and changes nothing. It costs twice as much, PH_SRTP_MOST_RETRIES times; each
 * packet that opens allows one more. */
#ifndef PH_INGEST_WEBRTC_SRTP_H
#define PH_INGEST_WEBRTC_SRTP_H

#include <stddef.h>
#include <stdint.h>

#include "ingest/webrtc/dtls.h"

enum {
    PH_SRTP_MOST_STREAMS = 64,    /* SSRCs of one publisher over its life */
    PH_SRTP_MOST_SEAL_BYTES = 40, /* what sealing adds */
    PH_SRTP_MOST_RETRIES = 32,
    PH_SRTP_LOST_AFTER = 16, /* packets of a stream that do not open, one after the other */
};

struct ph_srtp;

/* 0, -ENOMEM, or -EIO when libsrtp cannot do the profile. The keys are copied. */
int ph_srtp_create(struct ph_srtp **srtp, const struct ph_srtp_keys *keys) PH_NODISCARD;
/* NULL is fine. */
void ph_srtp_destroy(struct ph_srtp *srtp);

/* In place. 0 and the smaller size; -EALREADY for a replay, -EBADMSG for a forgery or what is no such packet,
 * -EDQUOT for one SSRC too many. */
int ph_srtp_open(struct ph_srtp *srtp, uint8_t *packet, size_t *size) PH_NODISCARD;
int ph_srtp_open_rtcp(struct ph_srtp *srtp, uint8_t *packet, size_t *size) PH_NODISCARD;
/* In place; `packet` has room for PH_SRTP_MOST_SEAL_BYTES more and is aligned to 4. 0 or -EIO. */
int ph_srtp_seal_rtcp(struct ph_srtp *srtp, uint8_t *packet, size_t *size) PH_NODISCARD;

#endif
