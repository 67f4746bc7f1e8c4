/* Webhooks in the database. */
#ifndef PH_API_WEBHOOK_WEBHOOKS_STORE_H
#define PH_API_WEBHOOK_WEBHOOKS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/policy.h"
#include "core/base/random.h"
#include "core/db/db.h"

enum {
    PH_MOST_WEBHOOKS = 64,
    PH_WEBHOOK_URL_BYTES = 1025,
    PH_WEBHOOK_EVENTS_BYTES = 512,
    PH_WEBHOOK_SECRET_CHARACTERS = 52,                              /* 260 bits */
    PH_WEBHOOK_SECRET_BYTES = 6 + PH_WEBHOOK_SECRET_CHARACTERS + 1, /* "whsec_…" */
};
/* A webhook that took nothing for so long is disabled. */
#define PH_WEBHOOK_PATIENCE_MS (INT64_C(3) * 24 * 3600 * 1000)

struct ph_webhook {
    char id[PH_SESSION_ID_BYTES];
    char url[PH_WEBHOOK_URL_BYTES];
    char events[PH_WEBHOOK_EVENTS_BYTES]; /* space-separated */
    char secret[PH_WEBHOOK_SECRET_BYTES];
    char created_by[PH_SUBJECT_BYTES];
    char reason[160]; /* why it failed last or is disabled; "" */
    bool is_disabled;
    int64_t created_ms, failing_since_ms, delivered_ms; /* 0: never, not */
    int64_t failures;                                   /* since the last success */
};

/* Fills in id and secret. -EDQUOT when there are PH_MOST_WEBHOOKS. */
int ph_webhook_add(struct ph_db *db, struct ph_webhook *webhook) PH_NODISCARD;
/* -ENOENT. */
int ph_webhook_find(struct ph_db *db, const char *id, struct ph_webhook *webhook) PH_NODISCARD;
/* All, oldest first, without secrets; the array is malloc'ed. */
int ph_webhook_list(struct ph_db *db, struct ph_webhook **list, size_t *count) PH_NODISCARD;
/* With what waits for it. -ENOENT. */
int ph_webhook_remove(struct ph_db *db, const char *id) PH_NODISCARD;
/* What became of a delivery; the receiver is left alone until `retry_ms` after a failure. `is_gone`: it said
 * that it wants no more. `*was_disabled` tells that this failure was one too many. */
struct ph_webhook_report {
    bool is_good, is_gone;
    const char *reason;
    int64_t now_ms, retry_ms;
};
int ph_webhook_note(struct ph_db *db, const char *id, const struct ph_webhook_report *report,
    bool *was_disabled) PH_NODISCARD;

#endif
