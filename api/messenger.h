/* Tells people and programs what happens: hears of sessions, keeps the outbox, sends mails and webhooks.
 *
 * Lifetime: create → (its observer is given to the sessions, routes are added) → start → stop → destroy. */
#ifndef PH_API_MESSENGER_H
#define PH_API_MESSENGER_H

#include "api/dispatch.h"
#include "api/sessions_store.h"
#include "core/base/settings.h"

struct ph_messenger;

struct ph_messenger_options {
    const struct ph_settings *settings; /* all borrowed */
    struct ph_db *db;
    struct ph_clock *clock;
    struct ph_metrics *metrics;
};

/* Settles what an earlier life of this node left in the outbox. A negative code with a sentence. */
int ph_messenger_create(struct ph_messenger **messenger, const struct ph_messenger_options *options,
    struct ph_error *error) PH_NODISCARD;
struct ph_session_observer *ph_messenger_observer(struct ph_messenger *messenger);
int ph_messenger_add_routes(
    struct ph_messenger *messenger, struct ph_dispatch *dispatch, struct ph_http_server *server) PH_NODISCARD;
int ph_messenger_start(struct ph_messenger *messenger) PH_NODISCARD;
/* Deliveries that run are finished for a moment. NULL is fine, for both. */
void ph_messenger_stop(struct ph_messenger *messenger);
void ph_messenger_destroy(struct ph_messenger *messenger);

#endif
