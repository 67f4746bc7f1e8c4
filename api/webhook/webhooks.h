/* The webhooks resource. */
#ifndef PH_API_WEBHOOK_WEBHOOKS_H
#define PH_API_WEBHOOK_WEBHOOKS_H

#include "api/dispatch.h"
#include "core/db/db.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_webhooks_resource {
    struct ph_db *db;
    struct ph_clock *clock;
    bool allow_private;
};

extern const struct ph_api_route ph_webhooks_routes[];
extern const size_t ph_webhooks_route_count;

/* An https:// URL (http:// too where private addresses are allowed) with a host, without a name, a password
 * and a fragment. */
bool ph_webhook_is_url(const char *text, bool allow_private);

#endif
