/* Bits a second over about the last second. Pure; embedded. */
#ifndef PH_INGEST_WEBRTC_RATE_METER_H
#define PH_INGEST_WEBRTC_RATE_METER_H

#include <stddef.h>
#include <stdint.h>

struct ph_rate_meter {
    int64_t begun_us; /* of the window at hand; 0: nothing counted */
    uint64_t bytes;   /* in it */
    double last;      /* bit/s of the window before */
};

void ph_rate_meter_count(struct ph_rate_meter *meter, size_t bytes, int64_t now_us);
double ph_rate_meter_read(const struct ph_rate_meter *meter, int64_t now_us);

#endif
