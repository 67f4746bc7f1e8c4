#include "tests/unit/ingest/webrtc/peer_double.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "core/base/clock.h"

static void send_record(void *opaque, struct ph_slice datagram) {
    peer_double_send(opaque, datagram);
}

void peer_double_init(struct peer_double *peer) {
    *peer = (struct peer_double){.fd = -1, .ssrc = 0x11223344};
    assert_int_equal(ph_dtls_identity_create(&peer->identity, ph_dtls_verify), 0);
}

void peer_double_finish(struct peer_double *peer) {
    ph_dtls_destroy(peer->dtls);
    ph_dtls_identity_destroy(peer->identity);
    if (peer->sender)
        srtp_dealloc(peer->sender);
    if (peer->receiver)
        srtp_dealloc(peer->receiver);
    if (peer->fd >= 0)
        close(peer->fd);
}

void peer_double_describe(
    struct peer_double *peer, const char *session, struct ph_webrtc_publisher *publisher) {
    *publisher = (struct ph_webrtc_publisher){0};
    struct ph_negotiation *negotiation = &publisher->negotiation;
    snprintf(publisher->admission.session, sizeof(publisher->admission.session), "%s", session);
    strcpy(negotiation->ufrag, "peer");
    strcpy(negotiation->pwd, "the peer's own password");
    negotiation->fingerprint_count = 1;
    negotiation->fingerprints[0] = (struct ph_fingerprint){.hash = PH_FINGERPRINT_SHA256, .size = 32};
    memcpy(negotiation->fingerprints[0].bytes, ph_dtls_identity_fingerprint(peer->identity), 32);
    negotiation->media_count = 1;
    negotiation->audio = -1;
    negotiation->bundle = true;
    negotiation->media[0] = (struct ph_negotiated_media){.accepted = true,
        .type = "video",
        .protocol = "UDP/TLS/RTP/SAVPF",
        .format = "96",
        .mid = "0",
        .is_video = true,
        .codec = PH_CODEC_H264,
        .payload_type = PEER_VIDEO_TYPE,
        .ssrc = peer->announces ? peer->ssrc : 0,
        .rtx_payload_type = PH_NO_PAYLOAD_TYPE,
        .red_payload_type = PH_NO_PAYLOAD_TYPE,
        .ulpfec_payload_type = PH_NO_PAYLOAD_TYPE,
        .clock_rate = 90000,
        .feedback = PH_FEEDBACK_NACK | PH_FEEDBACK_PLI};
}

