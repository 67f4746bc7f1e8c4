/* Whether an object has the bytes that it should have. */
#ifndef PH_ORIGIN_ARCHIVE_VERIFY_BYTES_H
#define PH_ORIGIN_ARCHIVE_VERIFY_BYTES_H

#include <stdbool.h>

#include "core/store/store.h"

bool ph_verify_hash(struct ph_slice bytes, const uint8_t hash[PH_STORE_HASH_BYTES]);
/* Reads the whole object. `hash` NULL: the one that the store keeps beside it; where it keeps none it is the
 * same. -EREMOTE: it lies in the deep archive and cannot be read; those of the store. */
int ph_verify_bytes(struct ph_store *store, const char *key, const uint8_t *hash, bool *is_same) PH_NODISCARD;

#endif
