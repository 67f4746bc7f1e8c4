/* How many sessions a node carries, from what those it carries cost. Pure. */
#ifndef PH_TRANSCODE_WORKER_CAPACITY_H
#define PH_TRANSCODE_WORKER_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

/* What one busy process uses. */
struct ph_worker_load {
    double cores;    /* CPU seconds a second */
    double speed;    /* 1.0: exactly real time is possible */
    uint32_t effort; /* both at this effort */
    bool measured;   /* for long enough to be trusted */
};

/* The sessions that fit into `cores` when every one is at its lowest effort, those in `loads` included; at
 * least 1, and at most two a core unless more are running. One not measured yet counts as the dearest
 * measured one. None more fits while a session at the lowest effort has hardly any headroom. */
uint32_t ph_worker_capacity(double cores, const struct ph_worker_load *loads, uint32_t count);

/* Cores this process may use: its affinity, and its control group's limit. */
double ph_worker_usable_cores(void);

#endif
