#include "origin/origin_metrics.h"

void ph_origin_metrics_init(struct ph_origin_metrics *metrics, struct ph_metrics *registry) {
    const char *const sessions = "porthole_origin_sessions", *const sessions_help =
                                                                 "Sessions in the live window.";
    const char *const held = "porthole_origin_held_requests", *const held_help = "Requests held for media.";
    *metrics = (struct ph_origin_metrics){
        .sessions_live = ph_metrics_gauge(registry, sessions, sessions_help, PH_LABELS({"state", "live"})),
        .sessions_ended = ph_metrics_gauge(registry, sessions, sessions_help, PH_LABELS({"state", "ended"})),
        .parts = ph_metrics_counter(registry, "porthole_origin_parts_total", "Parts published.", NULL),
        .part_bytes = ph_metrics_counter(
            registry, "porthole_origin_part_bytes_total", "Bytes of parts published.", NULL),
        .gap_parts = ph_metrics_counter(
            registry, "porthole_origin_gap_parts_total", "Parts published as missing.", NULL),
        .part_latency = ph_metrics_histogram(registry, "porthole_part_latency_seconds",
            "From the arrival of a part's newest frame at ingest to the part being servable.", NULL,
            ph_latency_bounds, ph_latency_bounds_count),
        .playlists_rendered = ph_metrics_counter(
            registry, "porthole_origin_playlists_rendered_total", "Playlist versions rendered.", NULL),
        .held_playlists = ph_metrics_gauge(registry, held, held_help, PH_LABELS({"kind", "playlist"})),
        .held_parts = ph_metrics_gauge(registry, held, held_help, PH_LABELS({"kind", "part"})),
        .held_publishers = ph_metrics_gauge(registry, held, held_help, PH_LABELS({"kind", "publish"})),
        .spool_parts =
            ph_metrics_gauge(registry, "porthole_spool_depth_parts", "Parts not yet written.", NULL),
        .spool_reserve = ph_metrics_gauge(registry, "porthole_spool_reserve_bytes",
            "Memory taken by segments that wait for the disk and that no viewer fetches any more.", NULL),
        .spool_bytes = ph_metrics_gauge(registry, "porthole_spool_bytes", "Bytes of segments on disk.", NULL),
        .spool_fill = ph_metrics_gauge(
            registry, "porthole_spool_fill_ratio", "How much of spool_most_mib is taken.", NULL),
        .spool_age = ph_metrics_gauge(
            registry, "porthole_spool_age_seconds", "For how long the disk has taken nothing.", NULL),
        .spool_failures =
            ph_metrics_counter(registry, "porthole_spool_failures_total", "Failed writes.", NULL),
        .spool_lost_parts = ph_metrics_counter(registry, "porthole_spool_lost_parts_total",
            "Parts that memory had no more room for before they could be written.", NULL),
        .fsync_seconds = ph_metrics_histogram(registry, "porthole_spool_fsync_seconds",
            "Making a segment durable: file, index and folder.", NULL, ph_latency_bounds,
            ph_latency_bounds_count),
        .restored_sessions = ph_metrics_counter(
            registry, "porthole_spool_restored_sessions_total", "Sessions found at start.", NULL),
        .restored_parts = ph_metrics_counter(
            registry, "porthole_spool_restored_parts_total", "Parts found at start.", NULL),
        .restored_torn = ph_metrics_counter(registry, "porthole_spool_restored_torn_total",
            "Tracks whose torn tail was cut off at start.", NULL),
    };
}
