/* Notices that come from the database's server, on a connection and a thread of their own.
 *
 * Lifetime: create (starts the thread) → add channels → destroy. */
#ifndef PH_DB_NOTICES_REMOTE_H
#define PH_DB_NOTICES_REMOTE_H

#include "core/db/db_impl.h"
#include "core/db/notices.h"

struct ph_remote_notices;

/* Borrows all three. */
int ph_remote_notices_create(struct ph_remote_notices **remote, const struct ph_db_impl *impl,
    const char *address, struct ph_notices *notices) PH_NODISCARD;
/* NULL is fine. */
void ph_remote_notices_destroy(struct ph_remote_notices *remote);
/* Once the server sends the channel's notices, its listeners are told that they may have missed some.
 * -ENOSPC for one channel too many. */
int ph_remote_notices_add(struct ph_remote_notices *remote, const char *channel) PH_NODISCARD;

#endif
