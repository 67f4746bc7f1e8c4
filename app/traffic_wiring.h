/* Tells the control plane what this node's origin sent. Lifetime: init, before the reporter is made with
 * `source`; the origin outlives the reporter. */
#ifndef PH_APP_TRAFFIC_WIRING_H
#define PH_APP_TRAFFIC_WIRING_H

#include "api/traffic_reporter.h"
#include "origin/origin.h"

struct ph_traffic_wiring {
    struct ph_traffic_source source;
    struct ph_origin *origin;
    struct ph_origin_traffic taken[PH_ORIGIN_MOST_TRAFFIC]; /* the reporter's thread alone comes here */
};

void ph_traffic_wiring_init(struct ph_traffic_wiring *wiring, struct ph_origin *origin);

#endif
