#include "api/traffic_reporter.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/thread.h"

static const int64_t usual_period_us = 10 * PH_SECOND_US;

struct ph_traffic_reporter {
    struct ph_traffic_reporter_options options;
    struct ph_traffic list[PH_MOST_TRAFFIC]; /* the thread's */
    bool is_failing;                         /* the thread's: the last report was not kept */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool is_stopping; /* under lock */
};

static void report(struct ph_traffic_reporter *reporter) {
    struct ph_traffic_source *source = reporter->options.source;
    size_t count = source->take(source, reporter->list);
    int code = count > 0 ? ph_traffic_add(reporter->options.db, reporter->list, count) : 0;
    for (size_t i = 0; code < 0 && i < count; i++)
        source->give_back(source, &reporter->list[i]);
    if (code < 0 && !reporter->is_failing)
        ph_log_warning("bytes sent are not kept account of; the database does not answer", ph_code(code));
    reporter->is_failing = code < 0;
}

static void *run(void *opaque) {
    struct ph_traffic_reporter *reporter = opaque;
    int64_t due_us = ph_now_us() + reporter->options.period_us;
    pthread_mutex_lock(&reporter->lock);
    while (!reporter->is_stopping) {
        if (ph_cond_wait_until(&reporter->stopped, &reporter->lock, due_us) == 0)
            continue;
        pthread_mutex_unlock(&reporter->lock);
        report(reporter);
        due_us = ph_now_us() + reporter->options.period_us;
        pthread_mutex_lock(&reporter->lock);
    }
    pthread_mutex_unlock(&reporter->lock);
    if (!reporter->is_failing)
        report(reporter);
    return NULL;
}

static int start(struct ph_traffic_reporter *reporter) {
    int code = ph_cond_init(&reporter->stopped);
    if (code < 0)
        return code;
    code = ph_thread_start(&reporter->thread, "traffic-report", run, reporter);
    if (code < 0)
        pthread_cond_destroy(&reporter->stopped);
    return code;
}

int ph_traffic_reporter_create(
    struct ph_traffic_reporter **result, const struct ph_traffic_reporter_options *options) {
    struct ph_traffic_reporter *reporter = calloc(1, sizeof(*reporter));
    if (!reporter)
        return -ENOMEM;
    reporter->options = *options;
    if (reporter->options.period_us == 0)
        reporter->options.period_us = usual_period_us;
    pthread_mutex_init(&reporter->lock, NULL);
    int code = start(reporter);
    if (code < 0) {
        pthread_mutex_destroy(&reporter->lock);
        free(reporter);
        return code;
    }
    *result = reporter;
    return 0;
}

void ph_traffic_reporter_destroy(struct ph_traffic_reporter *reporter) {
    if (!reporter)
        return;
    pthread_mutex_lock(&reporter->lock);
    reporter->is_stopping = true;
    pthread_cond_broadcast(&reporter->stopped);
    pthread_mutex_unlock(&reporter->lock);
    pthread_join(reporter->thread, NULL);
    pthread_cond_destroy(&reporter->stopped);
    pthread_mutex_destroy(&reporter->lock);
    free(reporter);
}
