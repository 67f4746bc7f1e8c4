/* Where workers are: the addresses behind the setting, and which of them lately refused.
 *
 * Thread-safe. Host names are looked up again every few seconds by a thread of its own, so that workers may
 * come and go behind one name and a slow resolver holds up nobody. */
#ifndef PH_INGEST_WORKER_POOL_H
#define PH_INGEST_WORKER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/media/link_endpoint.h"

struct ph_worker_pool;

/* `workers`: comma-separated endpoints. 0, -ENOMEM, or -EINVAL with a sentence. */
int ph_worker_pool_create(
    struct ph_worker_pool **pool, const char *workers, struct ph_error *error) PH_NODISCARD;
void ph_worker_pool_destroy(struct ph_worker_pool *pool);

/* The next address in turn, those that did not refuse lately first. -EHOSTUNREACH when none is known. */
int ph_worker_pool_pick(
    struct ph_worker_pool *pool, int64_t now_us, struct ph_link_address *address) PH_NODISCARD;
/* The worker there said it is busy. */
void ph_worker_pool_refused(
    struct ph_worker_pool *pool, const struct ph_link_address *address, int64_t now_us);
/* Whether every worker refused within the last seconds. */
bool ph_worker_pool_is_full(struct ph_worker_pool *pool, int64_t now_us);

#endif
