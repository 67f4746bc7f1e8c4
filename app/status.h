/* /health, /ready and /metrics: what every role answers about itself. */
#ifndef PH_APP_STATUS_H
#define PH_APP_STATUS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/http/server.h"

enum { PH_MOST_FEATURES = 8 };

/* One line of /health. `check` writes a short sentence on what is wrong and returns false, or returns true.
 * It is called from the server's threads and must not block. */
struct ph_feature {
    const char *name;
    bool (*check)(void *opaque, char *text, size_t text_bytes);
    void *opaque;
};

/* Embedded; outlives the server's routes. */
struct ph_status {
    struct ph_metrics *metrics;
    struct ph_feature features[PH_MOST_FEATURES];
    atomic_uint feature_count; /* those below it do not change */
    atomic_bool ready;         /* everything is started and nothing drains */
    atomic_bool draining;      /* for the text of /ready */
};

void ph_status_init(struct ph_status *status, struct ph_metrics *metrics);
/* From one thread; the server may run, and ends before what is checked does. */
void ph_status_add_feature(struct ph_status *status, const struct ph_feature *feature);
/* GET /health (200, or 503 when a feature is not well), /ready (200 or 503), /metrics (Prometheus text
 * 0.0.4). */
int ph_status_add_routes(struct ph_status *status, struct ph_http_server *server) PH_NODISCARD;

#endif
