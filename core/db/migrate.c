/* Numbered migrations, applied once each under the lock of PH_DB_MIGRATE. */
#include <assert.h>

#include "core/db/sql.h"

static const char create_record[] = "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY "
                                    "KEY, name TEXT NOT NULL, applied_ms BIGINT NOT NULL)";

static int apply(struct ph_db_transaction *transaction, const struct ph_db_migration *migration) {
    int code = ph_db_exec(transaction, migration->sql);
    if (code < 0)
        return code;
    int64_t changed = ph_db_change(
        transaction, PH_SQL("INSERT INTO schema_migrations (number, name, applied_ms) VALUES ($1, $2, $3)",
                         ph_sql_integer(migration->number), ph_sql_text(migration->name),
                         ph_sql_integer(ph_utc_now_us() / PH_MILLISECOND_US)));
    return changed < 0 ? (int)changed : 0;
}

static int make_record(struct ph_db *db) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_MIGRATE, &transaction);
    return code < 0 ? code : ph_db_settle(transaction, ph_db_exec(transaction, create_record));
}

/* 1 when it is recorded, else 0. */
static int is_recorded(struct ph_db_transaction *transaction, int64_t number) {
    return ph_db_query(transaction,
        PH_SQL("SELECT 1 FROM schema_migrations WHERE number = $1", ph_sql_integer(number)), 1, NULL, NULL);
}

static int apply_once(struct ph_db *db, const struct ph_db_migration *migration) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_MIGRATE, &transaction);
    if (code < 0)
        return code;
    code = is_recorded(transaction, migration->number);
    if (code == 0)
        code = apply(transaction, migration);
    return ph_db_settle(transaction, code);
}

static int check_newest(struct ph_db *db, int64_t newest_known, int64_t *newest) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    int64_t number =
        ph_db_number(transaction, PH_SQL("SELECT COALESCE(MAX(number), 0) FROM schema_migrations"));
    ph_db_rollback(transaction);
    if (number < 0)
        return (int)number;
    *newest = number;
    return number > newest_known ? -EINVAL : 0;
}

static int refuse_newer(int64_t newest, int64_t newest_known, struct ph_error *error) {
    return ph_error_set(error, -EINVAL,
        "the database is at migration %lld, newer than this program's %lld: run the newer program",
        (long long)newest, (long long)newest_known);
}

int ph_db_check_migrated(
    struct ph_db *db, const struct ph_db_migration *migrations, size_t count, struct ph_error *error) {
    char reason[64];
    int64_t newest = 0, newest_known = migrations[count - 1].number;
    int code = check_newest(db, newest_known, &newest);
    if (newest > newest_known)
        return refuse_newer(newest, newest_known, error);
    if (code < 0 && code != -EINVAL)
        return ph_error_set(
            error, code, "the database does not answer: %s", ph_error_name(code, reason, sizeof(reason)));
    if (newest < newest_known) /* -EINVAL: it has not even the table of what was applied */
        return ph_error_set(error, -EINVAL,
            "the database is at migration %lld of %lld: start a node on it, with the role api, which brings "
            "it up "
            "to date, or correct database_url and data_dir",
            (long long)newest, (long long)newest_known);
    return 0;
}

int ph_db_migrate(
    struct ph_db *db, const struct ph_db_migration *migrations, size_t count, struct ph_error *error) {
    char reason[64];
    int64_t newest = 0, newest_known = count ? migrations[count - 1].number : 0;
    int code = make_record(db);
    if (code == 0)
        code = check_newest(db, newest_known, &newest);
    if (newest > newest_known)
        return refuse_newer(newest, newest_known, error);
    if (code < 0)
        return ph_error_set(error, code,
            "the database cannot be prepared: %s: check database_url and its disk",
            ph_error_name(code, reason, sizeof(reason)));
    for (size_t i = 0; i < count; i++) {
        assert(i == 0 || migrations[i - 1].number < migrations[i].number);
        code = apply_once(db, &migrations[i]);
        if (code < 0)
            return ph_error_set(error, code,
                "migration %lld (%s) failed: %s: the database stays as it was before it",
                (long long)migrations[i].number, migrations[i].name,
                ph_error_name(code, reason, sizeof(reason)));
    }
    return 0;
}
