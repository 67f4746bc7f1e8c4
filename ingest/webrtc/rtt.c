#include "ingest/webrtc/rtt.h"

#include "core/base/clock.h"

enum { usual_us = 100000, least_us = 1000, slack_us = 5000 };

void ph_rtt_take(struct ph_rtt *rtt, int64_t measured_us) {
    if (measured_us < 0 || measured_us > 10 * PH_SECOND_US)
        return;
    if (measured_us < least_us)
        measured_us = least_us;
    if (!rtt->smoothed_us) {
        *rtt = (struct ph_rtt){.smoothed_us = measured_us, .variation_us = measured_us / 2};
        return;
    }
    int64_t difference = measured_us - rtt->smoothed_us;
    rtt->variation_us += ((difference < 0 ? -difference : difference) - rtt->variation_us) / 4;
    rtt->smoothed_us += difference / 8;
}

int64_t ph_rtt_patience_us(const struct ph_rtt *rtt) {
    return rtt->smoothed_us ? rtt->smoothed_us + 2 * rtt->variation_us + slack_us : usual_us;
}
