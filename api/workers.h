/* The workers resource: which nodes transcode, how they fare, and that one shall take no more sessions. */
#ifndef PH_API_WORKERS_H
#define PH_API_WORKERS_H

#include "api/dispatch.h"
#include "core/base/clock.h"
#include "core/db/db.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_workers_resource {
    struct ph_db *db;
    struct ph_clock *clock;
};

extern const struct ph_api_route ph_workers_routes[];
extern const size_t ph_workers_route_count;

#endif
