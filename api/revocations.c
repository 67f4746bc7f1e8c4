#include "api/revocations.h"

#include <stdio.h>

/* How long an ended session may still be watched. */
static const int64_t lingering_ms = 10 * 60 * INT64_C(1000);

static int64_t run(struct ph_db_transaction *transaction, const char *sql, const char *key, const char *tag,
    int64_t now_ms, int64_t since_ms) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, key);
    ph_db_bind_text(statement, 2, tag);
    ph_db_bind_integer(statement, 3, now_ms);
    if (since_ms)
        ph_db_bind_integer(statement, 4, since_ms);
    return ph_db_run(statement);
}

int ph_revocations_add(
    struct ph_db_transaction *transaction, const char *session, const char *tag, int64_t now_ms) {
    int64_t code = run(transaction,
        "INSERT INTO revocations (session, tag, at_ms) VALUES ($1, $2, $3) "
        "ON CONFLICT (session, tag) DO UPDATE SET at_ms = excluded.at_ms",
        session, tag, now_ms, 0);
    return code < 0 ? (int)code : 0;
}

int ph_revocations_add_of_owner(
    struct ph_db_transaction *transaction, const char *owner, const char *tag, int64_t now_ms) {
    int64_t code = run(transaction,
        "INSERT INTO revocations (session, tag, at_ms) "
        "SELECT id, CAST($2 AS TEXT), CAST($3 AS BIGINT) FROM sessions WHERE owner = $1 "
        "AND (state IN ('created', 'live', 'reconnecting') OR ended_ms > $4) "
        "ON CONFLICT (session, tag) DO UPDATE SET at_ms = excluded.at_ms",
        owner, tag, now_ms, now_ms - lingering_ms);
    return code < 0 ? (int)code : 0;
}

int ph_revocations_add_now(struct ph_db *db, const char *session, const char *tag, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin_keyed(db, session, &transaction);
    if (code < 0)
        return code;
    code = ph_revocations_add(transaction, session, tag, now_ms);
    return ph_db_settle(transaction, code);
}

int ph_revocations_read(struct ph_db *db, int64_t since_ms, const struct ph_revocation_row *after,
    struct ph_revocation_row *rows, size_t most, size_t *count) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    *count = 0;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "SELECT session, tag, at_ms FROM revocations WHERE at_ms > $1 AND (session > $2 OR (session = $2 AND "
        "tag > $3)) ORDER BY session, tag LIMIT $4",
        &statement);
    if (code == 0) {
        ph_db_bind_integer(statement, 1, since_ms);
        ph_db_bind_text(statement, 2, after ? after->session : "");
        ph_db_bind_text(statement, 3, after ? after->tag : "");
        ph_db_bind_integer(statement, 4, (int64_t)most);
        while (*count < most && (code = ph_db_step(statement)) == 1) {
            struct ph_revocation_row *row = &rows[(*count)++];
            snprintf(row->session, sizeof(row->session), "%s", ph_db_text(statement, 0));
            snprintf(row->tag, sizeof(row->tag), "%s", ph_db_text(statement, 1));
            row->at_ms = ph_db_integer(statement, 2);
        }
        ph_db_finish(statement);
    }
    ph_db_rollback(transaction);
    return code < 0 ? code : 0;
}

int ph_revocations_prune(struct ph_db *db, int64_t before_ms) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int code = ph_db_begin_keyed(db, "revocations:prune", &transaction);
    if (code < 0)
        return code;
    int64_t changed = ph_db_prepare(transaction, "DELETE FROM revocations WHERE at_ms < $1", &statement);
    if (changed == 0) {
        ph_db_bind_integer(statement, 1, before_ms);
        changed = ph_db_run(statement);
    }
    return ph_db_settle(transaction, changed);
}
