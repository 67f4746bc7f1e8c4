#include "core/http/request_metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

enum { first_status = 100, last_status = 599, status_count = last_status - first_status + 1 };

struct ph_request_metrics {
    struct ph_metrics *metrics;
    char *kind;
    struct ph_metric *bytes;
    struct ph_metric *at_once, *held;
    _Atomic(struct ph_metric *) by_status[status_count]; /* found on first use */
};

static struct ph_metric *duration(struct ph_metrics *metrics, const char *kind, const char *held) {
    return ph_metrics_histogram(metrics, "porthole_http_request_duration_seconds",
        "Time from a request's head to its answer; held=\"yes\" includes the time it waited on purpose.",
        PH_LABELS({"kind", kind}, {"held", held}), ph_latency_bounds, ph_latency_bounds_count);
}

int ph_request_metrics_create(struct ph_request_metrics **out, struct ph_metrics *metrics, const char *kind) {
    *out = NULL;
    struct ph_request_metrics *counted = calloc(1, sizeof(*counted));
    if (!counted)
        return -ENOMEM;
    counted->kind = strdup(kind);
    if (!counted->kind) {
        free(counted);
        return -ENOMEM;
    }
    counted->metrics = metrics;
    if (metrics) {
        counted->bytes = ph_metrics_counter(metrics, "porthole_http_response_bytes_total",
            "Bytes of response bodies.", PH_LABELS({"kind", kind}));
        counted->at_once = duration(metrics, kind, "no");
        counted->held = duration(metrics, kind, "yes");
    }
    *out = counted;
    return 0;
}

void ph_request_metrics_destroy(struct ph_request_metrics *counted) {
    if (!counted)
        return;
    free(counted->kind);
    free(counted);
}

static struct ph_metric *requests(struct ph_request_metrics *counted, unsigned status) {
    _Atomic(struct ph_metric *) *slot = &counted->by_status[status - first_status];
    struct ph_metric *metric = atomic_load_explicit(slot, memory_order_acquire);
    if (metric)
        return metric;
    char text[16];
    snprintf(text, sizeof(text), "%u", status);
    metric = ph_metrics_counter(counted->metrics, "porthole_http_requests_total", "Requests answered.",
        PH_LABELS({"kind", counted->kind}, {"status", text}));
    atomic_store_explicit(slot, metric, memory_order_release);
    return metric;
}

void ph_request_metrics_count(struct ph_request_metrics *counted, unsigned status, uint64_t body_bytes,
    int64_t duration_us, bool held) {
    if (!counted->metrics || status < first_status || status > last_status)
        return;
    ph_metric_add(requests(counted, status), 1);
    ph_metric_add(counted->bytes, (double)body_bytes);
    ph_metric_observe(held ? counted->held : counted->at_once, (double)duration_us / (double)PH_SECOND_US);
}
