/* The archive's metrics, found once. */
#ifndef PH_ORIGIN_ARCHIVE_ARCHIVE_METRICS_H
#define PH_ORIGIN_ARCHIVE_ARCHIVE_METRICS_H

#include "core/base/metrics.h"

struct ph_archive_metrics {
    struct ph_metric *pending_segments, *pending_bytes, *oldest_pending_seconds;
    struct ph_metric *uploads, *failures, *retries, *bytes, *lost_segments;
    struct ph_metric *ready, *failed, *deleted; /* recordings by outcome */
    struct ph_metric *finish_seconds;
};

void ph_archive_metrics_init(struct ph_archive_metrics *metrics, struct ph_metrics *registry);

#endif
