/* The viewers of a session: joining, beating, leaving; who watched, for the owner. */
#ifndef PH_API_VIEWERS_H
#define PH_API_VIEWERS_H

#include "api/dispatch.h"
#include "api/revocations.h"
#include "api/sessions_store.h"
#include "api/viewer_counts.h"
#include "core/base/settings.h"

enum { PH_VIEWERS_ROUTES = 5 };

/* The opaque of the actions; everything is borrowed. */
struct ph_viewers_resource {
    const struct ph_settings *settings;
    struct ph_db *db;
    struct ph_sessions *sessions;
    struct ph_viewer_counts *counts;
    struct ph_revoker *revoker;
    struct ph_clock *clock;
    struct ph_metric *joined;
    struct ph_api_route routes[PH_VIEWERS_ROUTES]; /* they read the header that the settings name */
};

/* Fills in the routes of a resource whose other members are set. */
void ph_viewers_resource_init(struct ph_viewers_resource *resource);

#endif
