#include "api/outbox/outbox.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/outbox/retry.h"
#include "core/db/sql.h"

enum { KEY_BYTES = PH_SESSION_ID_BYTES + 8 };

static const char *const kinds[PH_OUTBOX_KINDS] = {"mail", "webhook"};

const char *ph_outbox_kind_name(enum ph_outbox_kind kind) {
    return kinds[kind];
}

int ph_outbox_add(struct ph_db_transaction *transaction, const struct ph_outbox_note *note, int64_t now_ms) {
    char id[PH_SESSION_ID_BYTES];
    ph_random_id(id, PH_SESSION_ID_CHARACTERS);
    int64_t changed = ph_db_change(transaction,
        PH_SQL("INSERT INTO outbox (id, kind, event_key, recipient, event, payload, state, attempts, reason, "
               "lease_owner, lease_until_ms, created_ms, next_ms) VALUES ($1, $2, $3, $4, $5, $6, 'queued', "
               "0, '', '', 0, $7, $7) ON CONFLICT (event_key, kind, recipient) DO NOTHING",
            ph_sql_text(id), ph_sql_text(kinds[note->kind]), ph_sql_text(note->key),
            ph_sql_text(note->recipient), ph_sql_text(note->event), ph_sql_text(note->payload),
            ph_sql_integer(now_ms)));
    return changed < 0 ? (int)changed : 0;
}

static void read_row(void *rows, size_t index, struct ph_db_statement *statement) {
    struct ph_outbox_row *row = (struct ph_outbox_row *)rows + index;
    *row = (struct ph_outbox_row){.payload = strdup(ph_db_text(statement, 3)),
        .attempts = ph_db_integer(statement, 4),
        .created_ms = ph_db_integer(statement, 5)};
    snprintf(row->id, sizeof(row->id), "%s", ph_db_text(statement, 0));
    snprintf(row->recipient, sizeof(row->recipient), "%s", ph_db_text(statement, 1));
    snprintf(row->event, sizeof(row->event), "%s", ph_db_text(statement, 2));
}

/* 1 when a row was taken. */
static int lease_one(struct ph_db_transaction *transaction, enum ph_outbox_kind kind, const char *owner,
    int64_t now_ms, int64_t until_ms, struct ph_outbox_row *row) {
    /* The inner question picks, the outer condition decides: of two nodes that picked the same row one finds
     * it taken. */
    static const char *const texts[PH_OUTBOX_KINDS] = {
        "UPDATE outbox SET state = 'leased', lease_owner = $1, lease_until_ms = $2, attempts = attempts + 1 "
        "WHERE state = 'queued' AND id = (SELECT id FROM outbox WHERE state = 'queued' AND kind = 'mail' "
        "AND next_ms <= $3 ORDER BY next_ms, id LIMIT 1) "
        "RETURNING id, recipient, event, payload, attempts, created_ms",
        "UPDATE outbox SET state = 'leased', lease_owner = $1, lease_until_ms = $2, attempts = attempts + 1 "
        "WHERE state = 'queued' AND id = (SELECT o.id FROM outbox AS o JOIN webhooks AS w ON w.id = "
        "o.recipient WHERE o.state = 'queued' AND o.kind = 'webhook' AND o.next_ms <= $3 "
        "AND w.state = 'active' AND w.retry_ms <= $3 AND NOT EXISTS (SELECT 1 FROM outbox AS busy WHERE "
        "busy.recipient = o.recipient AND busy.state IN ('leased', 'handing')) "
        "ORDER BY o.next_ms, o.id LIMIT 1) "
        "RETURNING id, recipient, event, payload, attempts, created_ms"};
    int code = ph_db_query(transaction,
        PH_SQL(texts[kind], ph_sql_text(owner), ph_sql_integer(until_ms), ph_sql_integer(now_ms)), 1,
        read_row, row);
    row->kind = kind;
    return code == 1 && !row->payload ? -ENOMEM : code;
}

