/* A connection from its first DTLS record to the units that its relay gets. */
#include "ingest/webrtc/endpoint_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/random.h"

static const char failed[] = "the handshake failed";

static void send_record(void *opaque, struct ph_slice datagram) {
    struct ph_webrtc_connection *connection = opaque;
    const struct ph_ice_path *path = ph_ice_agent_selected(&connection->ice);
    if (path)
        ph_webrtc_send(connection->endpoint, path, datagram);
}

static int ensure_dtls(struct ph_webrtc_connection *connection, int64_t now_us) {
    if (connection->dtls)
        return 0;
    connection->handshake_us = now_us;
    const struct ph_dtls_options options = {
        .identity = connection->endpoint->identity,
        .client = connection->negotiation.dtls_client,
        .peers = connection->negotiation.fingerprints,
        .peer_count = connection->negotiation.fingerprint_count,
        .send = send_record,
        .opaque = connection,
    };
    return ph_dtls_create(&connection->dtls, &options);
}

static void send_rtcp(void *opaque, struct ph_slice packet) {
    struct ph_webrtc_connection *connection = opaque;
    _Alignas(4) uint8_t sealed[PH_RTCP_MOST_BYTES + PH_SRTP_MOST_SEAL_BYTES];
    const struct ph_ice_path *path = ph_ice_agent_selected(&connection->ice);
    size_t size = packet.size;
    if (!path || size > PH_RTCP_MOST_BYTES)
        return;
    memcpy(sealed, packet.data, size);
    if (ph_srtp_seal_rtcp(connection->srtp, sealed, &size) == 0)
        ph_webrtc_send(connection->endpoint, path, (struct ph_slice){sealed, size});
}

static int begin_publishing(struct ph_webrtc_connection *connection) {
    struct ph_webrtc_endpoint *endpoint = connection->endpoint;
    char peer[PH_NET_ADDRESS_TEXT_BYTES] = "?";
    const struct ph_ice_path *path = ph_ice_agent_selected(&connection->ice);
    if (path)
        ph_net_address_print(&path->remote, peer);
    const struct ph_publisher_offer offer = {.protocol = "whip",
        .kind = "rtp",
        .sdp = connection->worker_sdp,
        .peer = peer,
        .wake_fd = endpoint->wake_fd};
    int code = ph_publishing_begin(endpoint->relays, &connection->admission, &offer, &connection->publishing);
    if (code) {
        ph_webrtc_connection_end(connection, code == -EBUSY   ? "another publisher was faster"
                                             : code == PH_EOF ? "its session is over"
                                                              : "the connection cannot be carried");
        return code;
    }
    ph_metric_add(endpoint->publishers, 1);
    ph_log_info("publisher accepted", ph_str("protocol", "whip"),
        ph_str("session", connection->admission.session), ph_str("peer", peer),
        ph_str("transport", path && path->tcp ? "tcp" : "udp"),
        ph_str("dtls", ph_dtls_version(connection->dtls)));
    return 0;
}

static void forward(void *opaque, struct ph_slice packet) {
    struct ph_webrtc_connection *connection = opaque;
    if (connection->over || (!connection->publishing && begin_publishing(connection)))
        return;
    connection->has_units = true;
    int code = ph_webrtc_is_rtcp(packet) ? ph_publishing_report(connection->publishing, packet)
                                         : ph_publishing_unit(connection->publishing, packet);
    if (code == PH_EOF)
        ph_webrtc_connection_end(connection, "its session is over, or another connection took over");
}

static const struct ph_rtp_session_impl rtp_impl = {send_rtcp, forward};

/* A handshake that lost a packet took a retransmission's time: it tells nothing of the round trip, and a
 * guess that is too high, unlike one that is too low, is hard to correct: nobody is asked often enough. */
static int64_t first_rtt_us(const struct ph_webrtc_connection *connection, int64_t now_us) {
    enum { most_told_us = 150000 };
    int64_t took_us = now_us - connection->handshake_us;
    return took_us <= most_told_us ? took_us : 0;
}

static int begin_rtp(struct ph_webrtc_connection *connection, int64_t now_us) {
    struct ph_rtp_session_options options = {.negotiation = &connection->negotiation,
        .impl = &rtp_impl,
        .opaque = connection,
        .ceiling_bps = connection->ceiling_bps,
        .rtt_us = first_rtt_us(connection, now_us)};
    ph_random_bytes(&options.ssrc, sizeof(options.ssrc));
    ph_random_id(options.cname, 16);
    return ph_rtp_session_create(&connection->rtp, &options, now_us);
}

