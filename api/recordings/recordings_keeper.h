/* Does in the background what recordings need of the store: puts uploads there, removes what was deleted,
 * brings back what is wanted from the deep archive, and looks now and then where things lie. Nodes share the
 * work by leases. Has one thread.
 *
 * Lifetime: create → start → stop → destroy. */
#ifndef PH_API_RECORDINGS_RECORDINGS_KEEPER_H
#define PH_API_RECORDINGS_RECORDINGS_KEEPER_H

#include "api/runtime.h"
#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/db/db.h"
#include "core/store/store.h"

struct ph_recordings_keeper;

struct ph_recordings_keeper_options {
    struct ph_db *db; /* all borrowed */
    struct ph_store *store;
    struct ph_api_runtime *runtime; /* told of what was removed; NULL: nobody is */
    struct ph_clock *clock;
    struct ph_metrics *metrics;
    const char *upload_folder; /* whose whole uploads go into the store */
    uint32_t deep_days;        /* until the store's rules move recordings to the deep archive; 0: never */
};

int ph_recordings_keeper_create(
    struct ph_recordings_keeper **keeper, const struct ph_recordings_keeper_options *options) PH_NODISCARD;
int ph_recordings_keeper_start(struct ph_recordings_keeper *keeper) PH_NODISCARD;
/* What is under way is finished: the store's calls have deadlines, and end when it is cancelled. NULL is
 * fine, for both. */
void ph_recordings_keeper_stop(struct ph_recordings_keeper *keeper);
void ph_recordings_keeper_destroy(struct ph_recordings_keeper *keeper);

#endif
