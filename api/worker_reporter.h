/* Tells the control plane of this node's worker, again and again, and learns from it that the worker shall
 * drain.
 *
 * Lifetime: create (starts the thread) → destroy (takes the worker out of the list). The database may be away
 * meanwhile, or not be migrated yet: it is tried again. */
#ifndef PH_API_WORKER_REPORTER_H
#define PH_API_WORKER_REPORTER_H

#include "api/workers_store.h"
#include "core/base/clock.h"

struct ph_worker_reporter;

/* What the node knows of its worker. Called from the reporter's thread; must not block. */
struct ph_worker_source {
    /* Fills capacity, sessions, speed and is_well. */
    void (*measure)(struct ph_worker_source *source, struct ph_worker_record *record);
    /* Take no new session. */
    void (*drain)(struct ph_worker_source *source);
};

struct ph_worker_reporter_options {
    struct ph_db *db; /* all borrowed */
    struct ph_clock *clock;
    struct ph_worker_source *source;
    const char *name;  /* for people */
    int64_t period_us; /* 0: 3 s */
};

int ph_worker_reporter_create(
    struct ph_worker_reporter **reporter, const struct ph_worker_reporter_options *options) PH_NODISCARD;
/* NULL is fine. */
void ph_worker_reporter_destroy(struct ph_worker_reporter *reporter);
const char *ph_worker_reporter_id(const struct ph_worker_reporter *reporter);

#endif
