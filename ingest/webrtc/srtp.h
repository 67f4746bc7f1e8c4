/* SRTP and SRTCP (RFC 3711, 7714) for one publisher: opens what it sends, seals what it is told. Owned by one
 * thread. Replays, forgeries and packets older than the window are told apart from good ones by an error. */
#ifndef PH_INGEST_WEBRTC_SRTP_H
#define PH_INGEST_WEBRTC_SRTP_H

#include <stddef.h>
#include <stdint.h>

#include "ingest/webrtc/dtls.h"

enum {
    PH_SRTP_MOST_STREAMS = 64,   /* SSRCs of one publisher over its life */
    PH_SRTP_MOST_SEAL_BYTES = 40 /* what sealing adds */
};

struct ph_srtp;

/* 0, -ENOMEM, or -EIO when libsrtp cannot do the profile. The keys are not kept. */
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
