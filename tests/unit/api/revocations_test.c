#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/revocations.h"
#include "tests/unit/api/tables.h"

static struct ph_db *db;

static int open_database(void **state) {
    (void)state;
    return tables_open(&db);
}

static int close_database(void **state) {
    (void)state;
    return tables_close(db);
}

static void all_are_read_page_by_page(void **state) {
    struct ph_revocation_row rows[2], last;
    char tag[16];
    size_t count, seen = 0;
    (void)state;
    for (int i = 0; i < 4; i++) {
        snprintf(tag, sizeof(tag), "viewer%d", i);
        assert_int_equal(ph_revocations_add_now(db, "crowded", tag, 1000 + i), 0);
    }
    assert_int_equal(ph_revocations_add_now(db, "quiet", "viewer0", 1000), 0);
    assert_int_equal(ph_revocations_add_now(db, "quiet", "viewer1", 500), 0);
    assert_int_equal(ph_revocations_read(db, 500, NULL, rows, 2, &count), 0);
    while (count > 0) {
        seen += count;
        last = rows[count - 1];
        assert_int_equal(ph_revocations_read(db, 500, &last, rows, 2, &count), 0);
    }
    assert_int_equal(seen, 5);
    assert_string_equal(last.session, "quiet");
    assert_string_equal(last.tag, "viewer0");
    assert_int_equal(last.at_ms, 1000);
}

static void old_ones_are_forgotten(void **state) {
    struct ph_revocation_row rows[4];
    size_t count;
    (void)state;
    assert_int_equal(ph_revocations_add_now(db, "a", "viewer0", 100), 0);
    assert_int_equal(ph_revocations_add_now(db, "a", "viewer1", 200), 0);
    assert_int_equal(ph_revocations_prune(db, 200), 0);
    assert_int_equal(ph_revocations_read(db, 0, NULL, rows, 4, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].tag, "viewer1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_read_page_by_page, open_database, close_database),
        cmocka_unit_test_setup_teardown(old_ones_are_forgotten, open_database, close_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
