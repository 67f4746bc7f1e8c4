/* A store of a test's own: a folder, or, when PH_TEST_S3 names the folder of scripts/lib/s3.sh, a prefix of
 * its bucket. So a test is written once and run on both. */
#ifndef PH_TEST_STORE_H
#define PH_TEST_STORE_H

#include <stdbool.h>

#include "core/store/store.h"

/* Setup: an empty store and, for what else the test keeps, a folder. 0, or -1 with a sentence on stderr. */
int ph_test_store_make(void);
/* Teardown, once the store is destroyed. 0 or -1. */
int ph_test_store_remove(void);

bool ph_test_store_is_folder(void);
/* A folder of the test, not the store's. */
const char *ph_test_store_folder(void);
/* What ph_store_create() needs, until it is removed; signed addresses of a folder begin with
 * http://archive.test. */
struct ph_store_options ph_test_store_options(void);
/* Creates it; prints why it could not be. */
struct ph_store *ph_test_store_open(void);

#endif
