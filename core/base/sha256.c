#include "core/base/sha256.h"

#include <openssl/evp.h>

int ph_sha256(struct ph_slice bytes, uint8_t hash[PH_SHA256_BYTES]) {
    const void *begin = bytes.data ? (const void *)bytes.data : "";
    return EVP_Digest(begin, bytes.size, hash, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}
