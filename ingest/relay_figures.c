#include "ingest/relay_figures.h"

/* A worker counts from its own beginning: what it added since the last figures. A count that falls adds
 * nothing. */
static double added(uint64_t count, uint64_t before) {
    return count > before ? (double)(count - before) : 0;
}

/* For all sessions of the node together. */
static void count_encode_times(struct ph_relay *relay, const struct ph_link_encode_times *encode) {
    const struct ph_link_encode_times *before = &relay->counted.encode;
    double bounds[PH_LINK_ENCODE_BOUNDS];
    uint64_t frames[PH_LINK_ENCODE_BOUNDS + 1];
    for (int i = 0; i < PH_LINK_ENCODE_BOUNDS; i++)
        bounds[i] = (double)ph_link_encode_bounds_us[i] / 1e6;
    for (int i = 0; i <= PH_LINK_ENCODE_BOUNDS; i++)
        frames[i] = (uint64_t)added(encode->frames[i], before->frames[i]);
    ph_metric_observe_counted(
        ph_metrics_histogram(relay->relays->metrics, "porthole_worker_encode_seconds",
            "Time that scaling, encoding and packaging a frame took", NULL, bounds, PH_LINK_ENCODE_BOUNDS),
        frames, added(encode->total_us, before->total_us) / 1e6);
}

static void count_frames(struct ph_relay *relay, const struct ph_link_stats *stats) {
    const struct ph_link_stats *before = &relay->counted;
    const struct {
        const char *name, *help;
        double amount;
    } counters[] = {
        {"porthole_worker_frames_in", "Frames decoded", added(stats->frames_in, before->frames_in)},
        {"porthole_worker_frames_out", "Frames published", added(stats->frames_out, before->frames_out)},
        {"porthole_worker_frames_dropped", "Frames dropped before encoding",
            added(stats->frames_dropped, before->frames_dropped)},
        {"porthole_worker_frames_repeated", "Frames repeated because none arrived",
            added(stats->frames_repeated, before->frames_repeated)},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        ph_metric_add(ph_metrics_counter(relay->relays->metrics, counters[i].name, counters[i].help,
                          PH_LABELS({"session", relay->session})),
            counters[i].amount);
    count_encode_times(relay, &stats->encode);
    relay->counted = *stats;
}

void ph_relay_figure_stats(struct ph_relay *relay, const struct ph_link_stats *stats) {
    const struct {
        const char *name, *help;
        double value;
    } gauges[] = {
        {"porthole_worker_speed", "Speed of a session's worker; 1 is exactly real time", stats->speed},
        {"porthole_worker_effort", "Effort of a session's encoders; 0 is the lowest", stats->effort},
        {"porthole_worker_delay_seconds", "Age of the newest frame published", stats->delay_ms / 1000},
        {"porthole_worker_source_fps", "Frames a second the source sends", stats->source_fps},
    };
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
        ph_metric_set(ph_metrics_gauge(relay->relays->metrics, gauges[i].name, gauges[i].help,
                          PH_LABELS({"session", relay->session})),
            gauges[i].value);
    count_frames(relay, stats);
}

void ph_relay_figure_death(struct ph_relay *relay) {
    ph_metric_add(ph_metrics_counter(relay->relays->metrics, "porthole_worker_deaths_total",
                      "Workers that died while they carried a session", NULL),
        1);
}

void ph_relay_figure_recovery(struct ph_relay *relay, int64_t recovery_us) {
    ph_metric_observe(ph_metrics_histogram(relay->relays->metrics, "porthole_worker_recovery_seconds",
                          "From a worker's death to the next part published", NULL, ph_latency_bounds,
                          ph_latency_bounds_count),
        (double)recovery_us / 1e6);
}
