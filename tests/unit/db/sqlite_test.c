#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/db/db.h"
#include "tests/unit/support/database.h"

static int make(void **state) {
    (void)state;
    return ph_test_database_make();
}

static int remove_it(void **state) {
    (void)state;
    return ph_test_database_remove();
}

static void refused_urls(void **state) {
    struct ph_db *none = NULL;
    struct ph_error error = {""};
    char text[160];
    (void)state;
    assert_int_equal(ph_db_open(&none, "mysql://x", &error), -EINVAL);
    assert_int_equal(ph_db_open(&none, "sqlite:/nonexistent/folder/x.db", &error), -EACCES);
    assert_non_null(strstr(error.text, "/nonexistent/folder/x.db cannot be opened"));
    snprintf(text, sizeof(text), "%s/junk.db", ph_test_database_folder());
    FILE *file = fopen(text, "w");
    fprintf(file, "%0999d", 1);
    fclose(file);
    snprintf(text, sizeof(text), "sqlite:%s/junk.db", ph_test_database_folder());
    assert_int_equal(ph_db_open(&none, text, &error), PH_INVALID_DATA);
    assert_null(none);
}

static void the_file_is_private(void **state) {
    struct stat status;
    char text[160];
    struct ph_db *db;
    struct ph_db_transaction *transaction;
    (void)state;
    assert_int_equal(ph_db_open(&db, ph_test_database_url(), NULL), 0);
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, "CREATE TABLE houses (id TEXT)"), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
    snprintf(text, sizeof(text), "%s/test.db", ph_test_database_folder());
    assert_int_equal(stat(text, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    snprintf(text, sizeof(text), "%s/test.db-wal", ph_test_database_folder());
    assert_int_equal(stat(text, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    ph_db_close(db);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, remove_it)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(refused_urls),
        WITH_FOLDER(the_file_is_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
