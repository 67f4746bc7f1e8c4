/* GET /api/events: the events of a session, or the states of all that the caller may see listed. */
#ifndef PH_API_EVENT_STREAM_H
#define PH_API_EVENT_STREAM_H

#include "api/dispatch.h"
#include "api/event_hub.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_event_stream_resource {
    struct ph_event_hub *hub;
    struct ph_sessions *sessions;
};

extern const struct ph_api_route ph_event_stream_routes[];
extern const size_t ph_event_stream_route_count;

#endif
