/* The archive's catalogue, kept in the control plane's database. */
#ifndef PH_APP_RECORDING_WIRING_H
#define PH_APP_RECORDING_WIRING_H

#include "core/base/clock.h"
#include "core/db/db.h"
#include "origin/archive/catalogue.h"

/* Embedded. Lives until the archive has stopped; before the database is closed. */
struct ph_recording_wiring {
    struct ph_archive_catalogue catalogue;
    struct ph_db *db;       /* borrowed */
    struct ph_clock *clock; /* borrowed */
};
void ph_recording_wiring_init(struct ph_recording_wiring *wiring, struct ph_db *db, struct ph_clock *clock);

#endif
