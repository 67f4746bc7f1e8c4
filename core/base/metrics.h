/* Prometheus metrics: counters, gauges and histograms, each with labels, in one registry a process.
 *
 * A metric is made on first use and found again by name and labels; taking it is a look-up under a lock, so
 * hot paths keep the pointer. Updates are atomic and lock-free. The registry is borrowed by everybody and
 * outlives them all. */
#ifndef PH_BASE_METRICS_H
#define PH_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/error.h"

struct ph_metrics;
struct ph_metric;

/* A label; an array of them ends with {NULL, NULL}. */
struct ph_label {
    const char *key;
    const char *value;
};
#define PH_LABELS(...) ((const struct ph_label[]){__VA_ARGS__, {NULL, NULL}})

int ph_metrics_create(struct ph_metrics **metrics) PH_NODISCARD;
void ph_metrics_destroy(struct ph_metrics *metrics);

/* Found or made; NULL labels mean none. Never NULL: when memory is out, a metric that nobody sees is
 * returned, so that measuring cannot fail the measured. `name` and `help` are copied. */
struct ph_metric *ph_metrics_counter(
    struct ph_metrics *metrics, const char *name, const char *help, const struct ph_label *labels);
struct ph_metric *ph_metrics_gauge(
    struct ph_metrics *metrics, const char *name, const char *help, const struct ph_label *labels);
/* `bounds` are ascending upper bounds, `count` at most 24; the bucket above the last is implied. */
struct ph_metric *ph_metrics_histogram(struct ph_metrics *metrics, const char *name, const char *help,
    const struct ph_label *labels, const double *bounds, size_t count);
/* Removes every metric that carries this label, for instance of a session that ended. Pointers to them become
 * invalid: only their owner may call this. */
void ph_metrics_forget(struct ph_metrics *metrics, const char *label_key, const char *label_value);

/* Counters and gauges. A counter is only ever added to. */
void ph_metric_add(struct ph_metric *metric, double amount);
void ph_metric_set(struct ph_metric *metric, double value);
double ph_metric_value(struct ph_metric *metric);
/* Histograms. */
void ph_metric_observe(struct ph_metric *metric, double value);
/* Observations counted elsewhere: one number for each bound and one above the last, and their sum. */
void ph_metric_observe_counted(struct ph_metric *metric, const uint64_t *counts, double sum);

/* Latencies in seconds from 1 ms to 10 s. */
extern const double ph_latency_bounds[];
extern const size_t ph_latency_bounds_count;

/* Appends the whole registry in the Prometheus text format 0.0.4. */
void ph_metrics_render(struct ph_metrics *metrics, struct ph_builder *builder);

#endif
