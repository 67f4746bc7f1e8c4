#include "api/traffic_reporter.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/ticker.h"

static const int64_t usual_period_us = 10 * PH_SECOND_US;

struct ph_traffic_reporter {
    struct ph_traffic_reporter_options options;
    struct ph_ticker *ticker;
    /* The ticker's while it runs. */
    struct ph_traffic list[PH_MOST_TRAFFIC];
    bool is_failing; /* the last report was not kept */
};

static void report(void *opaque) {
    struct ph_traffic_reporter *reporter = opaque;
    struct ph_traffic_source *source = reporter->options.source;
    size_t count = source->take(source, reporter->list);
    int code = count > 0 ? ph_traffic_add(reporter->options.db, reporter->list, count) : 0;
    for (size_t i = 0; code < 0 && i < count; i++)
        source->give_back(source, &reporter->list[i]);
    if (code < 0 && !reporter->is_failing)
        ph_log_warning("bytes sent are not kept account of; the database does not answer", ph_code(code));
    reporter->is_failing = code < 0;
}

int ph_traffic_reporter_create(
    struct ph_traffic_reporter **result, const struct ph_traffic_reporter_options *options) {
    struct ph_traffic_reporter *reporter = calloc(1, sizeof(*reporter));
    if (!reporter)
        return -ENOMEM;
    reporter->options = *options;
    int64_t period_us = options->period_us ? options->period_us : usual_period_us;
    int code = ph_ticker_start(&reporter->ticker, &(struct ph_ticker_options){.name = "traffic-report",
                                                      .first_us = period_us,
                                                      .period_us = period_us,
                                                      .tick = report,
                                                      .opaque = reporter});
    if (code < 0) {
        free(reporter);
        return code;
    }
    *result = reporter;
    return 0;
}

void ph_traffic_reporter_destroy(struct ph_traffic_reporter *reporter) {
    if (!reporter)
        return;
    ph_ticker_stop(&reporter->ticker);
    if (!reporter->is_failing)
        report(reporter);
    free(reporter);
}
