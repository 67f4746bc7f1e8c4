/* Joins ingest and the API: ingest's control interface over the session feed, and the API's runtime interface
 * over ingest and the origin.
 *
 * Lifetime: init → the feed is made with `runtime` → set_feed → ingest is made with `control` → set_ingest →
 * … ; both pointers outlive every call into the wiring. Without the ingest role set_ingest is not called and
 * nothing is carried. */
#ifndef PH_APP_CONTROL_WIRING_H
#define PH_APP_CONTROL_WIRING_H

#include <stdatomic.h>

#include "api/runtime.h"
#include "api/session_feed.h"
#include "ingest/control.h"
#include "ingest/ingest.h"
#include "origin/origin.h"

struct ph_control_wiring {
    struct ph_ingest_control control;
    struct ph_api_runtime runtime;
    struct ph_session_feed *feed;
    _Atomic(struct ph_ingest *) ingest;
    _Atomic(struct ph_origin *) origin;
};

void ph_control_wiring_init(struct ph_control_wiring *wiring);
void ph_control_wiring_set_feed(struct ph_control_wiring *wiring, struct ph_session_feed *feed);
/* Where recordings are kept in memory. */
void ph_control_wiring_set_origin(struct ph_control_wiring *wiring, struct ph_origin *origin);
void ph_control_wiring_set_ingest(struct ph_control_wiring *wiring, struct ph_ingest *ingest);

#endif
