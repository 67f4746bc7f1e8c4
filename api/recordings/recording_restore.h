/* Brings all objects of a recording back from the deep archive. */
#ifndef PH_API_RECORDINGS_RECORDING_RESTORE_H
#define PH_API_RECORDINGS_RECORDING_RESTORE_H

#include "core/store/store.h"

/* How long what is brought back stays readable. */
enum { PH_RESTORED_DAYS = 7 };

/* Asks for each object that is there. Again: only for what was not asked yet. */
int ph_recording_restore(struct ph_store *store, const char *id) PH_NODISCARD;

#endif
