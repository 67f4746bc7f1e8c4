/* Who listens to which channel, and the thread that tells them. Part of db.c.
 *
 * Lifetime: create → (listen, unlisten, push from any thread) → destroy, when nobody listens. The thread
 * starts with the first listener. */
#ifndef PH_DB_NOTICES_H
#define PH_DB_NOTICES_H

#include <stdbool.h>

#include "core/db/db_impl.h"

struct ph_notices;

/* Borrows `address`. */
int ph_notices_create(
    struct ph_notices **notices, const struct ph_db_impl *impl, const char *address) PH_NODISCARD;
/* NULL is fine. */
void ph_notices_destroy(struct ph_notices *notices);

int ph_notices_listen(struct ph_notices *notices, const char *channel, ph_db_notified *notified, void *opaque,
    struct ph_db_listener **listener) PH_NODISCARD;
void ph_notices_unlisten(struct ph_db_listener *listener);

/* NULL when out of memory. */
struct ph_notice *ph_notice_create(const char *channel, const char *payload);
/* Takes over a list of notices that were committed, oldest first. */
void ph_notices_push(struct ph_notices *notices, struct ph_notice *list);
/* Those who listen to the channel may have missed some. */
void ph_notices_missed(struct ph_notices *notices, const char *channel);
/* Frees a list. */
void ph_notices_free(struct ph_notice *list);
bool ph_is_channel(const char *text);

#endif
