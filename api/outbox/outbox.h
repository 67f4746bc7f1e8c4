/* The outbox: what is to be told, kept in the database until it is told or given up.
 *
 * A row is added in the transaction of the change it tells of, so that there is neither a mail without the
 * change nor a change without its mail. A node takes rows by a lease: while it lasts no other node touches
 * them. The way of a row:
 *
 *   queued ──lease──▶ leased ──mark──▶ handing ──settle──▶ sent | failed
 *     ▲                 │                 │
 *     └─ its owner died ┘                 └─ its owner died: unconfirmed; by the owner's handover file, which
 *                                            knows better, queued or sent
 *
 * A row that its owner was handing over when it vanished for good, file and all, is not sent again. Of the
 * time in that state nearly all is spent waiting for the server's answer to a mail it already has; so sending
 * again would more often make two mails than save one. It is counted, and stays to be looked at. */
#ifndef PH_API_OUTBOX_OUTBOX_H
#define PH_API_OUTBOX_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/random.h"
#include "core/db/db.h"

enum { PH_MOST_RECIPIENT_BYTES = 321, PH_OUTBOX_EVENT_BYTES = 32, PH_OUTBOX_REASON_BYTES = 256 };

/* An address that was refused for good is tried once more after so long: mailboxes come back. */
#define PH_SUPPRESSION_KEPT_MS (INT64_C(90) * 24 * 3600 * 1000)

enum ph_outbox_kind { PH_OUTBOX_MAIL, PH_OUTBOX_WEBHOOK, PH_OUTBOX_KINDS };

/* A row to add. `key` names the event: of one key, kind and recipient there is one row, ever. */
struct ph_outbox_note {
    enum ph_outbox_kind kind;
    const char *key;
    const char *recipient; /* a mail address, or a webhook's id */
    const char *event;     /* "session.started" */
    const char *payload;   /* JSON */
};

/* A leased row. */
struct ph_outbox_row {
    char *payload;    /* owned */
    int64_t attempts; /* this one counted */
    int64_t created_ms;
    enum ph_outbox_kind kind;
    char id[PH_SESSION_ID_BYTES];
    char recipient[PH_MOST_RECIPIENT_BYTES];
    char event[PH_OUTBOX_EVENT_BYTES];
};

struct ph_outbox_figures {
    int64_t waiting;   /* queued, leased or handing */
    int64_t oldest_ms; /* when the oldest of them was added; 0 without any */
};

const char *ph_outbox_kind_name(enum ph_outbox_kind kind);

/* In the caller's transaction. Adding a row again changes nothing. */
int ph_outbox_add(
    struct ph_db_transaction *transaction, const struct ph_outbox_note *note, int64_t now_ms) PH_NODISCARD;

/* Takes up to `most` rows of a kind whose turn it is, for `owner`, until `until_ms`. Of a webhook one row at
 * a time. The rows' payloads are the caller's. */
int ph_outbox_lease(struct ph_db *db, enum ph_outbox_kind kind, const char *owner, int64_t now_ms,
    int64_t until_ms, struct ph_outbox_row *rows, size_t most, size_t *count) PH_NODISCARD;
void ph_outbox_row_finish(struct ph_outbox_row *row);

/* Leased → handing, with a longer lease. -ESTALE when the lease is lost. */
int ph_outbox_mark(struct ph_db *db, const char *id, const char *owner, int64_t until_ms) PH_NODISCARD;

enum ph_outbox_outcome {
    PH_OUTBOX_SENT,
    PH_OUTBOX_AGAIN,  /* at `next_ms` */
    PH_OUTBOX_FAILED, /* for good */
};
struct ph_outbox_result {
    enum ph_outbox_outcome outcome;
    int64_t next_ms;
    char reason[PH_OUTBOX_REASON_BYTES]; /* for people; holds no address */
    bool suppress;                       /* the recipient is a mailbox that does not exist */
};
/* Ends a lease. -ESTALE when it was lost. */
int ph_outbox_settle(struct ph_db *db, const struct ph_outbox_row *row, const char *owner,
    const struct ph_outbox_result *result, int64_t now_ms) PH_NODISCARD;

/* Settles what a dead owner left: the `given` were sent, its others are queued. */
int ph_outbox_settle_owner(struct ph_db *db, const char *owner, const char (*given)[PH_SESSION_ID_BYTES],
    size_t count, int64_t now_ms) PH_NODISCARD;
/* Leases that ran out, rows that are too old to be news, settled rows of `forget_before_ms`, and suppressed
 * addresses after PH_SUPPRESSION_KEPT_MS. `*unconfirmed` counts those of which nobody will know. */
int ph_outbox_sweep(
    struct ph_db *db, int64_t now_ms, int64_t forget_before_ms, int64_t *unconfirmed) PH_NODISCARD;
int ph_outbox_measure(struct ph_db *db, struct ph_outbox_figures figures[PH_OUTBOX_KINDS]) PH_NODISCARD;
/* When the next queued row of the kind has its turn; INT64_MAX when there is none. */
int ph_outbox_next_turn(struct ph_db *db, enum ph_outbox_kind kind, int64_t *next_ms) PH_NODISCARD;

#endif
