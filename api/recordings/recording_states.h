/* How recordings come about: by what happens to sessions, and by what the archive tells of them. Every change
 * is one transaction with what is told of it: mails, webhooks, events. */
#ifndef PH_API_RECORDINGS_RECORDING_STATES_H
#define PH_API_RECORDINGS_RECORDING_STATES_H

#include "api/recordings/recordings_store.h"

/* Makes the recording of a session that is to be recorded when it first goes live, and has it processed once
 * the session is over. Embedded; pass it to ph_sessions_observe(). */
struct ph_recording_observer {
    struct ph_session_observer observer;
};
void ph_recording_observer_init(struct ph_recording_observer *observer);

/* It is whole. Again: only the figures are kept. Of a session that was not known to be live, it begins now.
 * 0 for a deleted one; -ENOENT when there is none, nor a session to be recorded;
 * -ESTALE when it is of a job that has not said so: nothing of it is to be kept. */
int ph_recordings_ready(struct ph_db *db, const char *id, const struct ph_recording_outcome *outcome,
    int64_t now_ms) PH_NODISCARD;
int ph_recordings_ready_in(struct ph_db_transaction *transaction, const char *id,
    const struct ph_recording_outcome *outcome, int64_t now_ms) PH_NODISCARD;
/* It cannot be made; 0 when it is past that (ready, deleted). -ENOENT. */
int ph_recordings_failed(struct ph_db *db, const char *id, const char *reason, int64_t now_ms) PH_NODISCARD;
int ph_recordings_failed_in(
    struct ph_db_transaction *transaction, const char *id, const char *reason, int64_t now_ms) PH_NODISCARD;
/* 1 when a job is to make it, and has not, or its session is live: nothing else makes it whole. Else 0. */
int ph_recordings_is_unmade(struct ph_db *db, const char *id) PH_NODISCARD;
/* 1 when there is such a recording that was not deleted, else 0. */
int ph_recordings_is_known(struct ph_db *db, const char *id) PH_NODISCARD;
/* 1 when it was deleted (or is just being), else 0. */
int ph_recordings_is_deleted(struct ph_db *db, const char *id) PH_NODISCARD;
/* "" for one that is not known. */
int ph_recordings_title(struct ph_db *db, const char *id, char title[PH_TITLE_BYTES]) PH_NODISCARD;
/* Visits each that is said to be ready, by their ids' order, outside of transactions; `id` NULL: all. The
 * visitor returns 0 to go on, else that is the answer. */
int ph_recordings_each_ready(
    struct ph_db *db, const char *id, int (*visit)(void *opaque, const char *id), void *opaque) PH_NODISCARD;

#endif
