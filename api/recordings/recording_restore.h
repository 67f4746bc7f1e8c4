/* Brings all objects of a recording back from the deep archive, a batch at a time: hours of media are tens of
 * thousands of objects, and each has to be asked for. */
#ifndef PH_API_RECORDINGS_RECORDING_RESTORE_H
#define PH_API_RECORDINGS_RECORDING_RESTORE_H

#include "core/store/store.h"

/* How long what is brought back stays readable. */
enum { PH_RESTORED_DAYS = 7, PH_RESTORED_AT_ONCE = 32 };

/* Asks for the next objects after `asked` ("": from the first), which moves on also before a failure. 1 when
 * there are more, 0 when all were asked for, or a negative code. What was asked before may be asked again. */
int ph_recording_restore(struct ph_store *store, const char *id, char asked[PH_STORE_KEY_BYTES]) PH_NODISCARD;

#endif
