/* The profiles resource: who a streamer is, and who its guardians are. */
#ifndef PH_API_PROFILES_H
#define PH_API_PROFILES_H

#include "api/dispatch.h"
#include "api/revocations.h"
#include "core/db/db.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_profiles_resource {
    struct ph_db *db;
    struct ph_clock *clock;
    const char *cluster_secret;
    struct ph_revoker *revoker;
};

extern const struct ph_api_route ph_profiles_routes[];
extern const size_t ph_profiles_route_count;

#endif
