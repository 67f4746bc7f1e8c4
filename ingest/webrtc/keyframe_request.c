#include "ingest/webrtc/keyframe_request.h"

#include "core/base/clock.h"

enum { least_interval_us = 250000, most_interval_us = 2000000 };

void ph_keyframe_request_want(struct ph_keyframe_request *request, int64_t now_us) {
    if (request->wanted)
        return;
    request->wanted = true;
    request->interval_us = 0;
    if (request->due_us < now_us)
        request->due_us = now_us;
}

void ph_keyframe_request_satisfy(struct ph_keyframe_request *request) {
    request->wanted = false;
}

bool ph_keyframe_request_take(struct ph_keyframe_request *request, const struct ph_rtt *rtt, int64_t now_us) {
    if (!request->wanted || now_us < request->due_us)
        return false;
    int64_t first = 2 * ph_rtt_patience_us(rtt);
    int64_t interval = request->interval_us ? 2 * request->interval_us : first;
    if (interval < least_interval_us)
        interval = least_interval_us;
    request->interval_us = interval > most_interval_us ? most_interval_us : interval;
    request->due_us = now_us + request->interval_us;
    return true;
}

int64_t ph_keyframe_request_due_us(const struct ph_keyframe_request *request) {
    return request->wanted ? request->due_us : PH_NEVER_US;
}
