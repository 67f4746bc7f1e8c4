/* When a keyframe is asked for: at most so often, again until one begins. Pure; embedded. */
#ifndef PH_INGEST_WEBRTC_KEYFRAME_REQUEST_H
#define PH_INGEST_WEBRTC_KEYFRAME_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/webrtc/rtt.h"

struct ph_keyframe_request {
    bool wanted;
    int64_t due_us;      /* of the next asking, while wanted */
    int64_t interval_us; /* to the one after */
};

/* A keyframe is needed. */
void ph_keyframe_request_want(struct ph_keyframe_request *request, int64_t now_us);
/* One began: nothing more is asked for. */
void ph_keyframe_request_satisfy(struct ph_keyframe_request *request);
/* True when it is to be asked for now; notes that it was. */
bool ph_keyframe_request_take(struct ph_keyframe_request *request, const struct ph_rtt *rtt, int64_t now_us);
/* The next asking; PH_NEVER_US when none is wanted. */
int64_t ph_keyframe_request_due_us(const struct ph_keyframe_request *request);

#endif
