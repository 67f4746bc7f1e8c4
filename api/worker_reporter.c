#include "api/worker_reporter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/thread.h"

static const int64_t usual_period_us = 3 * PH_SECOND_US;

struct ph_worker_reporter {
    struct ph_worker_reporter_options options;
    struct ph_worker_record record; /* the thread's */
    bool was_told;                  /* the thread's: the worker drains */
    bool was_written;               /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool is_stopping; /* under lock */
};

static int64_t now_ms(struct ph_worker_reporter *reporter) {
    return ph_clock_utc_us(reporter->options.clock) / PH_MILLISECOND_US;
}

static void report(struct ph_worker_reporter *reporter) {
    struct ph_worker_record *record = &reporter->record;
    struct ph_worker_source *source = reporter->options.source;
    source->measure(source, record);
    record->seen_ms = now_ms(reporter);
    int code = ph_workers_report(reporter->options.db, record, record->seen_ms - PH_WORKER_FORGOTTEN_MS);
    if (code < 0 && reporter->was_written)
        ph_log_warning("worker is not told of; the database does not answer", ph_code(code));
    reporter->was_written = code == 0;
    if (!record->is_draining || reporter->was_told)
        return;
    reporter->was_told = true;
    ph_log_info("worker was told to drain", ph_str("worker", record->id));
    source->drain(source);
}

static void *run(void *opaque) {
    struct ph_worker_reporter *reporter = opaque;
    int64_t due_us = ph_now_us();
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
    if (reporter->was_written && ph_workers_remove(reporter->options.db, reporter->record.id) < 0)
        ph_log_warning("worker stays in the list until it is forgotten");
    return NULL;
}

int ph_worker_reporter_create(
    struct ph_worker_reporter **result, const struct ph_worker_reporter_options *options) {
    struct ph_worker_reporter *reporter = calloc(1, sizeof(*reporter));
    if (!reporter)
        return -ENOMEM;
    reporter->options = *options;
    if (reporter->options.period_us == 0)
        reporter->options.period_us = usual_period_us;
    ph_random_id(reporter->record.id, PH_SESSION_ID_CHARACTERS);
    snprintf(reporter->record.name, sizeof(reporter->record.name), "%s", options->name);
    reporter->record.started_ms = now_ms(reporter);
    pthread_mutex_init(&reporter->lock, NULL);
    int code = ph_cond_init(&reporter->stopped);
    if (code == 0) {
        code = ph_thread_start(&reporter->thread, "worker-report", run, reporter);
        if (code < 0)
            pthread_cond_destroy(&reporter->stopped);
    }
    if (code < 0) {
        pthread_mutex_destroy(&reporter->lock);
        free(reporter);
        return code;
    }
    *result = reporter;
    return 0;
}

void ph_worker_reporter_destroy(struct ph_worker_reporter *reporter) {
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

const char *ph_worker_reporter_id(const struct ph_worker_reporter *reporter) {
    return reporter->record.id;
}
