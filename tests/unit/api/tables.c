#include "tests/unit/api/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api/embedded.h"

int tables_open(struct ph_db **db) {
    struct ph_error error = {""};
    if (ph_test_database_make() < 0 || ph_db_open(db, ph_test_database_url(), &error) < 0 ||
        ph_db_migrate(*db, ph_api_migrations, ph_api_migration_count, &error) < 0) {
        print_error("%s\n", error.text);
        return -1;
    }
    return 0;
}

int tables_close(struct ph_db *db) {
    ph_db_close(db);
    return ph_test_database_remove();
}

void tables_run(struct ph_db *db, const char *sql) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, sql), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
}

int64_t tables_number(struct ph_db *db, const char *sql) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    assert_int_equal(ph_db_begin(db, PH_DB_READ, &transaction), 0);
    assert_int_equal(ph_db_prepare(transaction, sql, &statement), 0);
    assert_int_equal(ph_db_step(statement), 1);
    int64_t number = ph_db_integer(statement, 0);
    ph_db_finish(statement);
    ph_db_rollback(transaction);
    return number;
}
