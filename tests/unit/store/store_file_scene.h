/* An archive in a folder of the test's own, at a noon that the test sets. */
#ifndef PH_TEST_STORE_FILE_SCENE_H
#define PH_TEST_STORE_FILE_SCENE_H

#include "tests/unit/support/store.h"

enum { day_s = 86400 };
extern struct ph_test_clock store_file_clock; /* stands at noon */
extern struct ph_store *store_file;

int store_file_open(void **state);
int store_file_close(void **state);
/* Of an object; good until the next call. */
const char *store_file_path(const char *name);
int store_file_put(const char *key, const char *text);
bool store_file_has(const char *name);
/* It was written so many days before noon. */
void store_file_date(const char *name, int days_ago);
int store_file_count(const char *prefix);
/* A visitor that counts in an int. */
int store_file_count_one(void *opaque, const char *key, const struct ph_store_object *object);

#endif
