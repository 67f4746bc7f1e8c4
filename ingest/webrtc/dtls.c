#include "ingest/webrtc/dtls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/srtp.h>

#include "core/base/clock.h"

enum {
    /* ffmpeg's WHIP muxer, a server of DTLS, throws away what comes while it still reads answers to its
     * check: often our first flight. It answers in steps of 50 ms, and what comes again after its last
     * flight it sends back as data and stops: so our second flight waits the second of RFC 6347. */
    first_flight_timeout_us = 50000,
    second_flight_timeout_us = 1000000,
    server_timeout_us = 250000,
    longest_timeout_us = 2000000,
    datagram_overhead_bytes = 48, /* IPv6 and UDP */
    record_header_bytes = 13,
    exported_bytes = 2 * (PH_SRTP_MOST_KEY_BYTES + PH_SRTP_MOST_SALT_BYTES),
};

struct ph_dtls {
    SSL *ssl;
    bool client;
    bool is_answered; /* something came */
    enum ph_dtls_state state;
    const char *failure;
    bool wrong_fingerprint;
    struct ph_fingerprint peers[PH_SDP_MOST_FINGERPRINTS];
    size_t peer_count;
    void (*send)(void *opaque, struct ph_slice datagram);
    void *opaque;
    struct ph_slice incoming; /* the datagram being received; empty once OpenSSL took it */
};

static int bio_write(BIO *bio, const char *bytes, int size) {
    struct ph_dtls *dtls = BIO_get_data(bio);
    if (size > 0)
        dtls->send(dtls->opaque, (struct ph_slice){(const uint8_t *)bytes, (size_t)size});
    return size;
}

static int bio_read(BIO *bio, char *target, int size) {
    struct ph_dtls *dtls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!dtls->incoming.size) {
        BIO_set_retry_read(bio);
        return -1;
    }
    /* One datagram a read; what does not fit is lost, as with a socket. */
    size_t taken = dtls->incoming.size < (size_t)size ? dtls->incoming.size : (size_t)size;
    memcpy(target, dtls->incoming.data, taken);
    dtls->incoming = (struct ph_slice){0};
    return (int)taken;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return PH_DTLS_MOST_DATAGRAM_BYTES;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return datagram_overhead_bytes;
    default:
        return 0;
    }
}

static BIO_METHOD *datagram_method;
static pthread_once_t datagram_method_once = PTHREAD_ONCE_INIT;

static void make_datagram_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    if (method && BIO_meth_set_write(method, bio_write) && BIO_meth_set_read(method, bio_read) &&
        BIO_meth_set_ctrl(method, bio_control))
        datagram_method = method; /* for the life of the process */
    else
        BIO_meth_free(method);
}

static const EVP_MD *digest_of(enum ph_fingerprint_hash hash) {
    switch (hash) {
    case PH_FINGERPRINT_SHA384:
        return EVP_sha384();
    case PH_FINGERPRINT_SHA512:
        return EVP_sha512();
    default:
        return EVP_sha256();
    }
}

static bool matches(X509 *certificate, const struct ph_fingerprint *expected) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = sizeof(digest);
    return X509_digest(certificate, digest_of(expected->hash), digest, &size) && size == expected->size &&
           CRYPTO_memcmp(digest, expected->bytes, size) == 0;
}

