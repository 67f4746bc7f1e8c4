#include "transcode/worker_greeting.h"

#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/random.h"

static const int64_t proof_us = 2 * PH_SECOND_US;
static const int64_t parting_us = PH_SECOND_US;

/* A few hundred bytes at most: a fresh socket takes them at once, or is not worth waiting for. Takes the
 * builder's bytes. */
static int send_all(int fd, struct ph_builder *builder) {
    ssize_t sent = -1;
    int code = ph_builder_ok(builder) ? 0 : -ENOMEM;
    if (!code)
        sent = send(fd, builder->data, builder->size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!code && sent < 0)
        code = -errno;
    if (!code && (size_t)sent != builder->size)
        code = -EPIPE;
    ph_builder_discard(builder);
    return code;
}

int ph_worker_greeting_begin(struct ph_worker_greeting *greeting, int fd, bool is_unix, int64_t now_us) {
    *greeting = (struct ph_worker_greeting){
        .fd = fd, .authenticated = is_unix, .since_us = now_us, .deadline_us = now_us + proof_us};
    if (is_unix)
        return 0;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    ph_random_bytes(greeting->challenge, sizeof(greeting->challenge));
    struct ph_builder builder = {0};
    ph_link_frame_write(&builder, PH_LINK_CHALLENGE, greeting->challenge, sizeof(greeting->challenge));
    int code = send_all(fd, &builder);
    if (code)
        ph_worker_greeting_close(greeting);
    return code;
}

static int check_proof(struct ph_worker_greeting *greeting, struct ph_slice secret) {
    struct ph_link_frame frame;
    size_t consumed;
    int code = ph_link_frame_parse((struct ph_slice){greeting->auth, greeting->auth_size}, &frame, &consumed);
    if (code || frame.type != PH_LINK_AUTH || frame.payload.size != PH_LINK_NONCE_BYTES + 32)
        return PH_INVALID_DATA;
    const uint8_t *nonce = frame.payload.data, *proof = nonce + PH_LINK_NONCE_BYTES;
    uint8_t digest[32];
    ph_link_auth_digest(secret, "ingest", greeting->challenge, nonce, digest);
    if (CRYPTO_memcmp(digest, proof, sizeof(digest)) != 0)
        return -EACCES;
    ph_link_auth_digest(secret, "worker", nonce, greeting->challenge, digest);
    struct ph_builder builder = {0};
    ph_link_frame_write(&builder, PH_LINK_AUTH_OK, digest, sizeof(digest));
    code = send_all(greeting->fd, &builder);
    greeting->authenticated = !code;
    return code;
}

int ph_worker_greeting_read(struct ph_worker_greeting *greeting, struct ph_slice secret) {
    ssize_t size = recv(greeting->fd, greeting->auth + greeting->auth_size,
        sizeof(greeting->auth) - greeting->auth_size, MSG_DONTWAIT);
    if (size == 0)
        return PH_EOF;
    if (size < 0)
        return errno == EAGAIN || errno == EINTR ? -EAGAIN : -errno;
    greeting->auth_size += (size_t)size;
    return greeting->auth_size < sizeof(greeting->auth) ? -EAGAIN : check_proof(greeting, secret);
}

void ph_worker_greeting_refuse(
    struct ph_worker_greeting *greeting, const char *code, const char *text, int64_t now_us) {
    struct ph_link_reason reason = {{0}, {0}};
    strncpy(reason.code, code, sizeof(reason.code) - 1);
    strncpy(reason.text, text, sizeof(reason.text) - 1);
    struct ph_builder builder = {0};
    int failed = ph_link_reason_write(&builder, PH_LINK_REFUSE, &reason);
    if (failed)
        ph_builder_discard(&builder);
    else
        failed = send_all(greeting->fd, &builder);
    greeting->refused = true;
    greeting->deadline_us = now_us + parting_us;
    if (failed || shutdown(greeting->fd, SHUT_WR))
        ph_worker_greeting_close(greeting);
}

void ph_worker_greeting_part(struct ph_worker_greeting *greeting) {
    char unread[4096];
    ssize_t size = recv(greeting->fd, unread, sizeof(unread), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
        ph_worker_greeting_close(greeting);
}

void ph_worker_greeting_close(struct ph_worker_greeting *greeting) {
    if (greeting->fd >= 0)
        close(greeting->fd);
    greeting->fd = -1;
}
