/* One DTLS association (RFC 6347, 9147) for the keys of SRTP (RFC 5764). Owned and driven by one thread;
 * OpenSSL does the protocol over a BIO that keeps datagrams apart.
 *
 *   HANDSHAKING ─▶ CONNECTED ─▶ CLOSED      the peer said goodbye, or we did
 *        └───────▶ FAILED                   why: ph_dtls_failure()
 */
#ifndef PH_INGEST_WEBRTC_DTLS_H
#define PH_INGEST_WEBRTC_DTLS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/bytes.h"
#include "ingest/webrtc/dtls_identity.h"
#include "ingest/webrtc/negotiation.h"

enum ph_dtls_state { PH_DTLS_HANDSHAKING, PH_DTLS_CONNECTED, PH_DTLS_FAILED, PH_DTLS_CLOSED };

enum {
    PH_DTLS_MOST_DATAGRAM_BYTES = 1200,
    PH_SRTP_MOST_KEY_BYTES = 32,
    PH_SRTP_MOST_SALT_BYTES = 14,
};

/* Negotiated by use_srtp; numbers of RFC 5764 and 7714. */
enum ph_srtp_profile {
    PH_SRTP_AES128_CM_SHA1_80 = 1,
    PH_SRTP_AEAD_AES_128_GCM = 7,
    PH_SRTP_AEAD_AES_256_GCM = 8,
};
/* Key then salt, as libsrtp wants them. */
struct ph_srtp_keys {
    enum ph_srtp_profile profile;
    size_t size; /* of each */
    uint8_t ours[PH_SRTP_MOST_KEY_BYTES + PH_SRTP_MOST_SALT_BYTES];
    uint8_t theirs[PH_SRTP_MOST_KEY_BYTES + PH_SRTP_MOST_SALT_BYTES];
};

struct ph_dtls_options {
    struct ph_dtls_identity *identity;  /* borrowed for the association's life */
    bool client;                        /* we begin */
    const struct ph_fingerprint *peers; /* copied; one has to match the peer's certificate */
    size_t peer_count;                  /* 1 to PH_SDP_MOST_FINGERPRINTS */
    void (*send)(void *opaque, struct ph_slice datagram);
    void *opaque; /* for `send` */
};

struct ph_dtls;

/* What ph_dtls_identity_create() needs: certificates are judged by the association's fingerprints alone. */
int ph_dtls_verify(X509_STORE_CTX *store, void *opaque);

/* 0 or -ENOMEM. A client sends its first flight with the first ph_dtls_drive(). */
int ph_dtls_create(struct ph_dtls **dtls, const struct ph_dtls_options *options) PH_NODISCARD;
/* Sends nothing. NULL is fine. */
void ph_dtls_destroy(struct ph_dtls *dtls);

/* A datagram came, hostile for all we know. */
void ph_dtls_receive(struct ph_dtls *dtls, struct ph_slice datagram);
/* Begins, or sends again what got no answer. Returns when it wants to be called again, PH_NEVER_US when not.
 */
int64_t ph_dtls_drive(struct ph_dtls *dtls, int64_t now_us);
/* Tells the peer that it is over. */
void ph_dtls_close(struct ph_dtls *dtls);

enum ph_dtls_state ph_dtls_state(const struct ph_dtls *dtls);
/* Why it failed: one of "fingerprint", "srtp", "handshake"; static. */
const char *ph_dtls_failure(const struct ph_dtls *dtls);
/* "DTLSv1.2"; static. */
const char *ph_dtls_version(const struct ph_dtls *dtls);
/* Once connected. 0; -EPROTO when no profile of ours was negotiated. Wipe them after use. */
int ph_dtls_srtp_keys(struct ph_dtls *dtls, struct ph_srtp_keys *keys) PH_NODISCARD;

#endif
