#include "core/http/error_tracker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/queue.h"
#include "core/base/thread.h"
#include "core/http/client.h"
#include "core/http/error_event.h"

enum { MOST_WAITING = 64 };

static const int64_t exchange_us = 5 * PH_SECOND_US;
static const int64_t most_stop_us = 1 * PH_SECOND_US;
/* For a 429 that does not say for how long. */
static const int64_t usual_pause_us = 60 * PH_SECOND_US;

struct ph_error_tracker {
    struct ph_error_tracker_options options;
    struct ph_dsn dsn;
    char authorization[256];
    struct ph_queue *envelopes;
    struct ph_http_client *client;
    pthread_t thread;
    bool has_thread;
    int64_t silent_until_us; /* the thread's own */
    struct ph_metric *sent, *dropped;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool has_ended; /* under lock: the thread is through its queue */
};

static void observe(void *opaque, const char *message, const struct ph_log_field *fields) {
    struct ph_error_tracker *tracker = opaque;
    char *envelope =
        ph_error_event_write(&tracker->dsn, &(struct ph_error_event){.release = tracker->options.release,
                                                .message = message,
                                                .fields = fields,
                                                .at_us = ph_utc_now_us()});
    if (!envelope || ph_queue_push(tracker->envelopes, envelope, 0) < 0) {
        free(envelope);
        ph_metric_add(tracker->dropped, 1);
    }
}

static bool post(struct ph_error_tracker *tracker, const char *envelope) {
    const char *const headers[] = {
        "Content-Type: application/x-sentry-envelope", tracker->authorization, NULL};
    struct ph_http_exchange exchange = {.method = "POST",
        .url = tracker->dsn.url,
        .headers = headers,
        .body = {(const uint8_t *)envelope, strlen(envelope)},
        .timeout_us = exchange_us,
        .most_answer_bytes = 16384,
        .authorities = tracker->options.authorities};
    int code = ph_http_client_perform(tracker->client, &exchange);
    if (code == 0 && exchange.status == 429)
        tracker->silent_until_us =
            ph_now_us() + (exchange.retry_after_us > 0 ? exchange.retry_after_us : usual_pause_us);
    bool is_good = code == 0 && exchange.status >= 200 && exchange.status < 300;
    ph_http_exchange_finish(&exchange);
    return is_good;
}

/* Logs nothing: it would hear itself. */
static void *run(void *opaque) {
    struct ph_error_tracker *tracker = opaque;
    void *item;
    while (ph_queue_pop(tracker->envelopes, &item, PH_NEVER_US) == 0) {
        bool is_sent = ph_now_us() >= tracker->silent_until_us && post(tracker, item);
        ph_metric_add(is_sent ? tracker->sent : tracker->dropped, 1);
        free(item);
    }
    pthread_mutex_lock(&tracker->lock);
    tracker->has_ended = true;
    pthread_cond_signal(&tracker->ended);
    pthread_mutex_unlock(&tracker->lock);
    return NULL;
}

static int create_parts(struct ph_error_tracker *tracker) {
    snprintf(tracker->authorization, sizeof(tracker->authorization),
        "X-Sentry-Auth: Sentry sentry_version=7, sentry_client=porthole/1.0, sentry_key=%s",
        tracker->dsn.key);
    tracker->sent = ph_metrics_counter(tracker->options.metrics, "porthole_errors_reported_total",
        "Errors that the error tracker took", NULL);
    tracker->dropped = ph_metrics_counter(tracker->options.metrics, "porthole_errors_dropped_total",
        "Errors that were not reported: too many at once, or the error tracker did not take them", NULL);
    int code = ph_http_client_create(&tracker->client);
    if (code == 0)
        code = ph_queue_create(&tracker->envelopes, MOST_WAITING);
    if (code == 0)
        code = ph_thread_start(&tracker->thread, "errors", run, tracker);
    tracker->has_thread = code == 0;
    return code;
}

int ph_error_tracker_create(
    struct ph_error_tracker **result, const struct ph_error_tracker_options *options) {
    struct ph_error_tracker *tracker = calloc(1, sizeof(*tracker));
    if (!tracker)
        return -ENOMEM;
    tracker->options = *options;
    pthread_mutex_init(&tracker->lock, NULL);
    int code = ph_cond_init(&tracker->ended);
    if (code < 0) {
        pthread_mutex_destroy(&tracker->lock);
        free(tracker);
        return code;
    }
    code = ph_dsn_parse(options->dsn, &tracker->dsn) ? create_parts(tracker) : -EINVAL;
    if (code < 0) {
        ph_error_tracker_destroy(tracker);
        return code;
    }
    ph_log_observe_errors(observe, tracker);
    *result = tracker;
    return 0;
}

static void await_end(struct ph_error_tracker *tracker) {
    int64_t deadline_us = ph_now_us() + most_stop_us;
    pthread_mutex_lock(&tracker->lock);
    while (
        !tracker->has_ended && ph_cond_wait_until(&tracker->ended, &tracker->lock, deadline_us) != -ETIMEDOUT)
        ;
    pthread_mutex_unlock(&tracker->lock);
}

void ph_error_tracker_destroy(struct ph_error_tracker *tracker) {
    void *item;
    if (!tracker)
        return;
    ph_log_observe_errors(NULL, NULL);
    if (tracker->has_thread) {
        ph_queue_close(tracker->envelopes);
        await_end(tracker);
        ph_http_client_cancel(tracker->client);
        pthread_join(tracker->thread, NULL);
    }
    while (tracker->envelopes && ph_queue_pop(tracker->envelopes, &item, 0) == 0)
        free(item);
    ph_queue_destroy(tracker->envelopes);
    ph_http_client_destroy(tracker->client);
    pthread_cond_destroy(&tracker->ended);
    pthread_mutex_destroy(&tracker->lock);
    free(tracker);
}
