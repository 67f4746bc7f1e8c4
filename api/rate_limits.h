/* Rate limits: token buckets, shared by all nodes through the database without a write for each call.
 *
 * A call is judged by memory alone. What a node let through is added to the shared buckets by a thread of its
 * own, many buckets in one transaction, at most PH_RATE_SYNC_US later; the answer brings what other nodes let
 * through. So a caller that goes to several nodes at once may have more than its share for that long, and
 * pays for it afterwards. While the database does not answer, each node judges alone.
 *
 * A bucket is kept as the time at which it is full again: a call moves that time on by period / count; it is
 * refused when that would lie further ahead than the period.
 *
 * Lifetime: create (starts the thread) → judge from any thread → destroy (writes what is due). */
#ifndef PH_API_RATE_LIMITS_H
#define PH_API_RATE_LIMITS_H

#include <stdbool.h>

#include "api/rate_rules.h"
#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/db/db.h"

#define PH_RATE_SYNC_US (250 * PH_MILLISECOND_US)

struct ph_rate_limits;
struct ph_rate_limits_options {
    struct ph_db *db; /* all borrowed */
    struct ph_metrics *metrics;
    struct ph_clock *clock;
    struct ph_rate_rules rules;
};

/* What is said of a call: for RateLimit-Limit, -Remaining and -Reset, and Retry-After. */
struct ph_rate_verdict {
    bool is_limited; /* there is a rule for it */
    bool is_refused;
    uint32_t limit, remaining, reset_s;
    uint32_t retry_after_s; /* of a refused one */
};

int ph_rate_limits_create(
    struct ph_rate_limits **limits, const struct ph_rate_limits_options *options) PH_NODISCARD;
/* NULL is fine. */
void ph_rate_limits_destroy(struct ph_rate_limits *limits);

/* Takes one token of the class from the bucket of `who` (a subject or an address). */
struct ph_rate_verdict ph_rate_limits_take(
    struct ph_rate_limits *limits, enum ph_rate_class rate, const char *who);
/* Tells whether a token is left, without taking it. */
struct ph_rate_verdict ph_rate_limits_look(
    struct ph_rate_limits *limits, enum ph_rate_class rate, const char *who);
/* Waits until all that was taken is in the database and back. 0, or its code. For tests. */
int ph_rate_limits_settle(struct ph_rate_limits *limits) PH_NODISCARD;

#endif
