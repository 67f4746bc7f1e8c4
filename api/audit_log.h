/* The audit log in the database. */
#ifndef PH_API_AUDIT_LOG_H
#define PH_API_AUDIT_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "api/policy.h"
#include "core/db/db.h"

enum { PH_AUDIT_ACTION_BYTES = 64, PH_AUDIT_TARGET_BYTES = PH_SUBJECT_BYTES };
/* What is older goes. */
#define PH_AUDIT_KEPT_MS (INT64_C(400) * 24 * 3600 * 1000)

struct ph_audit_entry {
    char id[PH_SESSION_ID_BYTES];
    int64_t at_ms;
    char actor[PH_SUBJECT_BYTES];
    char role[16];
    char action[PH_AUDIT_ACTION_BYTES]; /* a call's name, "sessions.start" */
    char target[PH_AUDIT_TARGET_BYTES]; /* a session, a subject, a worker …; "" for none */
};

/* "" lets everything pass. */
struct ph_audit_filter {
    const char *actor, *action, *target;
};

/* Writes one entry; its id is made here. */
int ph_audit_log_write(struct ph_db *db, const struct ph_caller *caller, const char *action,
    const char *target, int64_t at_ms) PH_NODISCARD;
/* The same, in the transaction of what was done. */
int ph_audit_log_write_in(struct ph_db_transaction *transaction, const struct ph_caller *caller,
    const char *action, const char *target, int64_t at_ms) PH_NODISCARD;
/* Up to `most` entries, newest first, that stand before (at_ms, id); INT64_MAX and "": from the newest. The
 * array is malloc'ed (NULL when empty). */
int ph_audit_log_read(struct ph_db *db, const struct ph_audit_filter *filter, int64_t before_ms,
    const char *before_id, size_t most, struct ph_audit_entry **list, size_t *count) PH_NODISCARD;
/* Removes entries from before a time. */
int ph_audit_log_prune(struct ph_db *db, int64_t before_ms) PH_NODISCARD;

#endif
