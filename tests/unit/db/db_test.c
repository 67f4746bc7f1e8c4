#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/db/db.h"
#include "tests/unit/support/allocation_failure.h"
#include "tests/unit/support/database.h"

static struct ph_db *db;

static const struct ph_db_migration migrations[] = {
    {1, "houses",
        "CREATE TABLE houses (id TEXT PRIMARY KEY, rooms BIGINT NOT NULL CHECK (rooms > 0), size DOUBLE "
        "PRECISION);"
        "CREATE TABLE doors (house TEXT NOT NULL REFERENCES houses (id));"},
    {2, "colours", "ALTER TABLE houses ADD COLUMN colour TEXT"},
};
static const struct ph_db_migration broken[] = {
    {1, "houses", "SELECT 1"},
    {2, "colours", "SELECT 1"},
    {3, "broken", "CREATE TABLE cellars (id TEXT PRIMARY KEY); CREATE TABLE nonsense ("},
};

static int open_db(void **state) {
    (void)state;
    struct ph_error error = {""};
    if (ph_test_database_make() < 0 || ph_db_open(&db, ph_test_database_url(), &error) < 0 ||
        ph_db_migrate(db, migrations, 2, &error) < 0) {
        print_error("%s\n", error.text);
        return -1;
    }
    return 0;
}

static int close_db(void **state) {
    (void)state;
    ph_db_close(db);
    db = NULL;
    return ph_test_database_remove();
}

static int64_t insert(struct ph_db_transaction *transaction, const char *id, int64_t rooms) {
    struct ph_db_statement *statement;
    /* $2 stands before $1: the number counts, not the place. */
    int code = ph_db_prepare(
        transaction, "INSERT INTO houses (rooms, id, size, colour) VALUES ($2, $1, $3, $4)", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    ph_db_bind_integer(statement, 2, rooms);
    ph_db_bind_real(statement, 3, 0.5);
    ph_db_bind_null(statement, 4);
    return ph_db_run(statement);
}

static int64_t insert_alone(const char *id, int64_t rooms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t changed = insert(transaction, id, rooms);
    if (changed < 0) {
        ph_db_rollback(transaction);
        return changed;
    }
    code = ph_db_commit(transaction);
    return code < 0 ? code : changed;
}

static int64_t count_houses(void) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    assert_int_equal(ph_db_begin(db, PH_DB_READ, &transaction), 0);
    assert_int_equal(ph_db_prepare(transaction, "SELECT COUNT(*) FROM houses", &statement), 0);
    assert_int_equal(ph_db_step(statement), 1);
    int64_t count = ph_db_integer(statement, 0);
    assert_int_equal(ph_db_step(statement), 0);
    ph_db_finish(statement);
    ph_db_rollback(transaction);
    return count;
}

static void rows_come_back_as_they_went_in(void **state) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    (void)state;
    assert_int_equal(insert_alone("Gr\xc3\xbcne Villa'; DROP TABLE houses", INT64_C(1) << 40), 1);
    assert_int_equal(ph_db_begin(db, PH_DB_READ, &transaction), 0);
    assert_int_equal(
        ph_db_prepare(transaction, "SELECT id, rooms, size, colour FROM houses WHERE rooms = $1", &statement),
        0);
    ph_db_bind_integer(statement, 1, INT64_C(1) << 40);
    assert_int_equal(ph_db_step(statement), 1);
    assert_string_equal(ph_db_text(statement, 0), "Gr\xc3\xbcne Villa'; DROP TABLE houses");
    assert_true(ph_db_integer(statement, 1) == INT64_C(1) << 40);
    assert_true(ph_db_real(statement, 2) == 0.5);
    assert_true(ph_db_is_null(statement, 3));
    assert_false(ph_db_is_null(statement, 1));
    assert_string_equal(ph_db_text(statement, 3), "");
    ph_db_finish(statement);
    ph_db_rollback(transaction);
}

