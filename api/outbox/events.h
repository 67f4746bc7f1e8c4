/* Events, as rows of the outbox: a mail for each guardian who wants it, a delivery for each webhook that
 * asked for it. Each call belongs into the transaction of the change it tells of, and may be repeated: an
 * event is told once. */
#ifndef PH_API_OUTBOX_EVENTS_H
#define PH_API_OUTBOX_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/db/db.h"

/* After a commit that may have added rows, senders of all nodes are woken by this channel of ph_db_notify().
 */
#define PH_OUTBOX_CHANNEL "outbox"

struct ph_session;

/* A recording as its events tell of it. */
struct ph_recording_note {
    const char *id, *session, *owner, *title;
    const char *thumbnail; /* an absolute URL, or "" */
    bool is_clip;          /* of which no mails are sent: who wanted it looks at it */
    int64_t duration_ms, bytes;
};

/* What a worker went through; `session` is "" without one. */
struct ph_worker_note {
    const char *id;    /* of this happening; told once */
    const char *event; /* "worker.died" */
    const char *worker, *session, *reason;
};

/* Its first media arrived. */
int ph_outbox_session_started(
    struct ph_db_transaction *transaction, const struct ph_session *session, int64_t now_ms) PH_NODISCARD;
/* It is over; of one that never was live nobody is told. */
int ph_outbox_session_ended(
    struct ph_db_transaction *transaction, const struct ph_session *session, int64_t now_ms) PH_NODISCARD;
int ph_outbox_recording_ready(struct ph_db_transaction *transaction,
    const struct ph_recording_note *recording, int64_t now_ms) PH_NODISCARD;
/* Webhooks alone. */
int ph_outbox_recording_deleted(struct ph_db_transaction *transaction,
    const struct ph_recording_note *recording, int64_t now_ms) PH_NODISCARD;
int ph_outbox_worker_event(
    struct ph_db_transaction *transaction, const struct ph_worker_note *note, int64_t now_ms) PH_NODISCARD;

/* Whether a guardian still is one and wants the mails of this event: asked right before a mail is sent. 1 or
 * 0. */
int ph_outbox_is_wanted(
    struct ph_db *db, const char *event, const char *profile, const char *guardian) PH_NODISCARD;
/* No more mails of this event for this guardian of this profile. -ENOENT. */
int ph_outbox_unsubscribe(
    struct ph_db *db, const char *event, const char *profile, const char *guardian) PH_NODISCARD;
/* Whether there is such an event; `pattern` may end in ".*". */
bool ph_outbox_is_event(const char *pattern);

#endif
