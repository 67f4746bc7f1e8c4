#include "api/webhook/webhooks_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/sql.h"

/* The columns read_row() takes, in its order. */
#define COLUMNS                                                                                              \
    "id, url, events, secret, state, reason, created_by, created_ms, failing_since_ms, failures, "           \
    "delivered_ms"

static void read_row(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_webhook *webhook = (struct ph_webhook *)rows + index;
    snprintf(webhook->id, sizeof(webhook->id), "%s", ph_db_text(row, 0));
    snprintf(webhook->url, sizeof(webhook->url), "%s", ph_db_text(row, 1));
    snprintf(webhook->events, sizeof(webhook->events), "%s", ph_db_text(row, 2));
    snprintf(webhook->secret, sizeof(webhook->secret), "%s", ph_db_text(row, 3));
    webhook->is_disabled = strcmp(ph_db_text(row, 4), "disabled") == 0;
    snprintf(webhook->reason, sizeof(webhook->reason), "%s", ph_db_text(row, 5));
    snprintf(webhook->created_by, sizeof(webhook->created_by), "%s", ph_db_text(row, 6));
    webhook->created_ms = ph_db_integer(row, 7);
    webhook->failing_since_ms = ph_db_integer(row, 8);
    webhook->failures = ph_db_integer(row, 9);
    webhook->delivered_ms = ph_db_integer(row, 10);
}

static int64_t insert(struct ph_db_transaction *transaction, const struct ph_webhook *webhook) {
    return ph_db_change(transaction,
        PH_SQL("INSERT INTO webhooks (id, url, events, secret, state, reason, created_by, created_ms, "
               "failures, retry_ms) VALUES ($1, $2, $3, $4, 'active', '', $5, $6, 0, 0)",
            ph_sql_text(webhook->id), ph_sql_text(webhook->url), ph_sql_text(webhook->events),
            ph_sql_text(webhook->secret), ph_sql_text(webhook->created_by),
            ph_sql_integer(webhook->created_ms)));
}

int ph_webhook_add(struct ph_db *db, struct ph_webhook *webhook) {
    struct ph_db_transaction *transaction;
    ph_random_id(webhook->id, PH_SESSION_ID_CHARACTERS);
    memcpy(webhook->secret, "whsec_", 6);
    ph_random_id(webhook->secret + 6, PH_WEBHOOK_SECRET_CHARACTERS);
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = ph_db_number(transaction, PH_SQL("SELECT COUNT(*) FROM webhooks"));
    if (answer >= 0)
        answer = answer < PH_MOST_WEBHOOKS ? insert(transaction, webhook) : -EDQUOT;
    return ph_db_settle(transaction, answer);
}

int ph_webhook_find(struct ph_db *db, const char *id, struct ph_webhook *webhook) {
    const struct ph_sql *sql = PH_SQL("SELECT " COLUMNS " FROM webhooks WHERE id = $1", ph_sql_text(id));
    return ph_db_found(ph_db_read(db, sql, 1, read_row, webhook));
}

int ph_webhook_list(struct ph_db *db, struct ph_webhook **list, size_t *count) {
    struct ph_webhook *rows = calloc(PH_MOST_WEBHOOKS, sizeof(*rows));
    *count = 0;
    if (!rows)
        return -ENOMEM;
    int code = ph_db_read(db, PH_SQL("SELECT " COLUMNS " FROM webhooks ORDER BY created_ms, id"),
        PH_MOST_WEBHOOKS, read_row, rows);
    if (code < 0) {
        free(rows);
        return code;
    }
    for (int i = 0; i < code; i++)
        explicit_bzero(rows[i].secret, PH_WEBHOOK_SECRET_BYTES);
    *list = rows;
    *count = (size_t)code;
    return 0;
}

int ph_webhook_remove(struct ph_db *db, const char *id) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = ph_db_change(transaction, PH_SQL("DELETE FROM webhooks WHERE id = $1", ph_sql_text(id)));
    if (answer == 0)
        answer = -ENOENT;
    if (answer > 0)
        answer = ph_db_change(transaction,
            PH_SQL("DELETE FROM outbox WHERE kind = 'webhook' AND recipient = $1", ph_sql_text(id)));
    return ph_db_settle(transaction, answer);
}

static int64_t note_success(
    struct ph_db_transaction *transaction, const char *id, const struct ph_webhook_report *report) {
    return ph_db_change(
        transaction, PH_SQL("UPDATE webhooks SET failing_since_ms = NULL, failures = 0, retry_ms = 0, reason "
                            "= '', delivered_ms = $2 WHERE id = $1 AND state = 'active'",
                         ph_sql_text(id), ph_sql_integer(report->now_ms)));
}

static int64_t note_failure(
    struct ph_db_transaction *transaction, const char *id, const struct ph_webhook_report *report) {
    return ph_db_change(
        transaction, PH_SQL("UPDATE webhooks SET failing_since_ms = COALESCE(failing_since_ms, $2), failures "
                            "= failures + 1, retry_ms = $3, reason = $4 WHERE id = $1 AND state = 'active'",
                         ph_sql_text(id), ph_sql_integer(report->now_ms), ph_sql_integer(report->retry_ms),
                         ph_sql_text(report->reason)));
}

static int64_t disable(
    struct ph_db_transaction *transaction, const char *id, const struct ph_webhook_report *report) {
    return ph_db_change(
        transaction, PH_SQL("UPDATE webhooks SET state = 'disabled' WHERE id = $1 AND state = 'active' AND "
                            "(failing_since_ms < $2 OR CAST($3 AS BIGINT) = 1)",
                         ph_sql_text(id), ph_sql_integer(report->now_ms - PH_WEBHOOK_PATIENCE_MS),
                         ph_sql_integer(report->is_gone)));
}

int ph_webhook_note(
    struct ph_db *db, const char *id, const struct ph_webhook_report *report, bool *was_disabled) {
    struct ph_db_transaction *transaction;
    *was_disabled = false;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer =
        report->is_good ? note_success(transaction, id, report) : note_failure(transaction, id, report);
    if (answer >= 0 && !report->is_good) {
        answer = disable(transaction, id, report);
        *was_disabled = answer == 1;
    }
    return ph_db_settle(transaction, answer);
}