static void migrations_apply_once(void **state) {
    struct ph_error error = {""};
    (void)state;
    assert_int_equal(insert_alone("a", 1), 1);
    assert_int_equal(ph_db_migrate(db, migrations, 2, &error), 0);
    ph_db_close(db);
    assert_int_equal(ph_db_open(&db, ph_test_database_url(), &error), 0);
    assert_int_equal(ph_db_migrate(db, migrations, 2, &error), 0);
    assert_int_equal(count_houses(), 1);
}

static void a_broken_migration_leaves_nothing(void **state) {
    struct ph_error error = {""};
    struct ph_db_transaction *transaction;
    (void)state;
    assert_true(ph_db_migrate(db, broken, 3, &error) < 0);
    assert_non_null(strstr(error.text, "migration 3 (broken) failed"));
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, "CREATE TABLE cellars (id TEXT)"), 0);
    ph_db_rollback(transaction);
    assert_int_equal(ph_db_migrate(db, migrations, 2, &error), 0);
}

static void a_database_that_is_not_up_to_date_is_told_of(void **state) {
    static const struct ph_db_migration later[] = {{1, "houses", ""}, {2, "colours", ""}, {7, "gardens", ""}};
    struct ph_error error = {""};
    struct ph_db_transaction *transaction;
    (void)state;
    assert_int_equal(ph_db_check_migrated(db, migrations, 2, &error), 0);
    assert_int_equal(ph_db_check_migrated(db, migrations, 1, &error), -EINVAL);
    assert_non_null(strstr(error.text, "newer"));
    assert_int_equal(ph_db_check_migrated(db, later, 3, &error), -EINVAL);
    assert_non_null(strstr(error.text, "migration 2 of 7"));
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, "DROP TABLE schema_migrations"), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
    assert_int_equal(ph_db_check_migrated(db, migrations, 2, &error), -EINVAL);
    assert_non_null(strstr(error.text, "migration 0 of 2"));
}

static void a_newer_database_is_refused(void **state) {
    struct ph_error error = {""};
    (void)state;
    assert_int_equal(ph_db_migrate(db, migrations, 1, &error), -EINVAL);
    assert_non_null(strstr(error.text, "migration 2, newer than this program's 1"));
}

static void constraints_have_their_codes(void **state) {
    struct ph_db_transaction *transaction;
    (void)state;
    assert_int_equal(insert_alone("a", 1), 1);
    assert_int_equal(insert_alone("a", 2), -EEXIST);
    assert_int_equal(insert_alone("b", 0), -EINVAL);
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, "INSERT INTO doors (house) VALUES ('nowhere')"), -EINVAL);
    ph_db_rollback(transaction);
    assert_int_equal(count_houses(), 1);
}

static void what_is_rolled_back_is_gone(void **state) {
    struct ph_db_transaction *transaction;
    (void)state;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(insert(transaction, "a", 1), 1);
    ph_db_rollback(transaction);
    ph_db_rollback(NULL);
    assert_int_equal(count_houses(), 0);
}

static void a_reader_keeps_its_snapshot_and_may_not_write(void **state) {
    struct ph_db_transaction *reader;
    struct ph_db_statement *statement;
    (void)state;
    assert_int_equal(ph_db_begin(db, PH_DB_READ, &reader), 0);
    assert_int_equal(ph_db_prepare(reader, "SELECT COUNT(*) FROM houses", &statement), 0);
    assert_int_equal(ph_db_step(statement), 1);
    ph_db_finish(statement);
    assert_int_equal(insert_alone("a", 1), 1);
    assert_int_equal(ph_db_prepare(reader, "SELECT COUNT(*) FROM houses", &statement), 0);
    assert_int_equal(ph_db_step(statement), 1);
    assert_int_equal(ph_db_integer(statement, 0), 0);
    ph_db_finish(statement);
    assert_int_equal(insert(reader, "b", 1), -EROFS);
    ph_db_rollback(reader);
    assert_int_equal(count_houses(), 1);
}

