/* The control plane's tables in a database of a test's own, for tests of what reads and writes them. */
#ifndef PH_TESTS_API_TABLES_H
#define PH_TESTS_API_TABLES_H

#include <stdint.h>

#include "core/db/db.h"
#include "tests/unit/support/database.h"

/* For set-up and teardown of a test: 0 or a negative number, with a sentence on stderr. */
int tables_open(struct ph_db **db);
int tables_close(struct ph_db *db);
/* Runs statements without parameters; fails the test when they fail. */
void tables_run(struct ph_db *db, const char *sql);
/* The first column of the query's first row, which has to be there. */
int64_t tables_number(struct ph_db *db, const char *sql);

#endif
