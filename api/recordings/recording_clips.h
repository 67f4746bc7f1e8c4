/* Clips: a piece of a recording, as a recording of its own. */
#ifndef PH_API_RECORDINGS_RECORDING_CLIPS_H
#define PH_API_RECORDINGS_RECORDING_CLIPS_H

#include "api/body.h"
#include "api/call.h"
#include "api/recordings/recordings_store.h"
#include "core/http/response.h"

enum { PH_MOST_PENDING_CLIPS = 20 }; /* of one owner */
#define PH_LEAST_CLIP_MS INT64_C(1000)
#define PH_MOST_CLIP_MS (INT64_C(3600) * 1000)

struct ph_clip_wish {
    int64_t from_ms, to_ms;
    char title[PH_TITLE_BYTES]; /* "": the source's */
};
/* Of a source that is as long as `most_ms`. -EINVAL with the fault; -ENOMEM. */
int ph_clip_request_parse(struct ph_slice bytes, int64_t most_ms, struct ph_clip_wish *wish,
    struct ph_body_fault *fault) PH_NODISCARD;

/* Adds the clip that the call's body asks for. NULL with the new row, or the refusal. */
struct ph_http_response *ph_recording_clip(struct ph_db *db, const struct ph_api_call *call,
    const struct ph_recording *source, int64_t now_ms, struct ph_recording *made);

#endif
