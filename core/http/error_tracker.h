/* Reports errors of this process to a service that speaks Sentry's protocol: what is logged at level error
 * goes through a small queue to a thread that sends it. Nobody waits for it; what finds no room is counted.
 *
 * Lifetime: create (it begins to hear) → destroy, when no other thread logs any more. One for a process. */
#ifndef PH_HTTP_ERROR_TRACKER_H
#define PH_HTTP_ERROR_TRACKER_H

#include "core/base/error.h"
#include "core/base/metrics.h"

struct ph_error_tracker;

struct ph_error_tracker_options {
    const char *dsn;         /* https://<key>@<host>/<project> */
    const char *release;     /* "porthole@0.1.0"; borrowed */
    const char *authorities; /* a file of certificates to trust instead of the machine's, or ""; borrowed */
    struct ph_metrics *metrics; /* borrowed */
};

/* -EINVAL for a DSN that is none, -ENOMEM. */
int ph_error_tracker_create(
    struct ph_error_tracker **tracker, const struct ph_error_tracker_options *options) PH_NODISCARD;
/* Sends what is queued, for a second at most. NULL is fine. */
void ph_error_tracker_destroy(struct ph_error_tracker *tracker);

#endif
