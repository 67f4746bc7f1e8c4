#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "ingest/webrtc/endpoint_internal.h"

/* Ends a connection of the same session that sent nothing yet: its publisher tries again. Returns how many
 * connections stay. */
static unsigned end_older(struct ph_webrtc_endpoint *endpoint, const char *session) {
    struct ph_webrtc_connection *other, *next;
    unsigned staying = 0;
    HASH_ITER(hh, endpoint->connections, other, next) {
        if (!other->publishing && strcmp(other->admission.session, session) == 0)
            ph_webrtc_connection_end(other, "its publisher offered again");
        staying += !other->over;
    }
    return staying;
}

int ph_webrtc_connection_open(struct ph_webrtc_endpoint *endpoint,
    const struct ph_webrtc_publisher *publisher, char *worker_sdp, struct ph_webrtc_connection **out) {
    bool is_full = end_older(endpoint, publisher->admission.session) >= endpoint->most_connections;
    struct ph_webrtc_connection *connection = is_full ? NULL : calloc(1, sizeof(*connection));
    if (!connection) {
        free(worker_sdp);
        return is_full ? -EMFILE : -ENOMEM;
    }
    int64_t now_us = ph_now_us();
    connection->endpoint = endpoint;
    ph_random_id(connection->id, PH_WEBRTC_ID_CHARACTERS);
    memcpy(connection->key_hash, publisher->key_hash, sizeof(connection->key_hash));
    connection->admission = publisher->admission;
    connection->negotiation = publisher->negotiation;
    connection->ceiling_bps = publisher->ceiling_bps;
    connection->worker_sdp = worker_sdp;
    connection->opened_us = connection->next_us = now_us;
    ph_ice_agent_init(&connection->ice, now_us);
    ph_webrtc_list_ufrag(connection, 0, connection->ice.present.ufrag);
    HASH_ADD(hh, endpoint->connections, id, PH_WEBRTC_ID_CHARACTERS, connection);
    atomic_store(&endpoint->connection_count, HASH_COUNT(endpoint->connections));
    *out = connection;
    return 0;
}

void ph_webrtc_connection_end(struct ph_webrtc_connection *connection, const char *reason) {
    if (connection->over)
        return;
    connection->over = reason;
    connection->next_us = 0;
}

static void log_end(const struct ph_webrtc_connection *connection) {
    if (connection->publishing)
        ph_log_info("publisher lost", ph_str("protocol", "whip"),
            ph_str("session", connection->admission.session), ph_str("reason", connection->over),
            ph_int("bytes", (int64_t)connection->bytes));
    else
        ph_log_info("a publisher did not come to publish", ph_str("protocol", "whip"),
            ph_str("session", connection->admission.session), ph_str("reason", connection->over),
            ph_bool("reached", connection->ice.path_count > 0),
            ph_bool("connected", connection->rtp != NULL));
}

void ph_webrtc_connection_destroy(struct ph_webrtc_connection *connection) {
    struct ph_webrtc_endpoint *endpoint = connection->endpoint;
    log_end(connection);
    if (connection->dtls)
        ph_dtls_close(connection->dtls);
    ph_webrtc_connection_measure_end(connection, ph_now_us());
    if (connection->publishing)
        ph_metric_add(endpoint->publishers, -1);
    ph_publishing_end(connection->publishing);
    for (int i = 0; i < PH_ICE_MOST_PATHS; i++) {
        /* What was just said leaves before its connection is closed. */
        if (connection->paths[i].is_listed && connection->paths[i].tcp)
            ph_tcp_port_drop(endpoint->tcp, connection->paths[i].tcp);
        ph_webrtc_unlist_path(connection, i);
    }
    ph_webrtc_forget_ssrcs(connection);
    ph_webrtc_unlist_ufrag(connection, 0);
    ph_webrtc_unlist_ufrag(connection, 1);
    HASH_DEL(endpoint->connections, connection);
    atomic_store(&endpoint->connection_count, HASH_COUNT(endpoint->connections));
    ph_rtp_session_destroy(connection->rtp);
    ph_srtp_destroy(connection->srtp);
    ph_dtls_destroy(connection->dtls);
    free(connection->worker_sdp);
    explicit_bzero(connection, sizeof(*connection));
    free(connection);
}

static void take_requests(struct ph_webrtc_connection *connection, int64_t now_us) {
    unsigned requests = ph_publishing_requests(connection->publishing);
    if (requests & PH_PUBLISHER_CLOSE)
        ph_webrtc_connection_end(connection, "its session is over, or another connection took over");
    else if (requests & PH_PUBLISHER_KEYFRAME)
        ph_rtp_session_request_keyframe(connection->rtp, now_us);
}

/* The nearest of the deadlines; ends the connection when one has passed. */
static int64_t keep_deadlines(struct ph_webrtc_connection *connection, int64_t now_us) {
    int64_t given_up_us = ph_ice_agent_given_up_us(&connection->ice);
    int64_t deadline_us = PH_NEVER_US;
    if (!connection->rtp)
        deadline_us = connection->opened_us + connection->endpoint->connect_us;
    else if (!connection->publishing) /* it takes no worker until it sends */
        deadline_us = connection->connected_us + connection->endpoint->first_media_us;
    if (now_us > deadline_us && !connection->rtp)
        ph_webrtc_count_handshake(connection->endpoint, "timeout");
    if (now_us > deadline_us)
        ph_webrtc_connection_end(
            connection, !connection->rtp ? "it did not connect in time" : "it connected and sent nothing");
    if (now_us > given_up_us)
        ph_webrtc_connection_end(connection, ph_ice_agent_is_heard(&connection->ice, now_us)
                                                 ? "it moved to an address that it sent no check from"
                                                 : "nothing was heard of it");
    return given_up_us < deadline_us ? given_up_us : deadline_us;
}

static int64_t earlier(int64_t a_us, int64_t b_us) {
    return a_us < b_us ? a_us : b_us;
}

bool ph_webrtc_connection_service(struct ph_webrtc_connection *connection, int64_t now_us) {
    bool due = connection->touched || connection->over || now_us >= connection->next_us;
    if (connection->publishing && connection->endpoint->woken)
        take_requests(connection, now_us);
    else if (!due)
        return true;
    connection->touched = false;
    int64_t next_us = keep_deadlines(connection, now_us);
    if (!connection->over && !connection->rtp)
        next_us = earlier(next_us, ph_webrtc_connection_drive_dtls(connection, now_us));
    if (!connection->over && connection->rtp) {
        next_us = earlier(next_us, ph_rtp_session_tick(connection->rtp, now_us));
        if (ph_rtp_session_is_over(connection->rtp, connection->ice.check_us, now_us))
            ph_webrtc_connection_end(connection, "the publisher said goodbye");
    }
    if (connection->has_units && connection->publishing)
        ph_publishing_flush(connection->publishing);
    connection->has_units = false;
    connection->next_us = next_us;
    if (!connection->over)
        return true;
    ph_webrtc_connection_destroy(connection);
    return false;
}
