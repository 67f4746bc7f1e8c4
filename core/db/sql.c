#include "core/db/sql.h"

static void bind(struct ph_db_statement *statement, int number, const struct ph_sql_value *value) {
    if (value->kind == PH_SQL_TEXT)
        ph_db_bind_text(statement, number, value->as.text);
    else if (value->kind == PH_SQL_INTEGER)
        ph_db_bind_integer(statement, number, value->as.integer);
    else
        ph_db_bind_real(statement, number, value->as.real);
}

static int prepare(
    struct ph_db_transaction *transaction, const struct ph_sql *sql, struct ph_db_statement **statement) {
    int code = ph_db_prepare(transaction, sql->text, statement);
    for (int i = 0; code == 0 && sql->values[i].kind != PH_SQL_END; i++)
        bind(*statement, i + 1, &sql->values[i]);
    return code;
}

int64_t ph_db_change(struct ph_db_transaction *transaction, const struct ph_sql *sql) {
    struct ph_db_statement *statement;
    int code = prepare(transaction, sql, &statement);
    return code < 0 ? code : ph_db_run(statement);
}

int ph_db_query(struct ph_db_transaction *transaction, const struct ph_sql *sql, size_t most,
    ph_sql_take *take, void *rows) {
    struct ph_db_statement *statement;
    size_t count = 0;
    int code = prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    while (count < most && (code = ph_db_step(statement)) == 1) {
        if (take)
            take(rows, count, statement);
        count++;
    }
    ph_db_finish(statement);
    return code < 0 ? code : (int)count;
}

static void take_number(void *number, size_t index, struct ph_db_statement *row) {
    (void)index;
    *(int64_t *)number = ph_db_integer(row, 0);
}

int64_t ph_db_number(struct ph_db_transaction *transaction, const struct ph_sql *sql) {
    int64_t number = 0;
    int code = ph_db_found(ph_db_query(transaction, sql, 1, take_number, &number));
    return code < 0 ? code : number;
}

int ph_db_read(struct ph_db *db, const struct ph_sql *sql, size_t most, ph_sql_take *take, void *rows) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_query(transaction, sql, most, take, rows);
    ph_db_rollback(transaction);
    return code;
}

static int64_t change_and_end(struct ph_db_transaction *transaction, const struct ph_sql *sql) {
    int64_t changed = ph_db_change(transaction, sql);
    int code = ph_db_settle(transaction, changed);
    return code < 0 ? code : changed;
}

int64_t ph_db_write(struct ph_db *db, const struct ph_sql *sql) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    return code < 0 ? code : change_and_end(transaction, sql);
}

int64_t ph_db_write_keyed(struct ph_db *db, const char *key, const struct ph_sql *sql) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin_keyed(db, key, &transaction);
    return code < 0 ? code : change_and_end(transaction, sql);
}
