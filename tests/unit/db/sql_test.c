#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/db/sql.h"
#include "tests/unit/support/allocation_failure.h"
#include "tests/unit/support/database.h"

static struct ph_db *db;

static const struct ph_db_migration migrations[] = {
    {1, "doors",
        "CREATE TABLE doors (id TEXT PRIMARY KEY, width BIGINT NOT NULL CHECK (width > 0), weight DOUBLE "
        "PRECISION, colour TEXT)"},
};

static int open_db(void **state) {
    (void)state;
    if (ph_test_database_make() < 0 || ph_db_open(&db, ph_test_database_url(), NULL) < 0)
        return -1;
    return ph_db_migrate(db, migrations, 1, NULL);
}

static int close_db(void **state) {
    (void)state;
    ph_db_close(db);
    return ph_test_database_remove();
}

static int64_t hang(struct ph_db *on, const char *id, int64_t width) {
    return ph_db_write(on, PH_SQL("INSERT INTO doors (id, width, weight, colour) VALUES ($1, $2, $3, $4)",
                               ph_sql_text(id), ph_sql_integer(width), ph_sql_real(0.5), ph_sql_null()));
}

struct door {
    char id[16];
    int64_t width;
};

static void take_door(void *rows, size_t index, struct ph_db_statement *row) {
    struct door *door = (struct door *)rows + index;
    snprintf(door->id, sizeof(door->id), "%s", ph_db_text(row, 0));
    door->width = ph_db_integer(row, 1);
}

static void take_null_and_real(void *rows, size_t index, struct ph_db_statement *row) {
    (void)index;
    *(int *)rows = ph_db_is_null(row, 0) && ph_db_real(row, 1) == 0.5;
}

static int64_t count_doors(void) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(db, PH_DB_READ, &transaction), 0);
    int64_t count = ph_db_number(transaction, PH_SQL("SELECT COUNT(*) FROM doors"));
    ph_db_rollback(transaction);
    return count;
}

static void parameters_of_every_kind_come_back_as_they_went_in(void **state) {
    struct door door;
    int is_so = 0;
    (void)state;
    assert_int_equal(hang(db, "it's $1", INT64_C(1) << 40), 1);
    assert_int_equal(ph_db_read(db,
                         PH_SQL("SELECT id, width FROM doors WHERE width = $1 AND id = $2",
                             ph_sql_integer(INT64_C(1) << 40), ph_sql_text("it's $1")),
                         1, take_door, &door),
        1);
    assert_string_equal(door.id, "it's $1");
    assert_true(door.width == INT64_C(1) << 40);
    assert_int_equal(
        ph_db_read(db, PH_SQL("SELECT colour, weight FROM doors"), 1, take_null_and_real, &is_so), 1);
    assert_true(is_so);
}

static void no_more_rows_are_taken_than_there_is_room_for(void **state) {
    struct door doors[3] = {0};
    (void)state;
    assert_int_equal(ph_db_read(db, PH_SQL("SELECT id, width FROM doors"), 3, take_door, doors), 0);
    assert_int_equal(hang(db, "a", 1), 1);
    assert_int_equal(hang(db, "b", 2), 1);
    assert_int_equal(hang(db, "c", 3), 1);
    assert_int_equal(
        ph_db_read(db, PH_SQL("SELECT id, width FROM doors ORDER BY id"), 2, take_door, doors), 2);
    assert_string_equal(doors[0].id, "a");
    assert_string_equal(doors[1].id, "b");
    assert_string_equal(doors[2].id, "");
    assert_int_equal(ph_db_read(db, PH_SQL("SELECT 1 FROM doors WHERE width > 1"), 9, NULL, NULL), 2);
}

static void what_a_change_returns_is_taken_whole(void **state) {
    struct ph_db_transaction *transaction;
    struct door door;
    (void)state;
    assert_int_equal(hang(db, "a", 1), 1);
    assert_int_equal(hang(db, "b", 2), 1);
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(
        ph_db_query(transaction, PH_SQL("UPDATE doors SET width = width + 10 RETURNING id, width"), 1,
            take_door, &door),
        1);
    assert_true(door.width > 10);
    assert_int_equal(ph_db_commit(transaction), 0);
    assert_int_equal(ph_db_read(db, PH_SQL("SELECT 1 FROM doors WHERE width > 10"), 9, NULL, NULL), 2);
}

