/* The node's time (core/base/house_clock.h): asks the database what it is, where that has a clock of its own,
 * and tells who looks after the machine when its clock says something else.
 *
 * Lifetime: init → use_db (or not) → start → stop, before the database is closed. */
#ifndef PH_APP_CLOCK_WIRING_H
#define PH_APP_CLOCK_WIRING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/metrics.h"
#include "core/base/ticker.h"
#include "core/db/db.h"

/* Embedded. */
struct ph_clock_wiring {
    struct ph_db *db; /* NULL: nobody is asked */
    struct ph_ticker *ticker;
    struct ph_metric *machine_ahead, *steps; /* borrowed */
    /* The ticker's thread's alone: */
    int64_t told_us; /* how far the machine's clock was ahead when that was logged last; 0: they agree */
    unsigned told_steps;
};

void ph_clock_wiring_init(struct ph_clock_wiring *wiring, struct ph_metrics *metrics);
/* Asks it at once, for the first time. */
void ph_clock_wiring_use_db(struct ph_clock_wiring *wiring, struct ph_db *db);
int ph_clock_wiring_start(struct ph_clock_wiring *wiring) PH_NODISCARD;
/* Nothing for one that was never started. */
void ph_clock_wiring_stop(struct ph_clock_wiring *wiring);

#endif
