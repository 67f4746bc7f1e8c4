/* Where the objects of ready recordings lie: followed by asking the store now and then, each recording by one
 * node at a time. */
#ifndef PH_API_RECORDINGS_RECORDING_STORAGE_H
#define PH_API_RECORDINGS_RECORDING_STORAGE_H

#include "api/recordings/recordings_store.h"
#include "core/store/store.h"

/* Takes the recording that has waited longest to be asked for; until `until_ms` no other node asks. 1 or 0.
 */
int ph_recording_storage_lease(
    struct ph_db *db, int64_t now_ms, int64_t until_ms, struct ph_recording *recording) PH_NODISCARD;
/* Notes what the store said, and when it is asked again. A change is told. Nothing for one that is not ready
 * any more. */
int ph_recording_storage_note(struct ph_db *db, const char *id, enum ph_recording_storage storage,
    int64_t next_ms, int64_t now_ms) PH_NODISCARD;
/* It is wanted back from the deep archive. 0 when it need not be, or is on its way. -ENOENT. */
int ph_recording_storage_restore(struct ph_db *db, const char *id, int64_t now_ms) PH_NODISCARD;
/* Up to which key its objects have been asked back; "" at first. -ENOENT. */
int ph_recording_storage_asked(struct ph_db *db, const char *id, char key[PH_STORE_KEY_BYTES]) PH_NODISCARD;
/* They have been up to this one; its next turn is at `next_ms`. */
int ph_recording_storage_note_asked(
    struct ph_db *db, const char *id, const char *key, int64_t next_ms) PH_NODISCARD;

#endif
