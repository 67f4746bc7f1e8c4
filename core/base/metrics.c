#include "core/base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most_bounds = 24 };
enum kind { counter, gauge, histogram };

const double ph_latency_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3,
    0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10};
const size_t ph_latency_bounds_count = sizeof(ph_latency_bounds) / sizeof(ph_latency_bounds[0]);

struct ph_metric {
    struct ph_metric *next;
    char *labels; /* `key="value",…` or empty; never NULL but in the fallback metric */
    _Atomic double value;
    _Atomic double sum;
    size_t bound_count;
    double bounds[most_bounds];
    atomic_ullong buckets[most_bounds + 1];
};

struct family {
    struct family *next;
    enum kind kind;
    char *name;
    char *help;
    struct ph_metric *metrics; /* guarded by the registry's lock */
};

struct ph_metrics {
    pthread_mutex_t lock;
    struct family *families; /* guarded by lock */
};

static struct ph_metric unseen;

static void metric_destroy(struct ph_metric *metric) {
    free(metric->labels);
    free(metric);
}

static void family_destroy(struct family *family) {
    while (family->metrics) {
        struct ph_metric *metric = family->metrics;
        family->metrics = metric->next;
        metric_destroy(metric);
    }
    free(family->name);
    free(family->help);
    free(family);
}

int ph_metrics_create(struct ph_metrics **out) {
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return -ENOMEM;
    pthread_mutex_init(&(*out)->lock, NULL);
    return 0;
}