int ph_outbox_lease(struct ph_db *db, enum ph_outbox_kind kind, const char *owner, int64_t now_ms,
    int64_t until_ms, struct ph_outbox_row *rows, size_t most, size_t *count) {
    struct ph_db_transaction *transaction;
    *count = 0;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    while (
        *count < most && (code = lease_one(transaction, kind, owner, now_ms, until_ms, &rows[*count])) == 1)
        ++*count;
    code = ph_db_settle(transaction, code);
    while (code < 0 && *count > 0)
        ph_outbox_row_finish(&rows[--*count]);
    return code;
}

void ph_outbox_row_finish(struct ph_outbox_row *row) {
    free(row->payload);
    row->payload = NULL;
}

/* A row that is leased is its owner's: those of different rows do not wait for each other. */
static void make_key(const char *id, char key[KEY_BYTES]) {
    snprintf(key, KEY_BYTES, "outbox:%s", id);
}

int ph_outbox_mark(struct ph_db *db, const char *id, const char *owner, int64_t until_ms) {
    char key[KEY_BYTES];
    make_key(id, key);
    int64_t changed = ph_db_write_keyed(db, key,
        PH_SQL("UPDATE outbox SET state = 'handing', lease_until_ms = $3 WHERE id = $1 AND state = 'leased' "
               "AND lease_owner = $2",
            ph_sql_text(id), ph_sql_text(owner), ph_sql_integer(until_ms)));
    return changed < 0 ? (int)changed : changed == 0 ? -ESTALE : 0;
}

static int64_t suppress(struct ph_db_transaction *transaction, const struct ph_outbox_row *row,
    const char *reason, int64_t now_ms) {
    char address[PH_MOST_RECIPIENT_BYTES];
    snprintf(address, sizeof(address), "%s", row->recipient);
    for (char *next = address; *next; next++)
        *next = (char)tolower((unsigned char)*next);
    return ph_db_change(transaction, PH_SQL("INSERT INTO mail_suppressions (address, reason, created_ms) "
                                            "VALUES ($1, $2, $3) ON CONFLICT (address) DO NOTHING",
                                         ph_sql_text(address), ph_sql_text(reason), ph_sql_integer(now_ms)));
}

static int64_t write_outcome(struct ph_db_transaction *transaction, const struct ph_outbox_row *row,
    const char *owner, const struct ph_outbox_result *result, int64_t now_ms) {
    static const char *const states[] = {
        [PH_OUTBOX_SENT] = "sent", [PH_OUTBOX_AGAIN] = "queued", [PH_OUTBOX_FAILED] = "failed"};
    int64_t changed = ph_db_change(transaction,
        PH_SQL("UPDATE outbox SET state = $3, reason = $4, next_ms = $5, settled_ms = $6, lease_owner = '', "
               "lease_until_ms = 0 WHERE id = $1 AND lease_owner = $2 AND state IN ('leased', 'handing')",
            ph_sql_text(row->id), ph_sql_text(owner), ph_sql_text(states[result->outcome]),
            ph_sql_text(result->reason), ph_sql_integer(result->next_ms),
            result->outcome == PH_OUTBOX_AGAIN ? ph_sql_null() : ph_sql_integer(now_ms)));
    return changed == 0 ? -ESTALE : changed;
}

int ph_outbox_settle(struct ph_db *db, const struct ph_outbox_row *row, const char *owner,
    const struct ph_outbox_result *result, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    char key[KEY_BYTES];
    make_key(row->id, key);
    int code = ph_db_begin_keyed(db, key, &transaction);
    if (code < 0)
        return code;
    int64_t answer = write_outcome(transaction, row, owner, result, now_ms);
    if (answer >= 0 && result->suppress)
        answer = suppress(transaction, row, result->reason, now_ms);
    return ph_db_settle(transaction, answer);
}

int ph_outbox_settle_owner(struct ph_db *db, const char *owner, const char (*given)[PH_SESSION_ID_BYTES],
    size_t count, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    if (!*owner)
        return 0;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = 0;
    for (size_t i = 0; answer >= 0 && i < count; i++)
        answer =
            ph_db_change(transaction, PH_SQL("UPDATE outbox SET state = 'sent', reason = 'handed over as its "
                                             "node died', settled_ms = $2, lease_owner = '', lease_until_ms "
                                             "= 0 WHERE lease_owner = $1 AND id = $3 AND state = 'handing'",
                                          ph_sql_text(owner), ph_sql_integer(now_ms), ph_sql_text(given[i])));
    if (answer >= 0)
        answer = ph_db_change(transaction,
            PH_SQL("UPDATE outbox SET state = 'queued', next_ms = $2, lease_owner = '', lease_until_ms = 0 "
                   "WHERE lease_owner = $1 AND state IN ('leased', 'handing')",
                ph_sql_text(owner), ph_sql_integer(now_ms)));
    return ph_db_settle(transaction, answer);
}

