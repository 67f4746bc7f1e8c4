/* A store of a test: a few objects in memory, a gate before them, and a count of what it was asked. */
#ifndef PH_TEST_SLOW_STORE_H
#define PH_TEST_SLOW_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/store/store.h"

struct ph_store *slow_store_create(void);
/* Adds, or puts other bytes in its place; NULL removes. */
void slow_store_set(struct ph_store *store, const char *key, const char *bytes);
/* Reads wait as long as it is closed. */
void slow_store_close_gate(struct ph_store *store, bool closed);
/* Reads of keys that contain `part` return the code. */
void slow_store_fail(struct ph_store *store, const char *part, int code);
/* How often objects whose key contains `part` were read; and, heads. */
size_t slow_store_gets(struct ph_store *store, const char *part);
size_t slow_store_heads(struct ph_store *store);
/* How many reads stand before the gate. */
size_t slow_store_waiting(struct ph_store *store);

#endif
