#include "transcode/worker_greeting.h"

#include <stdio.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/random.h"

static const int64_t proof_us = 2 * PH_SECOND_US;
static const int64_t hello_us = 2 * PH_SECOND_US;
/* For a process to be warm. */
static const int64_t spare_us = 3 * PH_SECOND_US;
static const int64_t parting_us = PH_SECOND_US;

static void enter(
    struct ph_worker_greeting *greeting, enum ph_greeting_phase phase, int64_t now_us, int64_t patience_us) {
    greeting->phase = phase;
    greeting->since_us = now_us;
    greeting->deadline_us = now_us + patience_us;
}

/* A few hundred bytes at most: a fresh socket takes them at once, or is not worth waiting for. Discards the
 * builder. */
static int send_all(int fd, struct ph_builder *builder) {
    int code = ph_builder_ok(builder) ? 0 : -ENOMEM;
    if (!code) {
        ssize_t sent = send(fd, builder->data, builder->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        code = sent < 0 ? -errno : (size_t)sent < builder->size ? -EPIPE : 0;
    }
    ph_builder_discard(builder);
    return code;
}

static void tune_tcp(int fd) {
    const int on = 1;
    const unsigned dead_peer_ms = 5000;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_peer_ms, sizeof(dead_peer_ms));
}

int ph_worker_greeting_begin(struct ph_worker_greeting *greeting, int fd, bool is_unix, int64_t now_us) {
    *greeting = (struct ph_worker_greeting){.fd = fd};
    if (is_unix) {
        enter(greeting, PH_GREETING_EXPECTING, now_us, hello_us);
        return 0;
    }
    tune_tcp(fd);
    enter(greeting, PH_GREETING_PROVING, now_us, proof_us);
    ph_random_bytes(greeting->challenge, sizeof(greeting->challenge));
    struct ph_builder builder = {0};
    ph_link_frame_write(&builder, PH_LINK_CHALLENGE, greeting->challenge, sizeof(greeting->challenge));
    int code = send_all(fd, &builder);
    if (code)
        ph_worker_greeting_close(greeting);
    return code;
}

static int answer_proof(struct ph_worker_greeting *greeting, struct ph_slice secret, int64_t now_us) {
    struct ph_link_frame frame;
    size_t consumed;
    struct ph_slice input = {greeting->proof, greeting->proof_bytes};
    int code = ph_link_frame_parse(input, &frame, &consumed);
    if (code || frame.type != PH_LINK_AUTH || frame.payload.size != PH_LINK_NONCE_BYTES + 32)
        return PH_INVALID_DATA;
    const uint8_t *nonce = frame.payload.data;
    uint8_t digest[32];
    ph_link_auth_digest(secret, "ingest", greeting->challenge, nonce, digest);
    if (CRYPTO_memcmp(digest, nonce + PH_LINK_NONCE_BYTES, sizeof(digest)) != 0)
        return -EACCES;
    ph_link_auth_digest(secret, "worker", nonce, greeting->challenge, digest);
    struct ph_builder builder = {0};
    ph_link_frame_write(&builder, PH_LINK_AUTH_OK, digest, sizeof(digest));
    code = send_all(greeting->fd, &builder);
    if (!code)
        enter(greeting, PH_GREETING_EXPECTING, now_us, hello_us);
    return code;
}

static int read_proof(struct ph_worker_greeting *greeting, struct ph_slice secret, int64_t now_us) {
    ssize_t size = recv(greeting->fd, greeting->proof + greeting->proof_bytes,
        sizeof(greeting->proof) - greeting->proof_bytes, MSG_DONTWAIT);
    if (size == 0)
        return PH_EOF;
    if (size < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    greeting->proof_bytes += (size_t)size;
    return greeting->proof_bytes < sizeof(greeting->proof) ? 0 : answer_proof(greeting, secret, now_us);
}

/* Looks at the first byte and leaves it; after a refusal, throws away what comes. */
static int read_on(struct ph_worker_greeting *greeting, int64_t now_us) {
    uint8_t bytes[4096];
    bool expecting = greeting->phase == PH_GREETING_EXPECTING;
    ssize_t size =
        recv(greeting->fd, bytes, expecting ? 1 : sizeof(bytes), MSG_DONTWAIT | (expecting ? MSG_PEEK : 0));
    if (size == 0)
        return PH_EOF;
    if (size < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (expecting)
        enter(greeting, PH_GREETING_WAITING, now_us, spare_us);
    return 0;
}

int ph_worker_greeting_read(struct ph_worker_greeting *greeting, struct ph_slice secret, int64_t now_us) {
    if (greeting->phase == PH_GREETING_PROVING)
        return read_proof(greeting, secret, now_us);
    return greeting->phase == PH_GREETING_WAITING ? 0 : read_on(greeting, now_us);
}

void ph_worker_greeting_refuse(
    struct ph_worker_greeting *greeting, const char *code, const char *text, int64_t now_us) {
    struct ph_link_reason reason = {{0}, {0}};
    snprintf(reason.code, sizeof(reason.code), "%s", code);
    snprintf(reason.text, sizeof(reason.text), "%s", text);
    struct ph_builder builder = {0};
    int failed = ph_link_reason_write(&builder, PH_LINK_REFUSE, &reason);
    if (failed)
        ph_builder_discard(&builder);
    else
        failed = send_all(greeting->fd, &builder);
    enter(greeting, PH_GREETING_PARTING, now_us, parting_us);
    if (failed || shutdown(greeting->fd, SHUT_WR))
        ph_worker_greeting_close(greeting);
}

void ph_worker_greeting_close(struct ph_worker_greeting *greeting) {
    if (greeting->fd >= 0)
        close(greeting->fd);
    greeting->fd = -1;
}