void peer_double_connect(struct peer_double *peer, uint16_t port, bool tcp) {
    struct ph_net_address address;
    struct sockaddr_storage name;
    assert_int_equal(ph_net_address_parse_ip(&address, peer->ipv6 ? "::1" : "127.0.0.1"), 0);
    address.port = port;
    socklen_t size = ph_net_address_write(&address, peer->ipv6 ? AF_INET6 : AF_INET, &name);
    if (peer->fd >= 0)
        close(peer->fd);
    peer->tcp = tcp;
    peer->framing.size = 0;
    peer->unframed = (struct ph_slice){0};
    peer->fd = socket(name.ss_family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    assert_int_equal(connect(peer->fd, (struct sockaddr *)&name, size), 0);
}

void peer_double_send(struct peer_double *peer, struct ph_slice bytes) {
    uint8_t frame[2 + PEER_MOST_BYTES] = {(uint8_t)(bytes.size >> 8), (uint8_t)bytes.size};
    memcpy(frame + 2, bytes.data, bytes.size);
    size_t skip = peer->tcp ? 0 : 2;
    ssize_t ignored = send(peer->fd, frame + skip, bytes.size + 2 - skip, MSG_NOSIGNAL);
    (void)ignored; /* the endpoint may have closed a TCP connection: the test sees it by what follows */
}

static size_t receive_framed(struct peer_double *peer, uint8_t bytes[PEER_MOST_BYTES], bool is_readable) {
    struct ph_tcp_frame frame;
    if (!peer->unframed.size && is_readable) {
        ssize_t size = recv(peer->fd, peer->stream, sizeof(peer->stream), 0);
        peer->unframed = (struct ph_slice){peer->stream, size > 0 ? (size_t)size : 0};
    }
    if (ph_tcp_framing_next(&peer->framing, &peer->unframed, &frame))
        return 0;
    memcpy(bytes, frame.data, frame.size);
    return frame.size;
}

size_t peer_double_receive(struct peer_double *peer, uint8_t bytes[PEER_MOST_BYTES], int within_ms) {
    struct pollfd waiting = {.fd = peer->fd, .events = POLLIN};
    if (peer->tcp && peer->unframed.size)
        return receive_framed(peer, bytes, false);
    if (poll(&waiting, 1, within_ms) <= 0)
        return 0;
    if (peer->tcp)
        return receive_framed(peer, bytes, true);
    ssize_t size = recv(peer->fd, bytes, PEER_MOST_BYTES, 0);
    return size > 0 ? (size_t)size : 0;
}

/* Sends one check: 1 when it is answered with success within a second, 0 with an error, -1 when not. */
static int check_once(struct peer_double *peer, const struct stun_check *changes) {
    uint8_t bytes[PEER_MOST_BYTES];
    char username[64];
    struct stun_check check = changes ? *changes : (struct stun_check){.priority = 100};
    struct stun_answer answer;
    snprintf(username, sizeof(username), "%s:peer", peer->local.credentials.ufrag);
    check.username = check.username ? check.username : username;
    check.password = check.password ? check.password : peer->local.credentials.pwd;
    check.transaction = ++peer->transaction;
    check.use_candidate = true;
    size_t size = stun_check_write(bytes, &check);
    peer_double_send(peer, (struct ph_slice){bytes, size});
    int64_t deadline_us = ph_now_us() + PH_SECOND_US;
    while (ph_now_us() < deadline_us) {
        size = peer_double_receive(peer, bytes, 100);
        if (stun_answer_read(
                (struct ph_slice){bytes, size}, check.transaction, peer->local.credentials.pwd, &answer))
            return answer.is_success;
    }
    return -1;
}

bool peer_double_check(struct peer_double *peer) {
    int answer = -1;
    for (int tries = 0; tries < 30 && answer < 0; tries++)
        answer = check_once(peer, NULL);
    return answer == 1;
}

bool peer_double_is_refused(struct peer_double *peer, const struct stun_check *changes) {
    return check_once(peer, changes) < 1;
}

static srtp_t make_session(const struct ph_srtp_keys *keys, const uint8_t *key, srtp_ssrc_type_t direction) {
    srtp_t session;
    uint8_t copy[sizeof(keys->ours)];
    srtp_policy_t policy = {.ssrc.type = direction, .key = copy, .allow_repeat_tx = 1, .window_size = 1024};
    memcpy(copy, key, sizeof(copy));
    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, (srtp_profile_t)keys->profile);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, (srtp_profile_t)keys->profile);
    assert_int_equal(srtp_create(&session, &policy), srtp_err_status_ok);
    return session;
}

static void make_sessions(struct peer_double *peer) {
    struct ph_srtp_keys keys;
    assert_int_equal(ph_dtls_srtp_keys(peer->dtls, &keys), 0);
    srtp_init();
    peer->sender = make_session(&keys, keys.ours, ssrc_any_outbound);
    peer->receiver = make_session(&keys, keys.theirs, ssrc_any_inbound);
}

