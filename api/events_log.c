/* The events that are kept, as they are read. */
#include <stdio.h>
#include <string.h>

#include "api/events.h"

static int select_range(
    struct ph_db_transaction *transaction, const char *session, int64_t *oldest, int64_t *newest) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "SELECT last, (SELECT MIN(sequence) FROM events WHERE session = $1) FROM event_heads WHERE session = "
        "$1",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, session);
    code = ph_db_step(statement);
    if (code == 1) {
        *newest = ph_db_integer(statement, 0);
        *oldest = ph_db_integer(statement, 1);
    }
    ph_db_finish(statement);
    return code < 0 ? code : 0;
}

int ph_events_range(struct ph_db *db, const char *session, int64_t *oldest, int64_t *newest) {
    struct ph_db_transaction *transaction;
    *oldest = *newest = 0;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = select_range(transaction, session, oldest, newest);
    ph_db_rollback(transaction);
    return code;
}

static enum ph_event_type type_of(const char *name) {
    for (int i = 0; i < PH_EVENT_TYPES; i++) {
        if (strcmp(name, ph_event_type_name((enum ph_event_type)i)) == 0)
            return (enum ph_event_type)i;
    }
    return PH_EVENT_STATE;
}

/* Steps through rows of session, sequence, type, body, at_ms. */
static int take_rows(struct ph_db_statement *rows, size_t most, ph_events_take *take, void *opaque) {
    int code = 0, count = 0;
    while ((size_t)count < most && (code = ph_db_step(rows)) == 1) {
        struct ph_event event = {.sequence = ph_db_integer(rows, 1),
            .type = type_of(ph_db_text(rows, 2)),
            .body = ph_db_text(rows, 3),
            .at_ms = ph_db_integer(rows, 4)};
        snprintf(event.session, sizeof(event.session), "%s", ph_db_text(rows, 0));
        take(opaque, &event);
        count++;
    }
    return code < 0 ? code : count;
}

int ph_events_read(
    struct ph_db *db, const char *session, int64_t after, size_t most, ph_events_take *take, void *opaque) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *rows;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "SELECT session, sequence, type, body, at_ms FROM events WHERE session = $1 AND sequence > $2 ORDER "
        "BY sequence LIMIT $3",
        &rows);
    if (code == 0) {
        ph_db_bind_text(rows, 1, session);
        ph_db_bind_integer(rows, 2, after);
        ph_db_bind_integer(rows, 3, (int64_t)most);
        code = take_rows(rows, most, take, opaque);
        ph_db_finish(rows);
    }
    ph_db_rollback(transaction);
    return code;
}

int ph_events_since(struct ph_db *db, int64_t since_ms, size_t most, ph_events_take *take, void *opaque) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *rows;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "SELECT session, sequence, type, '' AS body, at_ms FROM events WHERE at_ms >= $1 ORDER BY at_ms "
        "DESC, sequence DESC LIMIT $2",
        &rows);
    if (code == 0) {
        ph_db_bind_integer(rows, 1, since_ms);
        ph_db_bind_integer(rows, 2, (int64_t)most);
        code = take_rows(rows, most, take, opaque);
        ph_db_finish(rows);
    }
    ph_db_rollback(transaction);
    return code;
}

int ph_events_prune(struct ph_db *db, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int code = ph_db_begin_keyed(db, "events:prune", &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction, "DELETE FROM events WHERE at_ms < $1", &statement);
    if (code == 0) {
        ph_db_bind_integer(statement, 1, now_ms - PH_EVENTS_KEPT_MS);
        int64_t dropped = ph_db_run(statement);
        code = dropped < 0 ? (int)dropped : 0;
    }
    return ph_db_settle(transaction, code);
}
