/* The way of a packet, told apart by its first byte (RFC 7983). What is not a check of a known ufrag with the
 * right signature, does not come by the path of one, and is not media of a publisher that moved, leaves
 * nothing behind. */
#include "ingest/webrtc/endpoint_internal.h"

/* The same address and port behind another connection's check: the newest check is right. */
static void take_path(struct ph_webrtc_connection *connection, int place, const struct ph_ice_path *path) {
    struct ph_webrtc_path *holder = ph_webrtc_find_path(connection->endpoint, path);
    if (holder && holder->connection != connection)
        ph_webrtc_unlist_path(holder->connection, holder->place);
    ph_webrtc_list_path(connection, place, path);
}

static void receive_check(struct ph_webrtc_endpoint *endpoint, const struct ph_ice_path *from,
    struct ph_slice bytes, int64_t now_us) {
    struct ph_stun_message message;
    uint8_t answer[PH_STUN_MOST_ANSWER_BYTES];
    struct ph_webrtc_connection *connection = NULL;
    if (ph_stun_parse(bytes, &message) == 0)
        connection = ph_webrtc_find_ufrag(endpoint, message.username);
    if (!connection || connection->over) {
        ph_webrtc_drop(endpoint, PH_WEBRTC_DROP_STUN);
        return;
    }
    struct ph_ice_outcome outcome = ph_ice_agent_check(&connection->ice, &message, from, now_us, answer);
    if (!outcome.answer_bytes) {
        ph_webrtc_drop(endpoint, PH_WEBRTC_DROP_STUN);
        return;
    }
    if (outcome.promoted) {
        ph_webrtc_list_ufrag(connection, 0, connection->ice.present.ufrag);
        ph_webrtc_unlist_ufrag(connection, 1);
    }
    if (outcome.path >= 0 && (outcome.is_new || !connection->paths[outcome.path].is_listed))
        take_path(connection, outcome.path, from);
    if (outcome.path >= 0 && from->tcp)
        ph_tcp_port_prove(endpoint->tcp, from->tcp);
    ph_webrtc_send(endpoint, from, (struct ph_slice){answer, outcome.answer_bytes});
    if (!connection->dtls && ph_ice_agent_selected(&connection->ice))
        connection->touched = true;
}

static bool is_media(const uint8_t *bytes) {
    return bytes[0] >= 128 && bytes[0] <= 191; /* RTP or RTCP */
}

/* By a path of no connection. */
static void receive_strange(struct ph_webrtc_endpoint *endpoint, const struct ph_ice_path *from,
    uint8_t *bytes, size_t size, int64_t now_us) {
    if (!is_media(bytes) || !ph_webrtc_follow(endpoint, from, bytes, size, now_us))
        ph_webrtc_drop(endpoint, PH_WEBRTC_DROP_STRANGER);
}

static void receive_rest(struct ph_webrtc_endpoint *endpoint, const struct ph_ice_path *from, uint8_t *bytes,
    size_t size, int64_t now_us) {
    const struct ph_webrtc_path *path = ph_webrtc_find_path(endpoint, from);
    if (!path) {
        receive_strange(endpoint, from, bytes, size, now_us);
        return;
    }
    struct ph_webrtc_connection *connection = path->connection;
    if (connection->over) {
        ph_webrtc_drop(endpoint, PH_WEBRTC_DROP_STRANGER);
        return;
    }
    connection->touched = true;
    if (bytes[0] >= 20 && bytes[0] <= 63) { /* DTLS */
        /* The peer shakes hands by the path it chose. */
        if (!connection->srtp)
            ph_ice_agent_heard(&connection->ice, path->place, from, now_us);
        ph_webrtc_connection_handshake(connection, (struct ph_slice){bytes, size}, now_us);
    } else if (is_media(bytes)) {
        if (ph_webrtc_connection_media(connection, bytes, size, now_us))
            ph_ice_agent_heard(&connection->ice, path->place, from, now_us);
    } else {
        ph_webrtc_drop(endpoint, PH_WEBRTC_DROP_OTHER);
    }
}

void ph_webrtc_receive(
    void *opaque, const struct ph_ice_path *from, uint8_t *bytes, size_t size, int64_t now_us) {
    struct ph_webrtc_endpoint *endpoint = opaque;
    struct ph_slice whole = {bytes, size};
    if (!size)
        return;
    if (ph_stun_is_message(whole))
        receive_check(endpoint, from, whole, now_us);
    else
        receive_rest(endpoint, from, bytes, size, now_us);
}

void ph_webrtc_tcp_closed(void *opaque, uint64_t number) {
    struct ph_webrtc_endpoint *endpoint = opaque;
    struct ph_webrtc_connection *connection, *next;
    HASH_ITER(hh, endpoint->connections, connection, next) {
        int place;
        while ((place = ph_ice_agent_forget_tcp(&connection->ice, number)) >= 0)
            ph_webrtc_unlist_path(connection, place);
    }
}