static int make_keys(struct ph_webrtc_connection *connection) {
    struct ph_srtp_keys keys;
    int code = ph_dtls_srtp_keys(connection->dtls, &keys);
    if (!code)
        code = ph_srtp_create(&connection->srtp, &keys);
    explicit_bzero(&keys, sizeof(keys));
    return code;
}

static void finish_handshake(struct ph_webrtc_connection *connection, int64_t now_us) {
    int code = make_keys(connection);
    if (!code)
        code = begin_rtp(connection, now_us);
    if (code) {
        ph_webrtc_count_handshake(connection->endpoint, "internal");
        ph_webrtc_connection_end(connection, "the connection cannot be carried");
        return;
    }
    connection->connected_us = now_us;
    ph_webrtc_note_announced_ssrcs(connection);
    ph_webrtc_count_handshake(connection->endpoint, "ok");
}

/* After DTLS moved. */
static void check_dtls(struct ph_webrtc_connection *connection, int64_t now_us) {
    switch (ph_dtls_state(connection->dtls)) {
    case PH_DTLS_HANDSHAKING:
        return;
    case PH_DTLS_CONNECTED:
        if (!connection->rtp)
            finish_handshake(connection, now_us);
        return;
    case PH_DTLS_FAILED:
        if (!connection->over)
            ph_webrtc_count_handshake(connection->endpoint, ph_dtls_failure(connection->dtls));
        ph_webrtc_connection_end(connection, strcmp(ph_dtls_failure(connection->dtls), "fingerprint") == 0
                                                 ? "its certificate is not the one that its offer names"
                                                 : failed);
        return;
    case PH_DTLS_CLOSED:
        ph_webrtc_connection_end(connection, "the publisher closed it");
        return;
    }
}

void ph_webrtc_connection_handshake(
    struct ph_webrtc_connection *connection, struct ph_slice datagram, int64_t now_us) {
    if (ensure_dtls(connection, now_us)) {
        ph_webrtc_connection_end(connection, "out of memory");
        return;
    }
    ph_dtls_receive(connection->dtls, datagram);
    check_dtls(connection, now_us);
}

int64_t ph_webrtc_connection_drive_dtls(struct ph_webrtc_connection *connection, int64_t now_us) {
    if (!connection->dtls) {
        if (!connection->negotiation.dtls_client || !ph_ice_agent_selected(&connection->ice))
            return PH_NEVER_US;
        if (ensure_dtls(connection, now_us)) {
            ph_webrtc_connection_end(connection, "out of memory");
            return PH_NEVER_US;
        }
    }
    int64_t next_us = ph_dtls_drive(connection->dtls, now_us);
    check_dtls(connection, now_us);
    return next_us;
}

static enum ph_webrtc_drop drop_of(int code) {
    switch (code) {
    case -EALREADY:
        return PH_WEBRTC_DROP_REPLAYED;
    case -EDQUOT:
        return PH_WEBRTC_DROP_STREAMS;
    default:
        return PH_WEBRTC_DROP_FORGED;
    }
}

bool ph_webrtc_is_rtcp(struct ph_slice packet) {
    return packet.size > 1 && packet.data[1] >= 192 && packet.data[1] <= 223;
}

int ph_webrtc_connection_unseal(struct ph_webrtc_connection *connection, uint8_t *packet, size_t *size) {
    return ph_webrtc_is_rtcp((struct ph_slice){packet, *size})
               ? ph_srtp_open_rtcp(connection->srtp, packet, size)
               : ph_srtp_open(connection->srtp, packet, size);
}

void ph_webrtc_connection_take(
    struct ph_webrtc_connection *connection, struct ph_slice packet, size_t received, int64_t now_us) {
    connection->bytes += received;
    ph_metric_add(connection->endpoint->received_bytes, (double)received);
    if (ph_webrtc_is_rtcp(packet))
        ph_rtp_session_receive_rtcp(connection->rtp, packet, now_us);
    else
        ph_rtp_session_receive(connection->rtp, packet, now_us);
}

bool ph_webrtc_connection_media(
    struct ph_webrtc_connection *connection, uint8_t *packet, size_t size, int64_t now_us) {
    struct ph_webrtc_endpoint *endpoint = connection->endpoint;
    if (!connection->rtp) {
        ph_webrtc_drop(endpoint, PH_WEBRTC_DROP_EARLY);
        return false;
    }
    size_t received = size;
    int code = ph_webrtc_connection_unseal(connection, packet, &size);
    if (code) {
        ph_webrtc_drop(endpoint, drop_of(code));
        return false;
    }
    struct ph_slice unsealed = {packet, size};
    ph_webrtc_note_ssrc(connection, unsealed);
    ph_webrtc_connection_take(connection, unsealed, received, now_us);
    return true;
}
