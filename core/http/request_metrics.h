/* What is counted of the requests of one kind. */
#ifndef PH_HTTP_REQUEST_METRICS_H
#define PH_HTTP_REQUEST_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/metrics.h"

struct ph_request_metrics;

/* `metrics` (borrowed) may be NULL: then nothing is counted. Copies `kind`. */
int ph_request_metrics_create(
    struct ph_request_metrics **out, struct ph_metrics *metrics, const char *kind) PH_NODISCARD;
void ph_request_metrics_destroy(struct ph_request_metrics *counted);
/* One answered request. A held request's duration includes the time it was held, under the label held="yes".
 */
void ph_request_metrics_count(
    struct ph_request_metrics *counted, unsigned status, uint64_t body_bytes, int64_t duration_us, bool held);

#endif
