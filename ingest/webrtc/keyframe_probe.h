/* Does a packet begin a keyframe? Looks at the first bytes of the payload alone. Pure. */
#ifndef PH_INGEST_WEBRTC_KEYFRAME_PROBE_H
#define PH_INGEST_WEBRTC_KEYFRAME_PROBE_H

#include <stdbool.h>

#include "core/base/bytes.h"
#include "ingest/webrtc/negotiation.h"

/* H.264 (RFC 6184), VP8 (RFC 7741), VP9 (RFC 9628), H.265 (RFC 7798), AV1's payload format. */
bool ph_keyframe_begins(enum ph_codec codec, struct ph_slice payload);

#endif
