#include "ingest/relay_figures.h"

/* A worker counts from its own beginning: what it added since the last figures. A count that falls adds
 * nothing. */
static double added(uint64_t count, uint64_t before) {
    return count > before ? (double)(count - before) : 0;
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
