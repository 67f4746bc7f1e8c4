/* The analytics resource: how long, how many, and with what. */
#ifndef PH_API_ANALYTICS_H
#define PH_API_ANALYTICS_H

#include "api/dispatch.h"
#include "api/sessions_store.h"
#include "core/base/clock.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_analytics_resource {
    struct ph_db *db;
    struct ph_sessions *sessions;
    struct ph_clock *clock;
};

extern const struct ph_api_route ph_analytics_routes[];
extern const size_t ph_analytics_route_count;

#endif
