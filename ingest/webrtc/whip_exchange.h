/* What a WHIP request does. Runs in the resource's threads; may wait for the control plane and for the
 * endpoint. */
#ifndef PH_INGEST_WEBRTC_WHIP_EXCHANGE_H
#define PH_INGEST_WEBRTC_WHIP_EXCHANGE_H

#include "core/base/metrics.h"
#include "ingest/webrtc/log_allowance.h"
#include "ingest/webrtc/whip_request.h"

struct ph_whip_exchange {
    struct ph_relays *relays; /* borrowed, as all of them */
    struct ph_webrtc_endpoint *endpoint;
    struct ph_metrics *metrics;
    const char *ladder;
    const char *turn_urls, *turn_secret;
    struct ph_log_allowance *log_allowance;
};

/* The answer; a new reference, NULL when out of memory. */
struct ph_http_response *ph_whip_exchange(
    const struct ph_whip_exchange *exchange, const struct ph_whip_request *request);

/* The rate of a ladder's largest rendition, bit/s: of "1080p30@4500k,720p30@2500k" 4500000; 0 for what is no
 * ladder (pure). */
uint32_t ph_whip_top_rate(const char *ladder);

#endif
