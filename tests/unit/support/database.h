/* A database of a test's own: an SQLite file, or, when PH_TEST_POSTGRESQL names the socket folder of a
 * PostgreSQL server, an empty database on that. So a test is written once and run on both. */
#ifndef PH_TEST_DATABASE_H
#define PH_TEST_DATABASE_H

#include <stdbool.h>

/* Setup: makes an empty database and, for what else the test keeps, a folder. 0, or -1 with a sentence on
 * stderr. */
int ph_test_database_make(void);
/* Teardown, once everything is closed. 0 or -1. */
int ph_test_database_remove(void);

/* For ph_db_open(), until it is removed. */
const char *ph_test_database_url(void);
const char *ph_test_database_folder(void);
bool ph_test_database_is_sqlite(void);
/* Whether the text stands anywhere in what the database keeps. SQLite: in its files; PostgreSQL: in a row of
 * a table. */
bool ph_test_database_holds(const char *text);
/* Cuts all connections to a PostgreSQL database. */
void ph_test_database_cut(void);

#endif
