#include "api/webhook/webhooks_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns read_row() takes, in its order. */
#define COLUMNS                                                                                              \
    "id, url, events, secret, state, reason, created_by, created_ms, failing_since_ms, failures, "           \
    "delivered_ms"

static void read_row(struct ph_db_statement *row, struct ph_webhook *webhook) {
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

static int64_t count_all(struct ph_db_transaction *transaction) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, "SELECT COUNT(*) FROM webhooks", &statement);
    if (code < 0)
        return code;
    code = ph_db_step(statement);
    int64_t count = code < 0 ? code : ph_db_integer(statement, 0);
    ph_db_finish(statement);
    return count;
}

static int64_t insert(struct ph_db_transaction *transaction, const struct ph_webhook *webhook) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "INSERT INTO webhooks (id, url, events, secret, state, reason, created_by, created_ms, failures, "
        "retry_ms) VALUES ($1, $2, $3, $4, 'active', '', $5, $6, 0, 0)",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, webhook->id);
    ph_db_bind_text(statement, 2, webhook->url);
    ph_db_bind_text(statement, 3, webhook->events);
    ph_db_bind_text(statement, 4, webhook->secret);
    ph_db_bind_text(statement, 5, webhook->created_by);
    ph_db_bind_integer(statement, 6, webhook->created_ms);
    return ph_db_run(statement);
}

int ph_webhook_add(struct ph_db *db, struct ph_webhook *webhook) {
    struct ph_db_transaction *transaction;
    ph_random_id(webhook->id, PH_SESSION_ID_CHARACTERS);
    memcpy(webhook->secret, "whsec_", 6);
    ph_random_id(webhook->secret + 6, PH_WEBHOOK_SECRET_CHARACTERS);
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = count_all(transaction);
    if (answer >= 0)
        answer = answer < PH_MOST_WEBHOOKS ? insert(transaction, webhook) : -EDQUOT;
    return ph_db_settle(transaction, answer);
}

int ph_webhook_find(struct ph_db *db, const char *id, struct ph_webhook *webhook) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction, "SELECT " COLUMNS " FROM webhooks WHERE id = $1", &statement);
    if (code == 0) {
        ph_db_bind_text(statement, 1, id);
        code = ph_db_step(statement);
        if (code == 1)
            read_row(statement, webhook);
        ph_db_finish(statement);
        code = code == 0 ? -ENOENT : code < 0 ? code : 0;
    }
    ph_db_rollback(transaction);
    return code;
}

int ph_webhook_list(struct ph_db *db, struct ph_webhook **list, size_t *count) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    struct ph_webhook *rows = calloc(PH_MOST_WEBHOOKS, sizeof(*rows));
    *count = 0;
    if (!rows)
        return -ENOMEM;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code == 0) {
        code = ph_db_prepare(
            transaction, "SELECT " COLUMNS " FROM webhooks ORDER BY created_ms, id", &statement);
        if (code == 0) {
            while (*count < PH_MOST_WEBHOOKS && (code = ph_db_step(statement)) == 1) {
                read_row(statement, &rows[*count]);
                explicit_bzero(rows[(*count)++].secret, PH_WEBHOOK_SECRET_BYTES);
            }
            ph_db_finish(statement);
        }
        ph_db_rollback(transaction);
    }
    if (code < 0) {
        free(rows);
        return code;
    }
    *list = rows;
    return 0;
}

static int64_t remove_by(struct ph_db_transaction *transaction, const char *sql, const char *id) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    return ph_db_run(statement);
}

int ph_webhook_remove(struct ph_db *db, const char *id) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = remove_by(transaction, "DELETE FROM webhooks WHERE id = $1", id);
    if (answer == 0)
        answer = -ENOENT;
    if (answer > 0)
        answer = remove_by(transaction, "DELETE FROM outbox WHERE kind = 'webhook' AND recipient = $1", id);
    return ph_db_settle(transaction, answer);
}

static int64_t note_success(
    struct ph_db_transaction *transaction, const char *id, const struct ph_webhook_report *report) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "UPDATE webhooks SET failing_since_ms = NULL, failures = 0, retry_ms = 0, reason = '', delivered_ms "
        "= $2 WHERE id = $1 AND state = 'active'",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    ph_db_bind_integer(statement, 2, report->now_ms);
    return ph_db_run(statement);
}

static int64_t note_failure(
    struct ph_db_transaction *transaction, const char *id, const struct ph_webhook_report *report) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "UPDATE webhooks SET failing_since_ms = COALESCE(failing_since_ms, $2), failures = failures + 1, "
        "retry_ms = $3, reason = $4 WHERE id = $1 AND state = 'active'",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    ph_db_bind_integer(statement, 2, report->now_ms);
    ph_db_bind_integer(statement, 3, report->retry_ms);
    ph_db_bind_text(statement, 4, report->reason);
    return ph_db_run(statement);
}

static int64_t disable(
    struct ph_db_transaction *transaction, const char *id, const struct ph_webhook_report *report) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "UPDATE webhooks SET state = 'disabled' WHERE id = $1 AND state = 'active' AND (failing_since_ms < "
        "$2 "
        "OR CAST($3 AS BIGINT) = 1)",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    ph_db_bind_integer(statement, 2, report->now_ms - PH_WEBHOOK_PATIENCE_MS);
    ph_db_bind_integer(statement, 3, report->is_gone);
    return ph_db_run(statement);
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
