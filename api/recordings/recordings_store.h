/* Recordings in the database. Calls that take no transaction are transactions of their own and may wait for
 * the database.
 *
 *   recording ──session over──▶ processing ──▶ ready | failed      a failed one may be repaired: ready
 *        └────────────────────▶ ready | failed                    (its session's end was not told yet)
 *   clips and uploads begin as processing; all but `recording` ──▶ deleting ──objects removed──▶ deleted
 *
 * A session's recording has the session's id. A deleted one stays as a tombstone: what still arrives of it is
 * not kept. */
#ifndef PH_API_RECORDINGS_RECORDINGS_STORE_H
#define PH_API_RECORDINGS_RECORDINGS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/policy.h"
#include "api/sessions_store.h"
#include "core/db/db.h"

/* After a commit that left something to do, nodes are woken by this channel of ph_db_notify(): a job or a
 * removal waits. */
#define PH_RECORDINGS_CHANNEL "recordings"

enum ph_recording_kind { PH_RECORDING_SESSION, PH_RECORDING_CLIP, PH_RECORDING_UPLOAD, PH_RECORDING_KINDS };

enum ph_recording_state {
    PH_RECORDING_RECORDING,
    PH_RECORDING_PROCESSING,
    PH_RECORDING_READY,
    PH_RECORDING_FAILED,
    PH_RECORDING_DELETING,
    PH_RECORDING_DELETED,
    PH_RECORDING_STATES
};

enum ph_recording_storage {
    PH_STORAGE_STANDARD,
    PH_STORAGE_INFREQUENT,
    PH_STORAGE_ARCHIVED, /* in deep archive: neither plays nor downloads */
    PH_STORAGE_RESTORING,
    PH_STORAGE_RESTORED,
    PH_STORAGES
};

struct ph_recording {
    char id[PH_SESSION_ID_BYTES];
    char session[PH_SESSION_ID_BYTES]; /* what it was recorded from; "" for uploads and their clips */
    char source[PH_SESSION_ID_BYTES];  /* a clip's recording; "" for others */
    char owner[PH_SUBJECT_BYTES];
    char title[PH_TITLE_BYTES];
    enum ph_recording_kind kind;
    enum ph_recording_state state;
    enum ph_recording_storage storage;
    char reason[PH_REASON_BYTES]; /* why it failed, for people */
    int64_t from_ms, to_ms;       /* of a clip, in its source */
    int64_t duration_ms;          /* 0: not known yet */
    int64_t bytes;                /* of the MP4 */
    int64_t total_bytes;          /* of all its objects */
    int64_t width, height;
    bool has_poster, has_storyboard;
    bool is_guarded; /* who asks is a guardian of the owner */
    int64_t created_ms;
    int64_t ready_ms; /* 0: never was */
};

/* What the archive tells of one that is complete. */
struct ph_recording_outcome {
    int64_t duration_ms, bytes, total_bytes, width, height;
    bool has_poster, has_storyboard;
    int64_t take; /* of an upload: which take it was made of */
};

const char *ph_recording_kind_name(enum ph_recording_kind kind);
const char *ph_recording_state_name(enum ph_recording_state state);
const char *ph_recording_storage_name(enum ph_recording_storage storage);
/* Whether it lies where nothing can read it. */
bool ph_recording_is_cold(const struct ph_recording *recording);

/* -ENOENT when there is none. Tells whether `subject` is a guardian of its owner; tombstones are found too.
 */
int ph_recordings_find_for(
    struct ph_db *db, const char *id, const char *subject, struct ph_recording *recording) PH_NODISCARD;
int ph_recordings_find_in(
    struct ph_db_transaction *transaction, const char *id, struct ph_recording *recording) PH_NODISCARD;

/* "" for all; `after_ms` INT64_MAX and `after_id` "": from the newest. */
struct ph_recordings_filter {
    const char *session;
    int64_t after_ms;
    const char *after_id;
};
/* Up to `most` that the caller may see listed and that are not deleted, newest first. The array is malloc'ed
 * (NULL when empty). */
int ph_recordings_list(struct ph_db *db, const struct ph_caller *caller,
    const struct ph_recordings_filter *filter, size_t most, struct ph_recording **list,
    size_t *count) PH_NODISCARD;

/* Adds one of its id, kind, session, source, owner, title, state, from_ms, to_ms, duration_ms and created_ms;
 * a clip or an upload that is processing has its turn at once. -EEXIST. Tells the followers. */
int ph_recordings_add(
    struct ph_db_transaction *transaction, const struct ph_recording *recording) PH_NODISCARD;
/* The same in a transaction of its own. */
int ph_recordings_insert(struct ph_db *db, const struct ph_recording *recording) PH_NODISCARD;

/* A change of state is told to those who follow the session or all sessions, as an event "recording"; to be
 * called in the transaction of the change. */
int ph_recordings_tell(
    struct ph_db_transaction *transaction, const struct ph_recording *recording, int64_t now_ms) PH_NODISCARD;
/* The recording that such an event's body tells of. */
bool ph_recordings_event_id(const char *body, char id[PH_SESSION_ID_BYTES]);

#endif
