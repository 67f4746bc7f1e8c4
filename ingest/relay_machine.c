/* The side of a relay that faces the worker: which frame does what in which state. All of it runs in the
 * relays' thread, without the lock; what is shared is touched in short sections. */
#include "ingest/relay.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/media/publish_token.h"
#include "ingest/relay_figures.h"

static const char *const state_names[] = {
    [PH_RELAY_WAITING] = "waiting",
    [PH_RELAY_CONNECTING] = "connecting",
    [PH_RELAY_AUTHENTICATING] = "authenticating",
    [PH_RELAY_PROVING] = "authenticating",
    [PH_RELAY_HELLO] = "hello",
    [PH_RELAY_REPLAYING] = "replaying",
    [PH_RELAY_STREAMING] = "streaming",
    [PH_RELAY_ENDING] = "ending",
    [PH_RELAY_FINISHED] = "finished",
    [PH_RELAY_FAILED] = "failed",
};

void ph_relay_enter(struct ph_relay *relay, enum ph_relay_state state, int64_t deadline_us) {
    relay->state = state;
    relay->deadline_us = deadline_us;
    pthread_mutex_lock(&relay->relays->lock);
    relay->state_name = state_names[state];
    if (state >= PH_RELAY_FINISHED) {
        relay->over = true;
        ph_relay_request(relay, PH_PUBLISHER_CLOSE);
    }
    pthread_mutex_unlock(&relay->relays->lock);
}

void ph_relay_fail(struct ph_relay *relay, const struct ph_link_reason *reason) {
    ph_link_socket_close(&relay->socket);
    ph_relay_enter(relay, PH_RELAY_FAILED, PH_NEVER_US);
    ph_log_error("the session cannot be carried: its publisher is disconnected",
        ph_str("session", relay->session), ph_str("code", reason->code), ph_str("reason", reason->text));
    struct ph_ingest_control *control = relay->relays->control;
    control->impl->failed(control, relay->session, reason);
}

void ph_relay_finish(struct ph_relay *relay) {
    ph_link_socket_close(&relay->socket);
    ph_relay_enter(relay, PH_RELAY_FINISHED, PH_NEVER_US);
    ph_log_info("session ended", ph_str("session", relay->session), ph_str("reason", relay->end_reason));
    struct ph_ingest_control *control = relay->relays->control;
    control->impl->ended(control, relay->session, relay->end_reason);
}

int ph_relay_greet(struct ph_relay *relay, int64_t now_us) {
    struct ph_relays *relays = relay->relays;
    char token[PH_PUBLISH_TOKEN_BYTES];
    ph_publish_token_make(relays->publish_secret, relay->session, token);
    struct ph_link_hello hello = {.session = relay->session,
        .ladder = relay->ladder,
        .preset = relays->preset,
        .encoder = relays->encoder,
        .publish_token = token,
        .is_private = relay->is_private,
        .is_recorded = relay->is_recorded,
        .part_ms = relays->part_ms,
        .segment_ms = relays->segment_ms,
        .reconnect_window_ms = relays->reconnect_window_s * 1000,
        .epoch_time_us = relay->epoch_time_us,
        .epoch_utc_us = relay->epoch_utc_us,
        .durable_state = relay->durable.state,
        .published_state = relay->published.state,
        .durable_replay_from = relay->durable.replay_from,
        .published_replay_from = relay->published.replay_from};
    memcpy(hello.origins, relays->origins, sizeof(hello.origins));
    int code = ph_link_hello_write(&relay->socket.out, &hello);
    if (code)
        return code;
    relay->heard_us = now_us;
    relay->replay_point = relay->published.replay_from;
    ph_relay_enter(relay, PH_RELAY_HELLO, now_us + 10 * PH_SECOND_US);
    return 0;
}

static int handle_challenge(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    (void)now_us;
    if (frame->payload.size != PH_LINK_NONCE_BYTES)
        return PH_INVALID_DATA;
    uint8_t message[PH_LINK_NONCE_BYTES + 32];
    memcpy(relay->challenge, frame->payload.data, PH_LINK_NONCE_BYTES);
    ph_random_bytes(relay->nonce, sizeof(relay->nonce));
    memcpy(message, relay->nonce, PH_LINK_NONCE_BYTES);
    ph_link_auth_digest(relay->relays->cluster_secret, "ingest", relay->challenge, relay->nonce,
        message + PH_LINK_NONCE_BYTES);
    ph_link_frame_write(&relay->socket.out, PH_LINK_AUTH, message, sizeof(message));
    ph_relay_enter(relay, PH_RELAY_PROVING, relay->deadline_us);
    return 0;
}

static int handle_auth_ok(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    uint8_t expected[32];
    ph_link_auth_digest(relay->relays->cluster_secret, "worker", relay->nonce, relay->challenge, expected);
    if (frame->payload.size != sizeof(expected) ||
        CRYPTO_memcmp(frame->payload.data, expected, sizeof(expected)) != 0)
        return -EACCES;
    return ph_relay_greet(relay, now_us);
}

static int handle_accept(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    uint64_t replay_from;
    int code = ph_link_accept_parse(frame, &replay_from);
    if (code)
        return code;
    pthread_mutex_lock(&relay->relays->lock);
    bool known = replay_from <= ph_ring_next(relay->ring);
    pthread_mutex_unlock(&relay->relays->lock);
    if (!known)
        return PH_INVALID_DATA;
    relay->replay_point = replay_from;
    relay->position = replay_from;
    relay->sent_us = now_us;
    relay->counted = (struct ph_link_stats){0};
    ph_relay_enter(relay, PH_RELAY_REPLAYING, PH_NEVER_US);
    return 0;
}

