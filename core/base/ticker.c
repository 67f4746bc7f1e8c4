#include "core/base/ticker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/thread.h"

struct ph_ticker {
    struct ph_ticker_options options; /* constant */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop_asked; /* with lock */
    bool is_stopping;          /* guarded by lock */
};

static void *run(void *opaque) {
    struct ph_ticker *ticker = opaque;
    int64_t due_us = ph_now_us() + ticker->options.first_us;
    pthread_mutex_lock(&ticker->lock);
    while (!ticker->is_stopping) {
        if (ph_cond_wait_until(&ticker->stop_asked, &ticker->lock, due_us) != -ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&ticker->lock);
        ticker->options.tick(ticker->options.opaque);
        due_us = ph_now_us() + ticker->options.period_us;
        pthread_mutex_lock(&ticker->lock);
    }
    pthread_mutex_unlock(&ticker->lock);
    return NULL;
}

int ph_ticker_start(struct ph_ticker **started, const struct ph_ticker_options *options) {
    *started = NULL;
    struct ph_ticker *ticker = calloc(1, sizeof(*ticker));
    if (!ticker)
        return -ENOMEM;
    ticker->options = *options;
    int code = ph_cond_init(&ticker->stop_asked);
    if (code < 0) {
        free(ticker);
        return code;
    }
    pthread_mutex_init(&ticker->lock, NULL);
    code = ph_thread_start(&ticker->thread, options->name, run, ticker);
    if (code < 0) {
        pthread_cond_destroy(&ticker->stop_asked);
        pthread_mutex_destroy(&ticker->lock);
        free(ticker);
        return code;
    }
    *started = ticker;
    return 0;
}

void ph_ticker_stop(struct ph_ticker **stopped) {
    struct ph_ticker *ticker = *stopped;
    *stopped = NULL;
    if (!ticker)
        return;
    pthread_mutex_lock(&ticker->lock);
    ticker->is_stopping = true;
    pthread_cond_signal(&ticker->stop_asked);
    pthread_mutex_unlock(&ticker->lock);
    pthread_join(ticker->thread, NULL);
    pthread_cond_destroy(&ticker->stop_asked);
    pthread_mutex_destroy(&ticker->lock);
    free(ticker);
}
