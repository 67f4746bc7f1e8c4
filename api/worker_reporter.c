#include "api/worker_reporter.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/ticker.h"

static const int64_t usual_period_us = 3 * PH_SECOND_US;

struct ph_worker_reporter {
    struct ph_worker_reporter_options options;
    struct ph_ticker *ticker;
    /* The ticker's while it runs. */
    struct ph_worker_record record;
    bool was_told; /* the worker drains */
    bool was_written;
};

static int64_t now_ms(struct ph_worker_reporter *reporter) {
    return ph_clock_utc_us(reporter->options.clock) / PH_MILLISECOND_US;
}

static void report(void *opaque) {
    struct ph_worker_reporter *reporter = opaque;
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
    source->drain(source);
    ph_log_info("worker was told to drain", ph_str("worker", record->id));
}

int ph_worker_reporter_create(
    struct ph_worker_reporter **result, const struct ph_worker_reporter_options *options) {
    struct ph_worker_reporter *reporter = calloc(1, sizeof(*reporter));
    if (!reporter)
        return -ENOMEM;
    reporter->options = *options;
    ph_random_id(reporter->record.id, PH_SESSION_ID_CHARACTERS);
    snprintf(reporter->record.name, sizeof(reporter->record.name), "%s", options->name);
    reporter->record.started_ms = now_ms(reporter);
    int code = ph_ticker_start(
        &reporter->ticker, &(struct ph_ticker_options){.name = "worker-report",
                               .period_us = options->period_us ? options->period_us : usual_period_us,
                               .tick = report,
                               .opaque = reporter});
    if (code < 0) {
        free(reporter);
        return code;
    }
    *result = reporter;
    return 0;
}

void ph_worker_reporter_destroy(struct ph_worker_reporter *reporter) {
    if (!reporter)
        return;
    ph_ticker_stop(&reporter->ticker);
    if (reporter->was_written && ph_workers_remove(reporter->options.db, reporter->record.id) < 0)
        ph_log_warning("worker stays in the list until it is forgotten");
    free(reporter);
}

const char *ph_worker_reporter_id(const struct ph_worker_reporter *reporter) {
    return reporter->record.id;
}
