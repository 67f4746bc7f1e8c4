#include <stdlib.h>
#include <string.h>

#include <srt/access_control.h>

#include "core/base/log.h"
#include "ingest/srt_internal.h"

enum { most_datagram_bytes = 1500 };

void ph_srt_connection_open(
    struct ph_srt_listener *listener, SRTSOCKET socket, const struct ph_srt_pending *pending) {
    const struct ph_publisher_offer offer = {
        .protocol = "srt", .kind = "mpegts", .peer = pending->peer, .wake_fd = -1};
    struct ph_srt_connection *connection = calloc(1, sizeof(*connection));
    int code = connection ? 0 : -ENOMEM;
    if (!code)
        code = ph_publishing_begin(listener->relays, &pending->admission, &offer, &connection->publishing);
    const int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
    if (!code && srt_epoll_add_usock(listener->epoll, socket, &events)) {
        ph_publishing_end(connection->publishing);
        code = -ENOTCONN;
    }
    if (code) {
        ph_srt_log_rejected(listener, pending->admission.session, pending->peer,
            code == -EBUSY ? "another publisher was faster" : "the connection cannot be carried",
            code == -EBUSY ? SRT_REJX_CONFLICT : SRT_REJX_ISE);
        free(connection);
        srt_close(socket);
        return;
    }
    connection->socket = socket;
    memcpy(connection->peer, pending->peer, sizeof(connection->peer));
    HASH_ADD_INT(listener->connections, socket, connection);
    ph_metric_set(listener->publishers, HASH_COUNT(listener->connections));
    ph_log_info("publisher accepted", ph_str("protocol", "srt"),
        ph_str("session", pending->admission.session), ph_str("peer", pending->peer),
        ph_bool("encrypted", *pending->admission.passphrase != '\0'));
}

bool ph_srt_connection_read(struct ph_srt_listener *listener, struct ph_srt_connection *connection) {
    char datagram[most_datagram_bytes];
    size_t bytes = 0;
    bool over = false;
    for (;;) {
        int size = srt_recvmsg2(connection->socket, datagram, sizeof(datagram), NULL);
        if (size <= 0) {
            over = size == 0 || srt_getlasterror(NULL) != SRT_EASYNCRCV;
            break;
        }
        bytes += (size_t)size;
        int code = ph_publishing_unit(
            connection->publishing, (struct ph_slice){(const uint8_t *)datagram, (size_t)size});
        if (code == PH_EOF) {
            over = true;
            break;
        }
    }
    if (bytes) {
        connection->bytes += bytes;
        ph_metric_add(listener->received_bytes, (double)bytes);
        ph_publishing_flush(connection->publishing);
    }
    return !over;
}

void ph_srt_connection_close(
    struct ph_srt_listener *listener, struct ph_srt_connection *connection, const char *reason) {
    ph_log_info("publisher lost", ph_str("protocol", "srt"),
        ph_str("session", ph_publishing_session(connection->publishing)), ph_str("peer", connection->peer),
        ph_str("reason", reason), ph_int("bytes", (int64_t)connection->bytes));
    srt_epoll_remove_usock(listener->epoll, connection->socket);
    srt_close(connection->socket);
    ph_publishing_end(connection->publishing);
    HASH_DEL(listener->connections, connection);
    ph_metric_set(listener->publishers, HASH_COUNT(listener->connections));
    free(connection);
}

void ph_srt_connection_measure(struct ph_srt_listener *listener, struct ph_srt_connection *connection) {
    SRT_TRACEBSTATS figures;
    if (srt_bistats(connection->socket, &figures, 1, 1))
        return;
    const struct ph_label *labels = PH_LABELS({"session", ph_publishing_session(connection->publishing)});
    const struct {
        const char *name, *help;
        double value;
    } gauges[] = {
        {"porthole_srt_rtt_seconds", "Round trip to the publisher", figures.msRTT / 1000},
        {"porthole_srt_bandwidth_bits", "Bandwidth of the publisher's path, estimated, bit/s",
            figures.mbpsBandwidth * 1e6},
        {"porthole_srt_receive_rate_bits", "What the publisher sends, bit/s", figures.mbpsRecvRate * 1e6},
    };
    const struct {
        const char *name, *help;
        double amount;
    } counters[] = {
        {"porthole_srt_received_packets_total", "Packets received", (double)figures.pktRecv},
        {"porthole_srt_lost_packets_total", "Packets found missing", figures.pktRcvLoss},
        {"porthole_srt_retransmitted_packets_total", "Packets received by retransmission",
            figures.pktRcvRetrans},
        {"porthole_srt_dropped_packets_total", "Packets given up because they were too late",
            figures.pktRcvDrop},
        {"porthole_srt_belated_packets_total", "Packets that came after their time",
            (double)figures.pktRcvBelated},
        {"porthole_srt_undecrypted_packets_total", "Packets that could not be decrypted",
            figures.pktRcvUndecrypt},
    };
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
        ph_metric_set(
            ph_metrics_gauge(listener->metrics, gauges[i].name, gauges[i].help, labels), gauges[i].value);
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        ph_metric_add(ph_metrics_counter(listener->metrics, counters[i].name, counters[i].help, labels),
            counters[i].amount);
}
