/* The audit log: written for every call that changes something and was done, read by admins. */
#ifndef PH_API_AUDIT_H
#define PH_API_AUDIT_H

#include <stdatomic.h>

#include "api/dispatch.h"
#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/db/db.h"

/* The opaque of the actions, and of ph_audit_note(); everything is borrowed. */
struct ph_audit_resource {
    struct ph_db *db;
    struct ph_clock *clock;
    struct ph_metric *lost;        /* entries the database did not take */
    _Atomic int64_t next_prune_us; /* of ph_now_us() */
};

/* A ph_dispatch_done: writes what was done before the caller is told of it. What the database does not take
 * is logged instead. */
void ph_audit_note(void *opaque, const struct ph_api_call *call, const char *name);

extern const struct ph_api_route ph_audit_routes[];
extern const size_t ph_audit_route_count;

#endif
