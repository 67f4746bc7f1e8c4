/* The node's one store: where what is kept lies, and what happens to it as it ages.
 *
 * Lifetime: create → add_routes → start → stop (whoever waits in it comes back) → destroy, when nobody uses
 * the store. */
#ifndef PH_APP_STORE_WIRING_H
#define PH_APP_STORE_WIRING_H

#include <stdbool.h>
#include <stdint.h>

#include "app/status.h"
#include "core/base/settings.h"
#include "core/base/ticker.h"
#include "core/store/store.h"

/* Embedded. */
struct ph_store_wiring {
    struct ph_store *store; /* NULL: there is none */
    struct ph_store_rules rules;
    struct ph_ticker *ticker;
    struct ph_metric *drifted; /* borrowed */
    /* The ticker's thread's alone: */
    int last_code;       /* of putting the rules in force: each reason is logged once */
    int64_t check_at_us; /* when they are looked at next */
    int64_t sweep_at_us;
    int sweep_code; /* of the last sweep */
};

/* A negative code with a sentence for the operator. Borrows what it is given. */
int ph_store_wiring_create(struct ph_store_wiring *wiring, const struct ph_settings *settings,
    struct ph_metrics *metrics, struct ph_error *error) PH_NODISCARD;
/* /health's "archive", and the addresses of a folder's objects. */
int ph_store_wiring_add_routes(
    struct ph_store_wiring *wiring, struct ph_status *status, struct ph_http_server *server) PH_NODISCARD;
/* Puts the rules in force, in the background, and sweeps a folder now and then. */
int ph_store_wiring_start(struct ph_store_wiring *wiring) PH_NODISCARD;
/* Calls that wait fail from now on. Nothing for one that was never created. */
void ph_store_wiring_stop(struct ph_store_wiring *wiring);
void ph_store_wiring_destroy(struct ph_store_wiring *wiring);

#endif
