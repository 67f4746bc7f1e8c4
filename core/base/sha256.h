/* The SHA-256 of bytes that are there as a whole. */
#ifndef PH_BASE_SHA256_H
#define PH_BASE_SHA256_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

enum { PH_SHA256_BYTES = 32 };

/* 0, or -ENOMEM. Of no bytes there is one too. */
int ph_sha256(struct ph_slice bytes, uint8_t hash[PH_SHA256_BYTES]) PH_NODISCARD;

#endif