static void broken_sql_and_binds(void **state) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    (void)state;
    assert_int_equal(ph_db_begin(db, PH_DB_READ, &transaction), 0);
    assert_int_equal(ph_db_prepare(transaction, "SELEKT", &statement), -EINVAL);
    assert_int_equal(ph_db_prepare(transaction, "SELECT id FROM houses", &statement), -EINVAL); /* spoilt */
    ph_db_rollback(transaction);
    assert_int_equal(ph_db_begin(db, PH_DB_READ, &transaction), 0);
    assert_int_equal(ph_db_prepare(transaction, "SELECT id FROM houses WHERE id = $1", &statement), 0);
    ph_db_bind_text(statement, 2, "no such parameter");
    assert_int_equal(ph_db_step(statement), -EINVAL);
    ph_db_finish(statement);
    ph_db_finish(NULL);
    ph_db_rollback(transaction);
}

static void a_number_may_be_left_out(void **state) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    (void)state;
    assert_int_equal(insert_alone("a", 7), 1);
    assert_int_equal(ph_db_begin(db, PH_DB_READ, &transaction), 0);
    assert_int_equal(
        ph_db_prepare(transaction, "SELECT '$9' FROM houses WHERE id = $3 AND rooms = $1", &statement), 0);
    ph_db_bind_integer(statement, 1, 7);
    ph_db_bind_text(statement, 3, "a");
    assert_int_equal(ph_db_step(statement), 1);
    assert_string_equal(ph_db_text(statement, 0), "$9");
    ph_db_finish(statement);
    ph_db_rollback(transaction);
}

static void a_failure_spoils_its_transaction(void **state) {
    struct ph_db_transaction *transaction;
    (void)state;
    assert_int_equal(insert_alone("a", 1), 1);
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(insert(transaction, "b", 1), 1);
    assert_int_equal(insert(transaction, "a", 1), -EEXIST);
    assert_int_equal(insert(transaction, "c", 1), -EEXIST);
    assert_int_equal(ph_db_exec(transaction, "DELETE FROM houses"), -EEXIST);
    assert_int_equal(ph_db_commit(transaction), -EEXIST);
    assert_int_equal(count_houses(), 1);
}

static void a_second_writer_waits_no_longer_than_its_patience(void **state) {
    struct ph_db_transaction *first, *second;
    struct ph_db *other;
    (void)state;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &first), 0);
    int64_t began_us = ph_now_us();
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &second), -EAGAIN);
    int64_t took_us = ph_now_us() - began_us;
    assert_true(took_us >= PH_DB_PATIENCE_US && took_us < 3 * PH_DB_PATIENCE_US);
    assert_int_equal(ph_db_open(&other, ph_test_database_url(), NULL), 0); /* as another process would */
    assert_int_equal(ph_db_begin(other, PH_DB_WRITE, &second), -EAGAIN);
    ph_db_rollback(first);
    assert_int_equal(ph_db_begin(other, PH_DB_WRITE, &second), 0);
    ph_db_rollback(second);
    ph_db_close(other);
}

static void *begin_plain(void *opaque) {
    struct ph_db_transaction *transaction;
    *(int *)opaque = ph_db_begin(db, PH_DB_WRITE, &transaction);
    return NULL;
}

static void a_key_is_alone_with_itself_and_with_writers(void **state) {
    struct ph_db_transaction *first, *second;
    pthread_t thread;
    int code = 0;
    (void)state;
    assert_int_equal(ph_db_begin_keyed(db, "house:a", &first), 0);
    assert_int_equal(insert(first, "a", 1), 1);
    assert_int_equal(pthread_create(&thread, NULL, begin_plain, &code), 0);
    assert_int_equal(ph_db_begin_keyed(db, "house:a", &second), -EAGAIN);
    pthread_join(thread, NULL);
    assert_int_equal(code, -EAGAIN);
    assert_int_equal(ph_db_commit(first), 0);
    assert_int_equal(ph_db_begin_keyed(db, "house:a", &second), 0);
    assert_int_equal(insert(second, "b", 1), 1);
    assert_int_equal(ph_db_commit(second), 0);
    assert_int_equal(count_houses(), 2);
}

