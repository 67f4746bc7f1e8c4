#include "api/revocations.h"

#include <stdio.h>

#include "core/db/sql.h"

/* How long an ended session may still be watched. */
static const int64_t lingering_ms = 10 * 60 * INT64_C(1000);

int ph_revocations_add(
    struct ph_db_transaction *transaction, const char *session, const char *tag, int64_t now_ms) {
    int64_t changed =
        ph_db_change(transaction, PH_SQL("INSERT INTO revocations (session, tag, at_ms) VALUES ($1, $2, $3) "
                                         "ON CONFLICT (session, tag) DO UPDATE SET at_ms = excluded.at_ms",
                                      ph_sql_text(session), ph_sql_text(tag), ph_sql_integer(now_ms)));
    return changed < 0 ? (int)changed : 0;
}

int ph_revocations_add_of_owner(
    struct ph_db_transaction *transaction, const char *owner, const char *tag, int64_t now_ms) {
    int64_t changed = ph_db_change(transaction,
        PH_SQL("INSERT INTO revocations (session, tag, at_ms) SELECT id, CAST($2 AS TEXT), CAST($3 AS "
               "BIGINT) FROM sessions WHERE owner = $1 AND (state IN ('created', 'live', 'reconnecting') OR "
               "ended_ms > $4) ON CONFLICT (session, tag) DO UPDATE SET at_ms = excluded.at_ms",
            ph_sql_text(owner), ph_sql_text(tag), ph_sql_integer(now_ms),
            ph_sql_integer(now_ms - lingering_ms)));
    return changed < 0 ? (int)changed : 0;
}

int ph_revocations_add_now(struct ph_db *db, const char *session, const char *tag, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin_keyed(db, session, &transaction);
    if (code < 0)
        return code;
    code = ph_revocations_add(transaction, session, tag, now_ms);
    return ph_db_settle(transaction, code);
}

static void read_row(void *rows, size_t index, struct ph_db_statement *statement) {
    struct ph_revocation_row *row = (struct ph_revocation_row *)rows + index;
    snprintf(row->session, sizeof(row->session), "%s", ph_db_text(statement, 0));
    snprintf(row->tag, sizeof(row->tag), "%s", ph_db_text(statement, 1));
    row->at_ms = ph_db_integer(statement, 2);
}

int ph_revocations_read(struct ph_db *db, int64_t since_ms, const struct ph_revocation_row *after,
    struct ph_revocation_row *rows, size_t most, size_t *count) {
    int code = ph_db_read(db,
        PH_SQL("SELECT session, tag, at_ms FROM revocations WHERE at_ms > $1 AND (session > $2 OR (session = "
               "$2 AND tag > $3)) ORDER BY session, tag LIMIT $4",
            ph_sql_integer(since_ms), ph_sql_text(after ? after->session : ""),
            ph_sql_text(after ? after->tag : ""), ph_sql_integer((int64_t)most)),
        most, read_row, rows);
    *count = code > 0 ? (size_t)code : 0;
    return code < 0 ? code : 0;
}

int ph_revocations_prune(struct ph_db *db, int64_t before_ms) {
    int64_t changed = ph_db_write_keyed(db, "revocations:prune",
        PH_SQL("DELETE FROM revocations WHERE at_ms < $1", ph_sql_integer(before_ms)));
    return changed < 0 ? (int)changed : 0;
}