static void a_number_is_that_of_the_first_row_or_there_is_none(void **state) {
    struct ph_db_transaction *transaction;
    (void)state;
    assert_int_equal(hang(db, "a", 7), 1);
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    const struct ph_sql *width_of_b = PH_SQL("SELECT width FROM doors WHERE id = $1", ph_sql_text("b"));
    assert_int_equal(
        ph_db_number(transaction, PH_SQL("SELECT width FROM doors WHERE id = $1", ph_sql_text("a"))), 7);
    assert_int_equal(ph_db_number(transaction, width_of_b), -ENOENT);
    /* That there was none is no failure: the transaction goes on. */
    assert_int_equal(ph_db_change(transaction, PH_SQL("UPDATE doors SET id = $1", ph_sql_text("b"))), 1);
    assert_int_equal(ph_db_number(transaction, width_of_b), 7);
    assert_int_equal(ph_db_commit(transaction), 0);
}

static void a_failure_is_the_answer_and_nothing_is_kept(void **state) {
    struct ph_db_transaction *transaction;
    struct door door;
    (void)state;
    assert_int_equal(hang(db, "a", 1), 1);
    assert_int_equal(hang(db, "a", 2), -EEXIST);
    assert_int_equal(hang(db, "b", 0), -EINVAL);
    assert_int_equal(ph_db_write(db, PH_SQL("SELEKT")), -EINVAL);
    assert_int_equal(ph_db_read(db, PH_SQL("DELETE FROM doors RETURNING id"), 1, NULL, NULL), -EROFS);
    assert_int_equal(
        ph_db_read(db, PH_SQL("SELECT id FROM doors", ph_sql_integer(1)), 1, take_door, &door), -EINVAL);
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_change(transaction, PH_SQL("DELETE FROM doors")), 1);
    assert_int_equal(ph_db_change(transaction, PH_SQL("DELETE FROM windows")), -EINVAL);
    assert_int_equal(ph_db_number(transaction, PH_SQL("SELECT COUNT(*) FROM doors")), -EINVAL);
    assert_int_equal(ph_db_commit(transaction), -EINVAL);
    assert_int_equal(count_doors(), 1);
}

#define WIDEN PH_SQL("UPDATE doors SET width = width + 1 WHERE id = $1", ph_sql_text("a"))

static void *widen_plainly(void *changed) {
    *(int64_t *)changed = ph_db_write(db, WIDEN);
    return NULL;
}

static void writers_are_as_alone_as_their_transactions(void **state) {
    struct ph_db_transaction *other;
    pthread_t thread;
    int64_t changed = 0;
    (void)state;
    assert_int_equal(hang(db, "a", 1), 1);
    assert_int_equal(ph_db_begin_keyed(db, "door:a", &other), 0);
    assert_int_equal(pthread_create(&thread, NULL, widen_plainly, &changed), 0);
    assert_int_equal(ph_db_write_keyed(db, "door:a", WIDEN), -EAGAIN);
    pthread_join(thread, NULL);
    assert_int_equal(changed, -EAGAIN);
    ph_db_rollback(other);
    assert_int_equal(ph_db_write_keyed(db, "door:a", WIDEN), 1);
    assert_int_equal(ph_db_write(db, WIDEN), 1);
}

static void a_row_is_found_or_missing(void **state) {
    (void)state;
    assert_int_equal(ph_db_found(0), -ENOENT);
    assert_int_equal(ph_db_found(1), 0);
    assert_int_equal(ph_db_found(3), 0);
    assert_int_equal(ph_db_found(-EIO), -EIO);
}

static int write_and_read(void *opaque) {
    struct ph_db *own;
    struct door door;
    (void)opaque;
    int code = ph_db_open(&own, ph_test_database_url(), NULL);
    if (code < 0)
        return code;
    int64_t changed = ph_db_write_keyed(own, "door:x",
        PH_SQL("INSERT INTO doors (id, width) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET width = $2",
            ph_sql_text("x"), ph_sql_integer(2)));
    code = changed < 0
               ? (int)changed
               : ph_db_found(ph_db_read(own, PH_SQL("SELECT id, width FROM doors"), 1, take_door, &door));
    ph_db_close(own);
    return code;
}

static void failing_allocations(void **state) {
    (void)state;
    ph_test_with_failing_allocations(write_and_read, NULL);
}

#define ON_DB(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_DB(parameters_of_every_kind_come_back_as_they_went_in),
        ON_DB(no_more_rows_are_taken_than_there_is_room_for),
        ON_DB(what_a_change_returns_is_taken_whole),
        ON_DB(a_number_is_that_of_the_first_row_or_there_is_none),
        ON_DB(a_failure_is_the_answer_and_nothing_is_kept),
        ON_DB(writers_are_as_alone_as_their_transactions),
        cmocka_unit_test(a_row_is_found_or_missing),
        ON_DB(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
