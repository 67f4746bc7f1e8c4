/* Takes what this node's origin sent to viewers and adds it up in the database, again and again.
 *
 * Lifetime: create (starts the thread) → destroy (reports a last time, unless the report before failed). The
 * database may be away meanwhile, or not be migrated yet: what could not be kept is given back and comes with
 * the next report. */
#ifndef PH_API_TRAFFIC_REPORTER_H
#define PH_API_TRAFFIC_REPORTER_H

#include "api/traffic_store.h"

enum { PH_MOST_TRAFFIC = 512 };

struct ph_traffic_reporter;

/* What the node knows of its origin. Called from the reporter's thread; must not block. */
struct ph_traffic_source {
    /* What was sent since the last time, by session; room for PH_MOST_TRAFFIC. How many. */
    size_t (*take)(struct ph_traffic_source *source, struct ph_traffic *list);
    void (*give_back)(struct ph_traffic_source *source, const struct ph_traffic *traffic);
};

struct ph_traffic_reporter_options {
    struct ph_db *db; /* both borrowed */
    struct ph_traffic_source *source;
    int64_t period_us; /* 0: 10 s */
};

int ph_traffic_reporter_create(
    struct ph_traffic_reporter **reporter, const struct ph_traffic_reporter_options *options) PH_NODISCARD;
/* NULL is fine. */
void ph_traffic_reporter_destroy(struct ph_traffic_reporter *reporter);

#endif
