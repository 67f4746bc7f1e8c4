/* The sessions resource: start, end, list, one. */
#ifndef PH_API_SESSIONS_H
#define PH_API_SESSIONS_H

#include "api/dispatch.h"
#include "api/session_feed.h"
#include "api/sessions_store.h"
#include "core/base/settings.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_sessions_resource {
    const struct ph_settings *settings;
    struct ph_db *db;
    struct ph_sessions *sessions;
    struct ph_session_feed *feed;
    struct ph_clock *clock;
    struct ph_api_runtime *runtime;
    struct ph_metric *started;
    uint16_t srt_port;
};

extern const struct ph_api_route ph_sessions_routes[];
extern const size_t ph_sessions_route_count;

#endif
