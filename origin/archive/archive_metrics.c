#include "origin/archive/archive_metrics.h"

void ph_archive_metrics_init(struct ph_archive_metrics *metrics, struct ph_metrics *registry) {
    static const double finish_bounds[] = {0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 3600};
    const char *const outcome = "porthole_archive_recordings_total", *const outcome_help =
                                                                         "Recordings by what became of them.";
    *metrics = (struct ph_archive_metrics){
        .pending_segments = ph_metrics_gauge(registry, "porthole_archive_pending_segments",
            "Segments on disk that are not in the archive's store.", NULL),
        .pending_bytes = ph_metrics_gauge(registry, "porthole_archive_pending_bytes", "Their bytes.", NULL),
        .oldest_pending_seconds = ph_metrics_gauge(registry, "porthole_archive_oldest_pending_seconds",
            "How long the oldest of them has waited.", NULL),
        .uploads = ph_metrics_counter(
            registry, "porthole_archive_uploads_total", "Segments put into the archive's store.", NULL),
        .failures = ph_metrics_counter(registry, "porthole_archive_failures_total",
            "Steps of the archive that failed and will be tried again.", NULL),
        .retries = ph_metrics_counter(registry, "porthole_archive_retries_total",
            "Segments that were put again after a failure.", NULL),
        .bytes = ph_metrics_counter(registry, "porthole_archive_bytes_total",
            "Bytes of segments put into the archive's store.", NULL),
        .lost_segments = ph_metrics_counter(registry, "porthole_archive_lost_segments_total",
            "Segments that left the disk before they were in the archive's store.", NULL),
        .ready = ph_metrics_counter(registry, outcome, outcome_help, PH_LABELS({"outcome", "ready"})),
        .failed = ph_metrics_counter(registry, outcome, outcome_help, PH_LABELS({"outcome", "failed"})),
        .deleted = ph_metrics_counter(registry, outcome, outcome_help, PH_LABELS({"outcome", "deleted"})),
        .finish_seconds = ph_metrics_histogram(registry, "porthole_archive_finish_seconds",
            "From a session's end to its recording being ready.", NULL, finish_bounds,
            sizeof(finish_bounds) / sizeof(*finish_bounds)),
    };
}
