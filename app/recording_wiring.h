/* The archive's catalogue, kept in the control plane's database. */
#ifndef PH_APP_RECORDING_WIRING_H
#define PH_APP_RECORDING_WIRING_H

#include <pthread.h>

#include "core/base/clock.h"
#include "core/db/db.h"
#include "origin/archive/catalogue.h"

/* Embedded. Lives until the archive has stopped; before the database is closed. */
struct ph_recording_wiring {
    struct ph_archive_catalogue catalogue;
    const char *url; /* of the database; borrowed, as the clock */
    struct ph_clock *clock;
    pthread_mutex_t lock;
    struct ph_db *db;  /* guarded by lock; NULL: not open yet */
    struct ph_db *own; /* guarded by lock; the same when it was opened here */
};
void ph_recording_wiring_init(struct ph_recording_wiring *wiring, const char *url, struct ph_clock *clock);
/* Lends the process's database. Without one it is opened when it is needed and can be. */
void ph_recording_wiring_set_db(struct ph_recording_wiring *wiring, struct ph_db *db);
void ph_recording_wiring_finish(struct ph_recording_wiring *wiring);

#endif
