/* How many lines a second strangers can make us log. Thread-safe; embedded. */
#ifndef PH_INGEST_WEBRTC_LOG_ALLOWANCE_H
#define PH_INGEST_WEBRTC_LOG_ALLOWANCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ph_log_allowance {
    pthread_mutex_t lock;
    double tokens;       /* guarded by lock */
    int64_t counted_us;  /* guarded by lock */
    uint64_t suppressed; /* guarded by lock */
};

void ph_log_allowance_init(struct ph_log_allowance *allowance);
void ph_log_allowance_finish(struct ph_log_allowance *allowance);
/* Whether one more line may be written, and how many were not since the last. */
bool ph_log_allowance_take(struct ph_log_allowance *allowance, int64_t now_us, uint64_t *suppressed);

#endif
