/* Runs in libsrt's receiving thread, inside a caller's handshake: everybody else on the port waits meanwhile.
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include <srt/access_control.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "ingest/srt_internal.h"
#include "ingest/streamid.h"

static const int64_t handshake_us = 3 * PH_SECOND_US;
/* Lines about rejected callers: this many at once, and this many a second. */
static const double log_burst = 20, log_rate = 2;

static const struct {
    int code;
    const char *reason;
} rejections[] = {
    [PH_PUBLISHER_OK] = {0, ""},
    [PH_PUBLISHER_UNAUTHORIZED] = {SRT_REJX_UNAUTHORIZED, "the stream key is not known"},
    [PH_PUBLISHER_ENDED] = {SRT_REJX_FORBIDDEN, "the session is over"},
    [PH_PUBLISHER_BUSY] = {SRT_REJX_CONFLICT, "another publisher is on the session"},
    [PH_PUBLISHER_FULL] = {SRT_REJX_OVERLOAD, "no worker has room for another session"},
    [PH_PUBLISHER_UNAVAILABLE] = {SRT_REJX_DOWN,
        "the sessions' store does not answer, or the node shuts down"},
};

static void peer_text(const struct sockaddr *peer, char text[PH_PEER_BYTES]) {
    char host[48] = "?", port[8] = "?";
    socklen_t size = peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (getnameinfo(peer, size, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(text, PH_PEER_BYTES, peer->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    else
        snprintf(text, PH_PEER_BYTES, "?");
}

/* Whether one more line may be written; how many were not since the last. */
static bool take_log_token(struct ph_srt_listener *listener, uint64_t *suppressed) {
    int64_t now_us = ph_now_us();
    pthread_mutex_lock(&listener->lock);
    double earned = (double)(now_us - listener->log_tokens_us) / 1e6 * log_rate;
    listener->log_tokens_us = now_us;
    listener->log_tokens =
        listener->log_tokens + earned < log_burst ? listener->log_tokens + earned : log_burst;
    bool allowed = listener->log_tokens >= 1;
    *suppressed = listener->logs_suppressed;
    if (allowed) {
        listener->log_tokens -= 1;
        listener->logs_suppressed = 0;
    } else {
        listener->logs_suppressed++;
    }
    pthread_mutex_unlock(&listener->lock);
    return allowed;
}

void ph_srt_log_rejected(
    struct ph_srt_listener *listener, const char *session, const char *peer, const char *reason, int code) {
    char code_text[16];
    snprintf(code_text, sizeof(code_text), "%d", code);
    ph_metric_add(ph_metrics_counter(listener->metrics, "porthole_ingest_rejected_total",
                      "Publishers rejected", PH_LABELS({"protocol", "srt"}, {"code", code_text})),
        1);
    uint64_t suppressed;
    if (!take_log_token(listener, &suppressed))
        return;
    ph_log_warning("publisher rejected", ph_str("protocol", "srt"),
        ph_str("session", *session ? session : NULL), ph_str("peer", peer), ph_str("reason", reason),
        ph_int("code", code), ph_int("lines_suppressed", (int64_t)suppressed));
}

static int reject(struct ph_srt_listener *listener, SRTSOCKET socket, const char *session, const char *peer,
    const char *reason, int code) {
    srt_setrejectreason(socket, code);
    ph_srt_log_rejected(listener, session, peer, reason, code);
    return -1;
}

static bool keep_pending(struct ph_srt_listener *listener, const struct ph_srt_pending *pending) {
    struct ph_srt_pending *place = NULL;
    pthread_mutex_lock(&listener->lock);
    for (int i = 0; i < PH_SRT_MOST_PENDING && !place; i++) {
        if (!listener->pending[i].socket)
            place = &listener->pending[i];
    }
    if (place)
        *place = *pending;
    pthread_mutex_unlock(&listener->lock);
    return place != NULL;
}

/* The key length follows the peer's. */
static bool require_passphrase(SRTSOCKET socket, const char *passphrase) {
    const int on = 1;
    return !*passphrase ||
           (srt_setsockflag(socket, SRTO_PASSPHRASE, passphrase, (int)strlen(passphrase)) == 0 &&
               srt_setsockflag(socket, SRTO_ENFORCEDENCRYPTION, &on, sizeof(on)) == 0);
}

int ph_srt_admit(
    void *opaque, SRTSOCKET socket, int version, const struct sockaddr *peer, const char *streamid) {
    struct ph_srt_listener *listener = opaque;
    struct ph_srt_pending pending = {.socket = socket, .since_us = ph_now_us()};
    peer_text(peer, pending.peer);
    if (version != 5)
        return reject(listener, socket, "", pending.peer, "SRT older than 1.3", SRT_REJX_VERSION);
    char key[PH_STREAM_KEY_MOST_CHARACTERS + 1];
    int code = ph_streamid_parse(streamid ? streamid : "", key);
    if (code)
        return reject(listener, socket, "", pending.peer, "the streamid names no key to publish with", code);
    enum ph_publisher_verdict verdict = ph_publisher_admit(listener->relays, key, &pending.admission);
    const char *session = pending.admission.session;
    if (verdict != PH_PUBLISHER_OK)
        return reject(
            listener, socket, session, pending.peer, rejections[verdict].reason, rejections[verdict].code);
    if (!require_passphrase(socket, pending.admission.passphrase))
        return reject(
            listener, socket, session, pending.peer, "the session's passphrase cannot be used", SRT_REJX_ISE);
    if (!keep_pending(listener, &pending))
        return reject(
            listener, socket, session, pending.peer, "too many handshakes at once", SRT_REJX_OVERLOAD);
    return 0;
}

bool ph_srt_take_pending(struct ph_srt_listener *listener, SRTSOCKET socket, struct ph_srt_pending *pending) {
    bool found = false;
    pthread_mutex_lock(&listener->lock);
    for (int i = 0; i < PH_SRT_MOST_PENDING && !found; i++) {
        found = listener->pending[i].socket == socket;
        if (found) {
            *pending = listener->pending[i];
            listener->pending[i] = (struct ph_srt_pending){0};
        }
    }
    pthread_mutex_unlock(&listener->lock);
    return found;
}

static bool take_expired(struct ph_srt_listener *listener, int64_t now_us, struct ph_srt_pending *expired) {
    bool found = false;
    pthread_mutex_lock(&listener->lock);
    for (int i = 0; i < PH_SRT_MOST_PENDING && !found; i++) {
        struct ph_srt_pending *pending = &listener->pending[i];
        found = pending->socket && now_us - pending->since_us > handshake_us;
        if (found) {
            *expired = *pending;
            *pending = (struct ph_srt_pending){0};
        }
    }
    pthread_mutex_unlock(&listener->lock);
    return found;
}

void ph_srt_expire_pending(struct ph_srt_listener *listener, int64_t now_us) {
    struct ph_srt_pending expired;
    while (take_expired(listener, now_us, &expired))
        ph_srt_log_rejected(listener, expired.admission.session, expired.peer,
            *expired.admission.passphrase ? "the passphrase is wrong or missing"
                                          : "the handshake did not end",
            SRT_REJ_BADSECRET);
}
