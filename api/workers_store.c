#include "api/workers_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS "id, name, capacity, sessions, speed, is_well, is_draining, started_ms, seen_ms"

static int64_t write_record(struct ph_db_transaction *transaction, const struct ph_worker_record *record) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "INSERT INTO workers (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO "
        "UPDATE SET capacity = $3, sessions = $4, speed = $5, is_well = $6, seen_ms = $9, is_draining = CASE "
        "WHEN workers.is_draining = 1 THEN 1 ELSE $7 END RETURNING is_draining",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, record->id);
    ph_db_bind_text(statement, 2, record->name);
    ph_db_bind_integer(statement, 3, record->capacity);
    ph_db_bind_integer(statement, 4, record->sessions);
    if (record->has_speed)
        ph_db_bind_real(statement, 5, record->speed);
    else
        ph_db_bind_null(statement, 5);
    ph_db_bind_integer(statement, 6, record->is_well);
    ph_db_bind_integer(statement, 7, record->is_draining);
    ph_db_bind_integer(statement, 8, record->started_ms);
    ph_db_bind_integer(statement, 9, record->seen_ms);
    code = ph_db_step(statement);
    int64_t is_draining = code == 1 ? ph_db_integer(statement, 0) : 0;
    ph_db_finish(statement);
    return code < 0 ? code : is_draining;
}

static int64_t run_with_id(struct ph_db_transaction *transaction, const char *sql, const char *id) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    return ph_db_run(statement);
}

static int64_t forget(struct ph_db_transaction *transaction, int64_t before_ms) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, "DELETE FROM workers WHERE seen_ms < $1", &statement);
    if (code < 0)
        return code;
    ph_db_bind_integer(statement, 1, before_ms);
    return ph_db_run(statement);
}

int ph_workers_report(struct ph_db *db, struct ph_worker_record *record, int64_t forget_before_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin_keyed(db, "workers", &transaction);
    if (code < 0)
        return code;
    int64_t answer = write_record(transaction, record);
    bool is_draining = answer == 1;
    if (answer >= 0)
        answer = forget(transaction, forget_before_ms);
    code = ph_db_settle(transaction, answer);
    if (code == 0)
        record->is_draining = is_draining;
    return code;
}

int ph_workers_remove(struct ph_db *db, const char *id) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin_keyed(db, "workers", &transaction);
    if (code < 0)
        return code;
    return ph_db_settle(transaction, run_with_id(transaction, "DELETE FROM workers WHERE id = $1", id));
}

int ph_workers_drain(struct ph_db *db, const char *id) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin_keyed(db, "workers", &transaction);
    if (code < 0)
        return code;
    int64_t changed = run_with_id(transaction, "UPDATE workers SET is_draining = 1 WHERE id = $1", id);
    return ph_db_settle(transaction, changed == 0 ? -ENOENT : changed);
}

static void read_row(struct ph_db_statement *row, struct ph_worker_record *record) {
    snprintf(record->id, sizeof(record->id), "%s", ph_db_text(row, 0));
    snprintf(record->name, sizeof(record->name), "%s", ph_db_text(row, 1));
    record->capacity = ph_db_integer(row, 2);
    record->sessions = ph_db_integer(row, 3);
    record->has_speed = !ph_db_is_null(row, 4);
    record->speed = ph_db_real(row, 4);
    record->is_well = ph_db_integer(row, 5) != 0;
    record->is_draining = ph_db_integer(row, 6) != 0;
    record->started_ms = ph_db_integer(row, 7);
    record->seen_ms = ph_db_integer(row, 8);
}

int ph_workers_find(struct ph_db *db, const char *id, struct ph_worker_record *record) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction, "SELECT " COLUMNS " FROM workers WHERE id = $1", &statement);
    if (code == 0) {
        ph_db_bind_text(statement, 1, id);
        code = ph_db_step(statement);
        if (code == 1)
            read_row(statement, record);
        ph_db_finish(statement);
        code = code == 0 ? -ENOENT : code;
    }
    ph_db_rollback(transaction);
    return code < 0 ? code : 0;
}

static int select_all(struct ph_db_transaction *transaction, struct ph_worker_record *rows, size_t *count) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(
        transaction, "SELECT " COLUMNS " FROM workers ORDER BY name, id LIMIT 1000", &statement);
    if (code < 0)
        return code;
    while ((code = ph_db_step(statement)) == 1 && *count < PH_MOST_WORKERS)
        read_row(statement, &rows[(*count)++]);
    ph_db_finish(statement);
    return code < 0 ? code : 0;
}

int ph_workers_list(struct ph_db *db, struct ph_worker_record **list, size_t *count) {
    struct ph_db_transaction *transaction;
    *list = NULL;
    *count = 0;
    struct ph_worker_record *rows = calloc(PH_MOST_WORKERS, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code == 0) {
        code = select_all(transaction, rows, count);
        ph_db_rollback(transaction);
    }
    if (code < 0 || *count == 0) {
        free(rows);
        return code;
    }
    *list = rows;
    return 0;
}
