#include "ingest/webrtc/log_allowance.h"

static const double burst = 20, per_second = 2;

void ph_log_allowance_init(struct ph_log_allowance *allowance) {
    *allowance = (struct ph_log_allowance){.tokens = burst};
    pthread_mutex_init(&allowance->lock, NULL);
}

void ph_log_allowance_finish(struct ph_log_allowance *allowance) {
    pthread_mutex_destroy(&allowance->lock);
}

bool ph_log_allowance_take(struct ph_log_allowance *allowance, int64_t now_us, uint64_t *suppressed) {
    pthread_mutex_lock(&allowance->lock);
    double tokens = allowance->tokens + (double)(now_us - allowance->counted_us) / 1e6 * per_second;
    allowance->counted_us = now_us;
    allowance->tokens = tokens < burst ? tokens : burst;
    bool allowed = allowance->tokens >= 1;
    *suppressed = allowance->suppressed;
    if (allowed) {
        allowance->tokens -= 1;
        allowance->suppressed = 0;
    } else {
        allowance->suppressed++;
    }
    pthread_mutex_unlock(&allowance->lock);
    return allowed;
}