void ph_metrics_destroy(struct ph_metrics *metrics) {
    if (!metrics)
        return;
    while (metrics->families) {
        struct family *family = metrics->families;
        metrics->families = family->next;
        family_destroy(family);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

/* The label set as text; values escaped as the exposition format asks. NULL when out of memory. */
static char *labels_text(const struct ph_label *labels) {
    struct ph_builder builder = {0};
    for (const struct ph_label *label = labels; label && label->key; label++) {
        ph_builder_format(&builder, "%s%s=\"", label == labels ? "" : ",", label->key);
        for (const char *p = label->value ? label->value : ""; *p; p++) {
            if (*p == '\n')
                ph_builder_text(&builder, "\\n");
            else if (*p == '"' || *p == '\\')
                ph_builder_format(&builder, "\\%c", *p);
            else
                ph_builder_append(&builder, p, 1);
        }
        ph_builder_text(&builder, "\"");
    }
    return ph_builder_finish_string(&builder);
}

static struct family *find_family(
    struct ph_metrics *metrics, enum kind kind, const char *name, const char *help) {
    struct family **link = &metrics->families;
    while (*link && strcmp((*link)->name, name) < 0)
        link = &(*link)->next;
    if (*link && strcmp((*link)->name, name) == 0)
        return *link;
    struct family *family = calloc(1, sizeof(*family));
    if (!family)
        return NULL;
    family->kind = kind;
    family->name = strdup(name);
    family->help = strdup(help);
    if (!family->name || !family->help) {
        family_destroy(family);
        return NULL;
    }
    family->next = *link;
    *link = family;
    return family;
}

static struct ph_metric *find_metric(struct family *family, char *labels) {
    struct ph_metric **link = &family->metrics;
    while (*link && strcmp((*link)->labels, labels) != 0)
        link = &(*link)->next;
    if (*link) {
        free(labels);
        return *link;
    }
    struct ph_metric *metric = calloc(1, sizeof(*metric));
    if (!metric) {
        free(labels);
        return NULL;
    }
    metric->labels = labels;
    *link = metric;
    return metric;
}

static struct ph_metric *find_or_make(struct ph_metrics *metrics, enum kind kind, const char *name,
    const char *help, const struct ph_label *labels, const double *bounds, size_t bound_count) {
    char *text = labels_text(labels);
    if (!text)
        return &unseen;
    pthread_mutex_lock(&metrics->lock);
    struct family *family = find_family(metrics, kind, name, help);
    struct ph_metric *metric = NULL;
    if (family)
        metric = find_metric(family, text);
    else
        free(text);
    if (metric && bound_count && !metric->bound_count) {
        memcpy(metric->bounds, bounds, bound_count * sizeof(bounds[0]));
        metric->bound_count = bound_count;
    }
    pthread_mutex_unlock(&metrics->lock);
    return metric ? metric : &unseen;
}

struct ph_metric *ph_metrics_counter(
    struct ph_metrics *metrics, const char *name, const char *help, const struct ph_label *labels) {
    return find_or_make(metrics, counter, name, help, labels, NULL, 0);
}

struct ph_metric *ph_metrics_gauge(
    struct ph_metrics *metrics, const char *name, const char *help, const struct ph_label *labels) {
    return find_or_make(metrics, gauge, name, help, labels, NULL, 0);
}

struct ph_metric *ph_metrics_histogram(struct ph_metrics *metrics, const char *name, const char *help,
    const struct ph_label *labels, const double *bounds, size_t count) {
    return find_or_make(
        metrics, histogram, name, help, labels, bounds, count < most_bounds ? count : most_bounds);
}

/* Whether the label set holds exactly this label. */
static bool carries(const char *labels, const char *wanted) {
    size_t size = strlen(wanted);
    for (const char *p = labels; (p = strstr(p, wanted)); p++) {
        if ((p == labels || p[-1] == ',') && (p[size] == ',' || p[size] == '\0'))
            return true;
    }
    return false;
}

void ph_metrics_forget(struct ph_metrics *metrics, const char *label_key, const char *label_value) {
    char *wanted = labels_text(PH_LABELS({label_key, label_value}));
    if (!wanted)
        return;
    pthread_mutex_lock(&metrics->lock);
    for (struct family *family = metrics->families; family; family = family->next) {
        struct ph_metric **link = &family->metrics;
        while (*link) {
            struct ph_metric *metric = *link;
            if (carries(metric->labels, wanted)) {
                *link = metric->next;
                metric_destroy(metric);
            } else {
                link = &metric->next;
            }
        }
    }
    pthread_mutex_unlock(&metrics->lock);
    free(wanted);
}

static void atomic_add(_Atomic double *target, double amount) {
    double before = atomic_load_explicit(target, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        target, &before, before + amount, memory_order_relaxed, memory_order_relaxed)) {
    }
}

void ph_metric_add(struct ph_metric *metric, double amount) {
    atomic_add(&metric->value, amount);
}

void ph_metric_set(struct ph_metric *metric, double value) {
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

double ph_metric_value(struct ph_metric *metric) {
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

void ph_metric_observe(struct ph_metric *metric, double value) {
    size_t bucket = 0;
    while (bucket < metric->bound_count && value > metric->bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&metric->buckets[bucket], 1, memory_order_relaxed);
    atomic_add(&metric->sum, value);
}

void ph_metric_observe_counted(struct ph_metric *metric, const uint64_t *counts, double sum) {
    for (size_t i = 0; i <= metric->bound_count; i++)
        atomic_fetch_add_explicit(&metric->buckets[i], counts[i], memory_order_relaxed);
    atomic_add(&metric->sum, sum);
}

static void render_plain(struct ph_builder *builder, const char *name, struct ph_metric *metric) {
    const char *labels = metric->labels;
    ph_builder_format(builder, "%s%s%s%s %.17g\n", name, *labels ? "{" : "", labels, *labels ? "}" : "",
        ph_metric_value(metric));
}

static void render_histogram(struct ph_builder *builder, const char *name, struct ph_metric *metric) {
    const char *labels = metric->labels;
    const char *comma = *labels ? "," : "";
    unsigned long long total = 0;
    for (size_t i = 0; i <= metric->bound_count; i++) {
        total += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
        if (i < metric->bound_count)
            ph_builder_format(
                builder, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, comma, metric->bounds[i], total);
        else
            ph_builder_format(builder, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, total);
    }
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    ph_builder_format(builder, "%s_sum%s%s%s %.17g\n", name, open, labels, close,
        atomic_load_explicit(&metric->sum, memory_order_relaxed));
    ph_builder_format(builder, "%s_count%s%s%s %llu\n", name, open, labels, close, total);
}

void ph_metrics_render(struct ph_metrics *metrics, struct ph_builder *builder) {
    static const char *const types[] = {"counter", "gauge", "histogram"};
    pthread_mutex_lock(&metrics->lock);
    for (struct family *family = metrics->families; family; family = family->next) {
        if (!family->metrics)
            continue;
        ph_builder_format(builder, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
            types[family->kind]);
        for (struct ph_metric *metric = family->metrics; metric; metric = metric->next) {
            if (family->kind == histogram)
                render_histogram(builder, family->name, metric);
            else
                render_plain(builder, family->name, metric);
        }
    }
    pthread_mutex_unlock(&metrics->lock);
}