enum { THREADS = 8, ROUNDS = 40 };

static void *write_and_read(void *opaque) {
    const char *name = opaque;
    for (int i = 0; i < ROUNDS; i++) {
        char id[32];
        struct ph_db_transaction *transaction;
        struct ph_db_statement *statement;
        snprintf(id, sizeof(id), "%s-%d", name, i);
        if (insert_alone(id, i + 1) != 1 || insert_alone(id, 1) != -EEXIST)
            return "a write failed";
        if (ph_db_begin(db, PH_DB_READ, &transaction) < 0)
            return "no reader";
        if (ph_db_prepare(transaction, "SELECT rooms FROM houses WHERE id = $1", &statement) < 0)
            return "no statement";
        ph_db_bind_text(statement, 1, id);
        int found = ph_db_step(statement) == 1 && ph_db_integer(statement, 0) == i + 1;
        ph_db_finish(statement);
        ph_db_rollback(transaction);
        if (!found)
            return "a row is missing";
    }
    return NULL;
}

static void eight_threads_write_and_read(void **state) {
    static char names[THREADS][8];
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        snprintf(names[i], sizeof(names[i]), "t%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_and_read, names[i]), 0);
    }
    const char *failure = NULL;
    for (int i = 0; i < THREADS; i++) {
        void *answer;
        pthread_join(threads[i], &answer);
        if (answer)
            failure = answer;
    }
    if (failure)
        fail_msg("%s", failure);
    assert_int_equal(count_houses(), THREADS * ROUNDS);
}

static void a_server_tells_its_time_and_an_embedded_one_has_none(void **state) {
    (void)state;
    int64_t utc_us = 0, round_trip_us = 0;
    int code = ph_db_ask_time(db, &utc_us, &round_trip_us);
    if (strncmp(ph_test_database_url(), "sqlite:", 7) == 0) {
        assert_int_equal(code, -ENOSYS);
        return;
    }
    assert_int_equal(code, 0);
    assert_in_range(round_trip_us, 1, PH_DB_PATIENCE_US);
    /* It runs on this machine. */
    assert_in_range(utc_us, ph_utc_now_us() - round_trip_us - PH_SECOND_US, ph_utc_now_us() + PH_SECOND_US);
}

static int open_insert_close(void *opaque) {
    struct ph_db *own;
    struct ph_db_transaction *transaction;
    (void)opaque;
    int code = ph_db_open(&own, ph_test_database_url(), NULL);
    if (code < 0)
        return code;
    code = ph_db_migrate(own, migrations, 2, NULL);
    if (code == 0)
        code = ph_db_begin(own, PH_DB_WRITE, &transaction);
    if (code == 0) {
        int64_t changed = insert(transaction, "a", 1);
        ph_db_rollback(transaction);
        code = changed < 0 ? (int)changed : 0;
    }
    ph_db_close(own);
    return code;
}

static void failing_allocations(void **state) {
    (void)state;
    ph_test_with_failing_allocations(open_insert_close, NULL);
}

#define ON_DB(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_DB(rows_come_back_as_they_went_in),
        ON_DB(migrations_apply_once),
        ON_DB(a_broken_migration_leaves_nothing),
        ON_DB(a_database_that_is_not_up_to_date_is_told_of),
        ON_DB(a_newer_database_is_refused),
        ON_DB(constraints_have_their_codes),
        ON_DB(what_is_rolled_back_is_gone),
        ON_DB(a_reader_keeps_its_snapshot_and_may_not_write),
        ON_DB(broken_sql_and_binds),
        ON_DB(a_number_may_be_left_out),
        ON_DB(a_failure_spoils_its_transaction),
        ON_DB(a_second_writer_waits_no_longer_than_its_patience),
        ON_DB(a_key_is_alone_with_itself_and_with_writers),
        ON_DB(a_server_tells_its_time_and_an_embedded_one_has_none),
        ON_DB(eight_threads_write_and_read),
        ON_DB(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