int ph_outbox_sweep(struct ph_db *db, int64_t now_ms, int64_t forget_before_ms, int64_t *unconfirmed) {
    struct ph_db_transaction *transaction;
    *unconfirmed = 0;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    /* A webhook's receiver knows a repeated delivery by its id, so those are given again. */
    int64_t answer = ph_db_change(transaction,
        PH_SQL("UPDATE outbox SET state = 'queued', next_ms = $1, lease_owner = '', lease_until_ms = 0 WHERE "
               "(state = 'leased' OR (state = 'handing' AND kind = 'webhook')) AND lease_until_ms < $1",
            ph_sql_integer(now_ms)));
    if (answer >= 0) {
        answer = ph_db_change(transaction,
            PH_SQL("UPDATE outbox SET state = 'unconfirmed', reason = 'its node was lost while handing it "
                   "over', settled_ms = $1, lease_owner = '' WHERE state = 'handing' AND lease_until_ms < $1",
                ph_sql_integer(now_ms)));
        *unconfirmed = answer;
    }
    if (answer >= 0)
        answer = ph_db_change(
            transaction, PH_SQL("UPDATE outbox SET state = 'failed', reason = 'not delivered within a day', "
                                "settled_ms = $1 WHERE state = 'queued' AND created_ms < $2",
                             ph_sql_integer(now_ms), ph_sql_integer(now_ms - PH_OUTBOX_MOST_AGE_MS)));
    if (answer >= 0)
        answer = ph_db_change(transaction,
            PH_SQL("DELETE FROM outbox WHERE settled_ms < $1", ph_sql_integer(forget_before_ms)));
    if (answer >= 0)
        answer = ph_db_change(transaction, PH_SQL("DELETE FROM mail_suppressions WHERE created_ms < $1",
                                               ph_sql_integer(now_ms - PH_SUPPRESSION_KEPT_MS)));
    return ph_db_settle(transaction, answer);
}

static void take_figures(void *figures, size_t index, struct ph_db_statement *row) {
    bool is_mail = strcmp(ph_db_text(row, 0), kinds[PH_OUTBOX_MAIL]) == 0;
    (void)index;
    ((struct ph_outbox_figures *)figures)[is_mail ? PH_OUTBOX_MAIL : PH_OUTBOX_WEBHOOK] =
        (struct ph_outbox_figures){.waiting = ph_db_integer(row, 1), .oldest_ms = ph_db_integer(row, 2)};
}

int ph_outbox_measure(struct ph_db *db, struct ph_outbox_figures figures[PH_OUTBOX_KINDS]) {
    memset(figures, 0, PH_OUTBOX_KINDS * sizeof(*figures));
    int code = ph_db_read(db,
        PH_SQL("SELECT kind, COUNT(*), MIN(created_ms) FROM outbox WHERE state IN ('queued', 'leased', "
               "'handing') GROUP BY kind"),
        PH_OUTBOX_KINDS, take_figures, figures);
    return code < 0 ? code : 0;
}

static void take_time(void *time_ms, size_t index, struct ph_db_statement *row) {
    (void)index;
    if (!ph_db_is_null(row, 0))
        *(int64_t *)time_ms = ph_db_integer(row, 0);
}

int ph_outbox_next_turn(struct ph_db *db, enum ph_outbox_kind kind, int64_t *next_ms) {
    *next_ms = INT64_MAX;
    int code = ph_db_read(db,
        PH_SQL(
            "SELECT MIN(next_ms) FROM outbox WHERE state = 'queued' AND kind = $1", ph_sql_text(kinds[kind])),
        1, take_time, next_ms);
    return code < 0 ? code : 0;
}
