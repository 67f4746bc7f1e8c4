/* A publisher's figures in the metrics. They carry the session's label, and whoever removes the session's
 * metrics does not ask here: so they are looked up at each use. */
#include "ingest/webrtc/endpoint_internal.h"

#include <string.h>

void ph_webrtc_count_handshake(struct ph_webrtc_endpoint *endpoint, const char *result) {
    ph_metric_add(ph_metrics_counter(endpoint->metrics, "porthole_webrtc_handshakes_total",
                      "Handshakes of publishers, by how they ended", PH_LABELS({"result", result})),
        1);
}

struct sum {
    uint64_t packets, missing, lost, recovered, late, duplicates;
};

static struct sum sum_of(const struct ph_rtp_figures *figures) {
    const struct ph_rtp_media_figures *v = &figures->video, *a = &figures->audio;
    return (struct sum){v->packets + a->packets, v->missing + a->missing, v->lost + a->lost,
        v->recovered + a->recovered, v->late + a->late, v->duplicates + a->duplicates};
}

static void set_gauges(
    struct ph_metrics *metrics, const struct ph_rtp_figures *figures, const struct ph_label *labels) {
    const struct {
        const char *name, *help;
        double value;
    } gauges[] = {
        {"porthole_webrtc_rtt_seconds", "Round trip to the publisher", figures->rtt_ms / 1000},
        {"porthole_webrtc_wait_seconds", "How long a missing packet is waited for", figures->wait_ms / 1000},
        {"porthole_webrtc_jitter_seconds", "Jitter of the video's packets", figures->video.jitter_ms / 1000},
        {"porthole_webrtc_receive_rate_bits", "What the publisher sends, bit/s",
            figures->video.bitrate + figures->audio.bitrate},
    };
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
        ph_metric_set(ph_metrics_gauge(metrics, gauges[i].name, gauges[i].help, labels), gauges[i].value);
}

/* What came since it was last counted. */
static void count(struct ph_webrtc_connection *connection, const struct ph_rtp_figures *figures,
    const struct ph_label *labels) {
    struct ph_metrics *metrics = connection->endpoint->metrics;
    struct sum sum = sum_of(figures), before = sum_of(&connection->counted);
    const struct {
        const char *name, *help;
        uint64_t count, before;
    } counters[] = {
        {"porthole_webrtc_received_packets_total", "Packets received", sum.packets, before.packets},
        {"porthole_webrtc_missing_packets_total", "Packets found missing", sum.missing, before.missing},
        {"porthole_webrtc_recovered_packets_total", "Packets received by retransmission", sum.recovered,
            before.recovered},
        {"porthole_webrtc_lost_packets_total", "Packets given up", sum.lost, before.lost},
        {"porthole_webrtc_late_packets_total", "Packets that came after they were given up", sum.late,
            before.late},
        {"porthole_webrtc_duplicate_packets_total", "Packets that came twice", sum.duplicates,
            before.duplicates},
        {"porthole_webrtc_nacked_packets_total", "Packets asked for again", figures->nacks,
            connection->counted.nacks},
        {"porthole_webrtc_plis_total", "Keyframes asked for", figures->plis, connection->counted.plis},
        {"porthole_webrtc_keyframes_total", "Keyframes received", figures->keyframes,
            connection->counted.keyframes},
        {"porthole_webrtc_broken_packets_total", "Authentic packets that are malformed or of no stream",
            figures->malformed + figures->unknown,
            connection->counted.malformed + connection->counted.unknown},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        ph_metric_add(ph_metrics_counter(metrics, counters[i].name, counters[i].help, labels),
            (double)(counters[i].count - counters[i].before));
    connection->counted = *figures;
}

/* Counts, and tells what there is; false where nothing was published. */
static bool look(struct ph_webrtc_connection *connection, int64_t now_us, struct ph_rtp_figures *figures) {
    if (!connection->rtp || !connection->publishing)
        return false;
    ph_rtp_session_figures(connection->rtp, figures, now_us);
    count(connection, figures, PH_LABELS({"session", connection->admission.session}));
    return true;
}

void ph_webrtc_connection_measure(struct ph_webrtc_connection *connection, int64_t now_us) {
    struct ph_rtp_figures figures;
    if (look(connection, now_us, &figures))
        set_gauges(
            connection->endpoint->metrics, &figures, PH_LABELS({"session", connection->admission.session}));
}

/* Whether the session has another publisher here, whose figures the gauges show. */
static bool is_followed(const struct ph_webrtc_connection *connection) {
    struct ph_webrtc_connection *other, *next;
    HASH_ITER(hh, connection->endpoint->connections, other, next) {
        if (other != connection && other->publishing && !other->over &&
            strcmp(other->admission.session, connection->admission.session) == 0)
            return true;
    }
    return false;
}

void ph_webrtc_connection_measure_end(struct ph_webrtc_connection *connection, int64_t now_us) {
    static const struct ph_rtp_figures none;
    struct ph_rtp_figures last;
    if (look(connection, now_us, &last) && !is_followed(connection))
        set_gauges(
            connection->endpoint->metrics, &none, PH_LABELS({"session", connection->admission.session}));
}
