#include "origin/archive/verify_bytes.h"

#include <string.h>

#include "core/base/sha256.h"

bool ph_verify_hash(struct ph_slice bytes, const uint8_t hash[PH_STORE_HASH_BYTES]) {
    uint8_t made[PH_STORE_HASH_BYTES];
    return ph_sha256(bytes, made) == 0 && memcmp(made, hash, sizeof(made)) == 0;
}

int ph_verify_bytes(struct ph_store *store, const char *key, const uint8_t *hash, bool *is_same) {
    struct ph_store_object object;
    struct ph_bytes *bytes;
    *is_same = false;
    int code = hash ? 0 : ph_store_head(store, key, &object);
    if (code)
        return code;
    if (!hash && !object.has_hash) {
        *is_same = true;
        return 0;
    }
    code = ph_store_get(store, key, 0, UINT64_MAX, &bytes);
    if (code)
        return code == -EBADMSG ? 0 : code; /* the store knows that they are others */
    *is_same = ph_verify_hash(ph_bytes_slice(bytes), hash ? hash : object.hash);
    ph_bytes_unref(&bytes);
    return 0;
}