static int handle_refuse(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    struct ph_link_reason reason;
    int code = ph_link_reason_parse(frame, &reason);
    if (code)
        return code;
    if (strcmp(reason.code, "busy") == 0 || strcmp(reason.code, "draining") == 0)
        ph_worker_pool_refused(relay->relays->workers, &relay->worker, now_us);
    ph_log_warning(
        "a worker refused the session", ph_str("session", relay->session), ph_str("reason", reason.code));
    return -EBUSY;
}

/* 0, with `advanced` saying whether the checkpoint moved. */
static int checkpoint_keep(
    struct ph_relay_checkpoint *kept, const struct ph_link_checkpoint *checkpoint, bool *advanced) {
    bool same_state = kept->state ? ph_bytes_size(kept->state) == checkpoint->state.size &&
                                        memcmp(ph_bytes_data(kept->state), checkpoint->state.data,
                                            checkpoint->state.size) == 0
                                  : checkpoint->state.size == 0;
    *advanced = !same_state || kept->replay_from != checkpoint->replay_from;
    if (same_state) {
        kept->replay_from = checkpoint->replay_from;
        return 0;
    }
    struct ph_bytes *state = NULL;
    if (checkpoint->state.size) {
        state = ph_bytes_copy(checkpoint->state.data, checkpoint->state.size);
        if (!state)
            return -ENOMEM;
    }
    ph_bytes_unref(&kept->state);
    *kept = (struct ph_relay_checkpoint){checkpoint->replay_from, state};
    return 0;
}

static void handle_progress(struct ph_relay *relay, int64_t now_us) {
    struct ph_ingest_control *control = relay->relays->control;
    relay->attempts = 0;
    if (relay->died_us) {
        ph_relay_figure_recovery(relay, now_us - relay->died_us);
        ph_log_info("the session goes on with another worker", ph_str("session", relay->session),
            ph_real("recovery_s", (double)(now_us - relay->died_us) / 1e6));
        relay->died_us = 0;
    }
    if (!relay->live) {
        relay->live = true;
        ph_log_info("session is live", ph_str("session", relay->session));
        control->impl->live(control, relay->session);
    }
}

static int handle_ack(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    struct ph_link_ack ack;
    int code = ph_link_ack_parse(frame, &ack);
    if (code)
        return code;
    if (ack.durable.replay_from > relay->position || ack.published.replay_from > relay->position)
        return PH_INVALID_DATA;
    bool durable_advanced, published_advanced;
    code = checkpoint_keep(&relay->durable, &ack.durable, &durable_advanced);
    if (!code)
        code = checkpoint_keep(&relay->published, &ack.published, &published_advanced);
    if (code)
        return code;
    uint64_t needed_from = ack.durable.replay_from < ack.published.replay_from ? ack.durable.replay_from
                                                                               : ack.published.replay_from;
    pthread_mutex_lock(&relay->relays->lock);
    ph_ring_drop_before(relay->ring, needed_from);
    pthread_mutex_unlock(&relay->relays->lock);
    if (published_advanced)
        handle_progress(relay, now_us);
    return 0;
}

static int handle_stats(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    (void)now_us;
    struct ph_link_stats stats;
    int code = ph_link_stats_from_json(frame->payload, &stats);
    if (code)
        return code;
    ph_relay_figure_stats(relay, &stats);
    struct ph_ingest_control *control = relay->relays->control;
    control->impl->stats(control, relay->session, &stats);
    return 0;
}

static int handle_keyframe(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    (void)frame;
    (void)now_us;
    pthread_mutex_lock(&relay->relays->lock);
    ph_relay_request(relay, PH_PUBLISHER_KEYFRAME);
    pthread_mutex_unlock(&relay->relays->lock);
    return 0;
}

static int handle_failed(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    (void)now_us;
    struct ph_link_reason reason;
    int code = ph_link_reason_parse(frame, &reason);
    if (code)
        return code;
    ph_relay_fail(relay, &reason);
    return 0;
}

static int handle_finished(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    (void)frame;
    (void)now_us;
    ph_relay_finish(relay);
    return 0;
}

#define IN(state) (1u << PH_RELAY_##state)
#define CARRYING (IN(REPLAYING) | IN(STREAMING) | IN(ENDING))

/* Everything a worker may say; in any other state it breaks the protocol. */
static const struct {
    enum ph_link_type type;
    unsigned states;
    int (*handle)(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us);
} transitions[] = {
    {PH_LINK_CHALLENGE, IN(AUTHENTICATING), handle_challenge},
    {PH_LINK_AUTH_OK, IN(PROVING), handle_auth_ok},
    {PH_LINK_ACCEPT, IN(HELLO), handle_accept},
    {PH_LINK_REFUSE, IN(PROVING) | IN(HELLO), handle_refuse},
    {PH_LINK_STATS, IN(HELLO) | CARRYING, handle_stats},
    {PH_LINK_FAILED, IN(HELLO) | CARRYING, handle_failed},
    {PH_LINK_ACK, CARRYING, handle_ack},
    {PH_LINK_KEYFRAME, CARRYING, handle_keyframe},
    {PH_LINK_FINISHED, IN(ENDING), handle_finished},
};

int ph_relay_handle_frame(struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) {
    for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
        if (transitions[i].type == frame->type && (transitions[i].states & (1u << relay->state))) {
            relay->heard_us = now_us;
            return transitions[i].handle(relay, frame, now_us);
        }
    }
    return PH_INVALID_DATA;
}
