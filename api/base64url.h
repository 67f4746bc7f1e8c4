/* Base64 for URLs, without padding (RFC 4648, section 5). */
#ifndef PH_API_BASE64URL_H
#define PH_API_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* Decodes `size` characters into `target`. The number of bytes; -EINVAL for another character or a length
 * that cannot be; -ENOSPC. */
int ph_base64url_decode(const char *text, size_t size, uint8_t *target, size_t target_bytes) PH_NODISCARD;

#endif
