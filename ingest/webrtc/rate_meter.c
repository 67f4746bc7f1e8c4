#include "ingest/webrtc/rate_meter.h"

#include "core/base/clock.h"

enum { window_us = 500000 };

static double rate_of(const struct ph_rate_meter *meter, int64_t now_us) {
    return (double)meter->bytes * 8 * (double)PH_SECOND_US / (double)(now_us - meter->begun_us);
}

void ph_rate_meter_count(struct ph_rate_meter *meter, size_t bytes, int64_t now_us) {
    if (!meter->begun_us)
        meter->begun_us = now_us;
    if (now_us - meter->begun_us >= window_us) {
        meter->last = rate_of(meter, now_us);
        meter->begun_us = now_us;
        meter->bytes = 0;
    }
    meter->bytes += bytes;
}

double ph_rate_meter_read(const struct ph_rate_meter *meter, int64_t now_us) {
    if (meter->begun_us && now_us - meter->begun_us >= window_us)
        return rate_of(meter, now_us);
    return meter->last;
}
