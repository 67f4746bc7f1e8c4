/* This node's end of every DTLS association: a certificate made at start (ECDSA P-256, self-signed: peers
 * know it by the fingerprint in the answer) and OpenSSL's context. Thread-safe once made. */
#ifndef PH_INGEST_WEBRTC_DTLS_IDENTITY_H
#define PH_INGEST_WEBRTC_DTLS_IDENTITY_H

#include <stdint.h>

#include <openssl/ssl.h>

#include "core/base/error.h"

enum { PH_DTLS_FINGERPRINT_BYTES = 32 };

struct ph_dtls_identity;

/* 0; -ENOMEM, or -EIO when OpenSSL cannot make a key. `verify` is asked about a peer's certificate, as by
 * SSL_CTX_set_cert_verify_callback(). */
int ph_dtls_identity_create(
    struct ph_dtls_identity **identity, int (*verify)(X509_STORE_CTX *, void *)) PH_NODISCARD;
/* After every association. NULL is fine. */
void ph_dtls_identity_destroy(struct ph_dtls_identity *identity);

/* SHA-256 of the certificate. */
const uint8_t *ph_dtls_identity_fingerprint(const struct ph_dtls_identity *identity);
SSL_CTX *ph_dtls_identity_context(struct ph_dtls_identity *identity);

#endif
