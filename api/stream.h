/* What a headset, a page or the main app asks for around a stream: tokens, and the beat before media arrives.
 */
#ifndef PH_API_STREAM_H
#define PH_API_STREAM_H

#include "api/dispatch.h"
#include "api/sessions_store.h"
#include "core/base/settings.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_stream_resource {
    const struct ph_settings *settings;
    struct ph_sessions *sessions;
    struct ph_clock *clock;
};

extern const struct ph_api_route ph_stream_routes[];
extern const size_t ph_stream_route_count;

#endif
