/* The keys that requests to a bucket are signed with, kept fresh: one thread fetches others before these
 * expire, when their file changes, and when a server refuses them. Those that are there go on being used
 * until they expire.
 *
 *   phase      begins with                 what may be called
 *   open       ph_aws_credentials_create   everything, from any thread
 *   cancelled  ph_aws_credentials_cancel   everything; nobody waits any more
 *   gone       ph_aws_credentials_destroy  nothing; nobody is in a call */
#ifndef PH_STORE_AWS_CREDENTIALS_H
#define PH_STORE_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/store/aws_keys.h"

struct ph_aws_credentials;

/* The clock and the metrics (NULL: nobody counts) are borrowed. Waits for nothing of the network. On failure
 * `error` says what to do. */
int ph_aws_credentials_create(struct ph_aws_credentials **credentials, struct ph_clock *clock,
    struct ph_metrics *metrics, struct ph_error *error) PH_NODISCARD;
void ph_aws_credentials_cancel(struct ph_aws_credentials *credentials);
/* NULL is fine. */
void ph_aws_credentials_destroy(struct ph_aws_credentials *credentials);

/* Keys that have not expired; the caller owns the reference. Where there are none yet, waits until
 * `deadline_us` at most (ph_now_us() time; 0: not at all). -EAGAIN: there are none,
 * ph_aws_credentials_explain() says why; -ECANCELED. */
int ph_aws_credentials_take(
    struct ph_aws_credentials *credentials, int64_t deadline_us, struct ph_aws_keys **keys) PH_NODISCARD;
/* A server refused these. True: there are others, or until `deadline_us` there were. False: they are what
 * there is. */
bool ph_aws_credentials_renew(
    struct ph_aws_credentials *credentials, const struct ph_aws_keys *refused, int64_t deadline_us);
void ph_aws_credentials_explain(struct ph_aws_credentials *credentials, struct ph_error *why);
/* Whether they are what the environment says, by which alone a person can change them. */
bool ph_aws_credentials_are_fixed(const struct ph_aws_credentials *credentials);

#endif
