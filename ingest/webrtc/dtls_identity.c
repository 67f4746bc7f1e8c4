#include "ingest/webrtc/dtls_identity.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/base/random.h"

struct ph_dtls_identity {
    SSL_CTX *context;
    uint8_t fingerprint[PH_DTLS_FINGERPRINT_BYTES];
};

enum { certificate_days = 3650 };

/* What is preferred comes first. AES-128 in GCM is the cheapest where the processor helps. */
static const char srtp_profiles[] = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

/* The name says nothing: it goes over the wire in clear. */
static int fill_certificate(X509 *certificate, EVP_PKEY *key) {
    static const char name[] = "porthole";
    uint64_t serial;
    ph_random_bytes(&serial, sizeof(serial));
    X509_NAME *subject = X509_get_subject_name(certificate);
    bool filled =
        X509_set_version(certificate, 2) &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -24 * 3600L) &&
        X509_time_adj_ex(X509_getm_notAfter(certificate), certificate_days, 0, NULL) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) &&
        X509_set_issuer_name(certificate, subject) && X509_set_pubkey(certificate, key) &&
        X509_sign(certificate, key, EVP_sha256());
    return filled ? 0 : -EIO;
}

static int use_certificate(struct ph_dtls_identity *identity, X509 *certificate, EVP_PKEY *key) {
    unsigned size = sizeof(identity->fingerprint);
    int code = fill_certificate(certificate, key);
    if (code)
        return code;
    bool used = X509_digest(certificate, EVP_sha256(), identity->fingerprint, &size) &&
                SSL_CTX_use_certificate(identity->context, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(identity->context, key) == 1;
    return used ? 0 : -EIO;
}

static int make_certificate(struct ph_dtls_identity *identity) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    int code = key && certificate ? use_certificate(identity, certificate, key) : -ENOMEM;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return code;
}

/* DTLS 1.2, and 1.3 where OpenSSL has it. */
static int make_context(struct ph_dtls_identity *identity, int (*verify)(X509_STORE_CTX *, void *)) {
    SSL_CTX *context = identity->context = SSL_CTX_new(DTLS_method());
    if (!context)
        return -ENOMEM;
    SSL_CTX_set_options(
        context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify, NULL);
    /* SSL_CTX_set_tlsext_use_srtp() alone returns 0 for good. */
    bool set = SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
               SSL_CTX_set_cipher_list(context, ciphers) == 1 &&
               SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 &&
               SSL_CTX_set_tlsext_use_srtp(context, srtp_profiles) == 0;
    return set ? 0 : -EIO;
}

int ph_dtls_identity_create(struct ph_dtls_identity **out, int (*verify)(X509_STORE_CTX *, void *)) {
    *out = NULL;
    struct ph_dtls_identity *identity = calloc(1, sizeof(*identity));
    if (!identity)
        return -ENOMEM;
    int code = make_context(identity, verify);
    if (!code)
        code = make_certificate(identity);
    if (code) {
        ph_dtls_identity_destroy(identity);
        return code;
    }
    *out = identity;
    return 0;
}

void ph_dtls_identity_destroy(struct ph_dtls_identity *identity) {
    if (!identity)
        return;
    SSL_CTX_free(identity->context);
    free(identity);
}

const uint8_t *ph_dtls_identity_fingerprint(const struct ph_dtls_identity *identity) {
    return identity->fingerprint;
}

SSL_CTX *ph_dtls_identity_context(struct ph_dtls_identity *identity) {
    return identity->context;
}