bool peer_double_handshake(struct peer_double *peer) {
    struct ph_fingerprint theirs = {.hash = PH_FINGERPRINT_SHA256, .size = 32};
    memcpy(theirs.bytes, peer->local.fingerprint, 32);
    const struct ph_dtls_options options = {.identity = peer->identity,
        .client = true,
        .peers = &theirs,
        .peer_count = 1,
        .send = send_record,
        .opaque = peer};
    uint8_t bytes[PEER_MOST_BYTES];
    assert_int_equal(ph_dtls_create(&peer->dtls, &options), 0);
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (ph_dtls_state(peer->dtls) == PH_DTLS_HANDSHAKING && ph_now_us() < deadline_us) {
        ph_dtls_drive(peer->dtls, ph_now_us());
        size_t size = peer_double_receive(peer, bytes, 50);
        if (size && bytes[0] >= 20 && bytes[0] <= 63)
            ph_dtls_receive(peer->dtls, (struct ph_slice){bytes, size});
    }
    if (ph_dtls_state(peer->dtls) != PH_DTLS_CONNECTED)
        return false;
    make_sessions(peer);
    return true;
}

bool peer_double_join(struct peer_double *peer) {
    return peer_double_check(peer) && peer_double_handshake(peer);
}

size_t peer_double_packet(struct peer_double *peer, uint8_t packet[PEER_MOST_BYTES]) {
    int size = 200;
    memset(packet, 0x33, (size_t)size);
    packet[0] = 0x80;
    packet[1] = 0x80 | PEER_VIDEO_TYPE;
    packet[2] = (uint8_t)(peer->sequence >> 8);
    packet[3] = (uint8_t)peer->sequence;
    for (int i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t)(peer->timestamp >> (24 - 8 * i));
        packet[8 + i] = (uint8_t)(peer->ssrc >> (24 - 8 * i));
    }
    packet[12] = 0x65; /* a whole IDR slice */
    peer->sequence++;
    peer->timestamp += 3000;
    assert_int_equal(srtp_protect(peer->sender, packet, &size), srtp_err_status_ok);
    return (size_t)size;
}

void peer_double_publish(struct peer_double *peer, int packets) {
    uint8_t packet[PEER_MOST_BYTES];
    for (int i = 0; i < packets; i++) {
        size_t size = peer_double_packet(peer, packet);
        peer_double_send(peer, (struct ph_slice){packet, size});
    }
}

static void send_rtcp(struct peer_double *peer, const uint8_t header[4], int size) {
    _Alignas(4) uint8_t packet[PEER_MOST_BYTES] = {0};
    memcpy(packet, header, 4);
    for (int i = 0; i < 4; i++)
        packet[4 + i] = (uint8_t)(peer->ssrc >> (24 - 8 * i));
    assert_int_equal(srtp_protect_rtcp(peer->sender, packet, &size), srtp_err_status_ok);
    peer_double_send(peer, (struct ph_slice){packet, (size_t)size});
}

void peer_double_report(struct peer_double *peer) {
    send_rtcp(peer, (const uint8_t[]){0x80, 200, 0, 6}, 28);
}

void peer_double_say_bye(struct peer_double *peer) {
    send_rtcp(peer, (const uint8_t[]){0x81, 203, 0, 1}, 8);
}

static bool hears_until(struct peer_double *peer, unsigned type, int64_t deadline_us) {
    uint8_t packet[PEER_MOST_BYTES];
    while (ph_now_us() < deadline_us) {
        int size = (int)peer_double_receive(peer, packet, 100);
        if (size < 8 || packet[0] < 128 ||
            srtp_unprotect_rtcp(peer->receiver, packet, &size) != srtp_err_status_ok)
            continue;
        for (int at = 0; at + 4 <= size; at += 4 * ((packet[at + 2] << 8 | packet[at + 3]) + 1)) {
            if (packet[at + 1] == type)
                return true;
        }
    }
    return false;
}

bool peer_double_hears_feedback(struct peer_double *peer, unsigned type) {
    return hears_until(peer, type, ph_now_us() + 30 * PH_SECOND_US);
}

bool peer_double_is_asked_for_what_it_loses(struct peer_double *peer) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    bool is_asked = false;
    while (!is_asked && ph_now_us() < deadline_us) {
        peer->sequence += 3;
        peer_double_publish(peer, 1);
        is_asked = hears_until(peer, 205, ph_now_us() + PH_SECOND_US);
    }
    return is_asked;
}
