/* The origin's metrics: found once, updated without a look-up. */
#ifndef PH_ORIGIN_METRICS_H
#define PH_ORIGIN_METRICS_H

#include "core/base/metrics.h"

struct ph_origin_metrics {
    struct ph_metric *sessions_live;
    struct ph_metric *sessions_ended;
    struct ph_metric *parts;
    struct ph_metric *part_bytes;
    struct ph_metric *gap_parts;
    struct ph_metric *part_latency;
    struct ph_metric *playlists_rendered;
    struct ph_metric *held_playlists;
    struct ph_metric *held_parts;
    struct ph_metric *held_publishers;
    struct ph_metric *spool_parts;              /* waiting to be written */
    struct ph_metric *spool_reserve;            /* bytes of those that viewers need no more */
    struct ph_metric *spool_bytes, *spool_fill; /* on disk */
    struct ph_metric *spool_age;                /* seconds since everything was written */
    struct ph_metric *spool_failures;
    struct ph_metric *spool_lost_parts; /* left the window before they could be written */
    struct ph_metric *fsync_seconds;
    struct ph_metric *restored_sessions;
    struct ph_metric *restored_parts;
    struct ph_metric *restored_torn;
};

void ph_origin_metrics_init(struct ph_origin_metrics *metrics, struct ph_metrics *registry);

#endif
