/* What is to be removed from the store: the objects of deleted recordings, and the sources of uploads that
 * are done. Whichever node takes the lease removes, until it is done. */
#ifndef PH_API_RECORDINGS_RECORDING_REMOVAL_H
#define PH_API_RECORDINGS_RECORDING_REMOVAL_H

#include "api/recordings/recordings_store.h"

/* What was still on its way when a recording was deleted is removed by looking once more, so much later. */
#define PH_LATE_REMOVAL_MS (INT64_C(15) * 60 * 1000)

/* The recording is to go, by the caller's wish, which the audit log keeps: what is still made of it loses its
 * lease. 1; 0 when it was deleted before; -EBUSY while its session is live; -ENOENT. */
int ph_recordings_delete(
    struct ph_db *db, const char *id, const struct ph_caller *caller, int64_t now_ms) PH_NODISCARD;

/* 1 while a clip is being made of it, a day at most: its objects stay meanwhile, though it was deleted. Else
 * 0.
 */
int ph_recordings_is_being_cut(struct ph_db *db, const char *id, int64_t now_ms) PH_NODISCARD;

struct ph_recording_removal {
    char id[PH_SESSION_ID_BYTES];
    bool is_all;      /* else the source of an upload alone */
    int64_t attempts; /* this one counted */
};
/* Takes what waits longest, until `until_ms`. 1, or 0 when there is nothing. */
int ph_recording_removal_lease(struct ph_db *db, const char *lessee, int64_t now_ms, int64_t until_ms,
    struct ph_recording_removal *removal) PH_NODISCARD;
/* Nothing of it is left. -ESTALE when the lease was lost. */
int ph_recording_removal_done(
    struct ph_db *db, const char *id, const char *lessee, int64_t now_ms) PH_NODISCARD;
/* It failed, and is tried again from `again_ms` on. -ESTALE. */
int ph_recording_removal_again(
    struct ph_db *db, const char *id, const char *lessee, int64_t again_ms) PH_NODISCARD;

#endif