int ph_dtls_verify(X509_STORE_CTX *store, void *opaque) {
    (void)opaque;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct ph_dtls *dtls = ssl ? SSL_get_app_data(ssl) : NULL;
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    for (size_t i = 0; dtls && certificate && i < dtls->peer_count; i++) {
        if (matches(certificate, &dtls->peers[i]))
            return 1;
    }
    if (dtls)
        dtls->wrong_fingerprint = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static unsigned next_timeout_us(SSL *ssl, unsigned before_us) {
    const struct ph_dtls *dtls = SSL_get_app_data(ssl);
    if (!before_us && !dtls->client)
        return server_timeout_us;
    if (!before_us)
        return dtls->is_answered ? second_flight_timeout_us : first_flight_timeout_us;
    return before_us >= longest_timeout_us / 2 ? longest_timeout_us : before_us * 2;
}

static int attach_ssl(struct ph_dtls *dtls, struct ph_dtls_identity *identity) {
    pthread_once(&datagram_method_once, make_datagram_method);
    dtls->ssl = SSL_new(ph_dtls_identity_context(identity));
    BIO *bio = datagram_method ? BIO_new(datagram_method) : NULL;
    if (!dtls->ssl || !bio) {
        BIO_free(bio);
        return -ENOMEM;
    }
    BIO_set_data(bio, dtls);
    BIO_set_init(bio, 1);
    SSL_set_bio(dtls->ssl, bio, bio);
    SSL_set_app_data(dtls->ssl, dtls);
    SSL_set_mtu(dtls->ssl, PH_DTLS_MOST_DATAGRAM_BYTES);
    DTLS_set_timer_cb(dtls->ssl, next_timeout_us);
    if (dtls->client)
        SSL_set_connect_state(dtls->ssl);
    else
        SSL_set_accept_state(dtls->ssl);
    return 0;
}

int ph_dtls_create(struct ph_dtls **out, const struct ph_dtls_options *options) {
    *out = NULL;
    struct ph_dtls *dtls = calloc(1, sizeof(*dtls));
    if (!dtls)
        return -ENOMEM;
    dtls->client = options->client;
    dtls->failure = "handshake";
    dtls->send = options->send;
    dtls->opaque = options->opaque;
    dtls->peer_count = options->peer_count;
    memcpy(dtls->peers, options->peers, options->peer_count * sizeof(dtls->peers[0]));
    int code = attach_ssl(dtls, options->identity);
    if (code) {
        ph_dtls_destroy(dtls);
        return code;
    }
    *out = dtls;
    return 0;
}

void ph_dtls_destroy(struct ph_dtls *dtls) {
    if (!dtls)
        return;
    SSL_free(dtls->ssl);
    free(dtls);
}

static void fail(struct ph_dtls *dtls) {
    dtls->state = PH_DTLS_FAILED;
    if (dtls->wrong_fingerprint)
        dtls->failure = "fingerprint";
}

static void handshake(struct ph_dtls *dtls) {
    ERR_clear_error();
    int result = SSL_do_handshake(dtls->ssl);
    if (result == 1) {
        dtls->state = PH_DTLS_CONNECTED;
        if (!SSL_get_selected_srtp_profile(dtls->ssl)) {
            dtls->state = PH_DTLS_FAILED;
            dtls->failure = "srtp";
        }
        return;
    }
    int error = SSL_get_error(dtls->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        fail(dtls);
}

/* Data over DTLS (a data channel's, which nobody negotiated) is thrown away; what counts is the goodbye. */
static void read_records(struct ph_dtls *dtls) {
    uint8_t ignored[2048];
    int size;
    do {
        ERR_clear_error();
        size = SSL_read(dtls->ssl, ignored, sizeof(ignored));
    } while (size > 0);
    int error = SSL_get_error(dtls->ssl, size);
    if (error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SSL)
        dtls->state = PH_DTLS_CLOSED;
}

/* The least that a cipher makes of an empty record: its tag, and GCM's part of the nonce. */
static size_t least_sealed_bytes(const struct ph_dtls *dtls) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(dtls->ssl);
    return cipher && SSL_CIPHER_get_cipher_nid(cipher) == NID_chacha20_poly1305 ? 16 : 24;
}

/* Whether a record claims to be sealed and is too short for it. OpenSSL takes one, which anybody can write,
 * for an error of its own, and hears nothing any more. Those of epoch 0 are in clear: a last flight that is
 * sent again has some. */
static bool has_stub(const struct ph_dtls *dtls, struct ph_slice datagram) {
    size_t least = least_sealed_bytes(dtls);
    while (datagram.size >= record_header_bytes) {
        bool is_sealed = datagram.data[3] || datagram.data[4];
        size_t size = (size_t)datagram.data[11] << 8 | datagram.data[12];
        if (is_sealed && size < least)
            return true;
        if (size > datagram.size - record_header_bytes)
            return false;
        datagram.data += record_header_bytes + size;
        datagram.size -= record_header_bytes + size;
    }
    return false;
}

void ph_dtls_receive(struct ph_dtls *dtls, struct ph_slice datagram) {
    if (dtls->state == PH_DTLS_CONNECTED && has_stub(dtls, datagram))
        return;
    dtls->incoming = datagram;
    dtls->is_answered = true;
    if (dtls->state == PH_DTLS_HANDSHAKING)
        handshake(dtls);
    if (dtls->state == PH_DTLS_CONNECTED)
        read_records(dtls);
    dtls->incoming = (struct ph_slice){0};
    ERR_clear_error();
}

int64_t ph_dtls_drive(struct ph_dtls *dtls, int64_t now_us) {
    struct timeval left;
    if (dtls->state == PH_DTLS_HANDSHAKING && dtls->client && SSL_in_before(dtls->ssl))
        handshake(dtls);
    if (dtls->state != PH_DTLS_HANDSHAKING || !DTLSv1_get_timeout(dtls->ssl, &left))
        return PH_NEVER_US;
    if (left.tv_sec || left.tv_usec)
        return now_us + left.tv_sec * PH_SECOND_US + left.tv_usec;
    if (DTLSv1_handle_timeout(dtls->ssl) < 0)
        fail(dtls);
    ERR_clear_error();
    return now_us + PH_MILLISECOND_US;
}

void ph_dtls_close(struct ph_dtls *dtls) {
    if (dtls->state != PH_DTLS_CONNECTED)
        return;
    dtls->state = PH_DTLS_CLOSED;
    SSL_shutdown(dtls->ssl);
    ERR_clear_error();
}

enum ph_dtls_state ph_dtls_state(const struct ph_dtls *dtls) {
    return dtls->state;
}

const char *ph_dtls_failure(const struct ph_dtls *dtls) {
    return dtls->failure;
}

const char *ph_dtls_version(const struct ph_dtls *dtls) {
    return SSL_get_version(dtls->ssl);
}

static size_t salt_bytes(enum ph_srtp_profile profile) {
    return profile == PH_SRTP_AES128_CM_SHA1_80 ? 14 : 12;
}

/* The export is: client's key, server's key, client's salt, server's salt (RFC 5764 section 4.2). */
int ph_dtls_srtp_keys(struct ph_dtls *dtls, struct ph_srtp_keys *keys) {
    static const char label[] = "EXTRACTOR-dtls_srtp";
    uint8_t exported[exported_bytes];
    const SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(dtls->ssl);
    if (!chosen || (chosen->id != SRTP_AES128_CM_SHA1_80 && chosen->id != SRTP_AEAD_AES_128_GCM &&
                       chosen->id != SRTP_AEAD_AES_256_GCM))
        return -EPROTO;
    *keys = (struct ph_srtp_keys){.profile = (enum ph_srtp_profile)chosen->id};
    size_t key = keys->profile == PH_SRTP_AEAD_AES_256_GCM ? 32 : 16;
    size_t salt = salt_bytes(keys->profile);
    keys->size = key + salt;
    if (SSL_export_keying_material(
            dtls->ssl, exported, 2 * keys->size, label, sizeof(label) - 1, NULL, 0, 0) != 1)
        return -EPROTO;
    uint8_t *client = dtls->client ? keys->ours : keys->theirs;
    uint8_t *server = dtls->client ? keys->theirs : keys->ours;
    memcpy(client, exported, key);
    memcpy(server, exported + key, key);
    memcpy(client + key, exported + 2 * key, salt);
    memcpy(server + key, exported + 2 * key + salt, salt);
    OPENSSL_cleanse(exported, sizeof(exported));
    return 0;
}
