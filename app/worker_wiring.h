/* Tells the control plane of this node's supervisor. Lifetime: init, before the reporter is made with
 * `source`; the supervisor outlives the reporter. */
#ifndef PH_APP_WORKER_WIRING_H
#define PH_APP_WORKER_WIRING_H

#include "api/worker_reporter.h"
#include "transcode/supervisor.h"

struct ph_worker_wiring {
    struct ph_worker_source source;
    struct ph_supervisor *supervisor;
};

void ph_worker_wiring_init(struct ph_worker_wiring *wiring, struct ph_supervisor *supervisor);

#endif
