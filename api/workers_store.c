#include "api/workers_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/sql.h"

#define COLUMNS "id, name, capacity, sessions, speed, is_well, is_draining, started_ms, seen_ms"

/* Whether the worker is to drain, as 1 or 0. */
static int64_t write_record(struct ph_db_transaction *transaction, const struct ph_worker_record *record) {
    return ph_db_number(transaction,
        PH_SQL("INSERT INTO workers (" COLUMNS
               ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET capacity = $3, "
               "sessions = $4, speed = $5, is_well = $6, seen_ms = $9, is_draining = CASE WHEN "
               "workers.is_draining = 1 THEN 1 ELSE $7 END RETURNING is_draining",
            ph_sql_text(record->id), ph_sql_text(record->name), ph_sql_integer(record->capacity),
            ph_sql_integer(record->sessions), record->has_speed ? ph_sql_real(record->speed) : ph_sql_null(),
            ph_sql_integer(record->is_well), ph_sql_integer(record->is_draining),
            ph_sql_integer(record->started_ms), ph_sql_integer(record->seen_ms)));
}

static int64_t forget(struct ph_db_transaction *transaction, int64_t before_ms) {
    return ph_db_change(
        transaction, PH_SQL("DELETE FROM workers WHERE seen_ms < $1", ph_sql_integer(before_ms)));
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
    int64_t changed =
        ph_db_write_keyed(db, "workers", PH_SQL("DELETE FROM workers WHERE id = $1", ph_sql_text(id)));
    return changed < 0 ? (int)changed : 0;
}

int ph_workers_drain(struct ph_db *db, const char *id) {
    return ph_db_found(ph_db_write_keyed(
        db, "workers", PH_SQL("UPDATE workers SET is_draining = 1 WHERE id = $1", ph_sql_text(id))));
}

static void read_row(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_worker_record *record = (struct ph_worker_record *)rows + index;
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
    const struct ph_sql *sql = PH_SQL("SELECT " COLUMNS " FROM workers WHERE id = $1", ph_sql_text(id));
    return ph_db_found(ph_db_read(db, sql, 1, read_row, record));
}

int ph_workers_list(struct ph_db *db, struct ph_worker_record **list, size_t *count) {
    *list = NULL;
    *count = 0;
    struct ph_worker_record *rows = calloc(PH_MOST_WORKERS, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    int code = ph_db_read(db, PH_SQL("SELECT " COLUMNS " FROM workers ORDER BY name, id LIMIT 1000"),
        PH_MOST_WORKERS, read_row, rows);
    if (code <= 0) {
        free(rows);
        return code;
    }
    *list = rows;
    *count = (size_t)code;
    return 0;
}
