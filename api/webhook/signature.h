/* How a delivery proves that it is ours and fresh: the header
 *
 *     Porthole-Signature: t=<unix seconds>,v1=<hex of HMAC-SHA256 by the webhook's secret over "<t>.<body>">
 *
 * A receiver computes it again, compares in constant time, and refuses what is older than five minutes. */
#ifndef PH_API_WEBHOOK_SIGNATURE_H
#define PH_API_WEBHOOK_SIGNATURE_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

enum { PH_WEBHOOK_SIGNATURE_BYTES = 128 };

/* The whole header line. -ENOMEM. */
int ph_webhook_sign(const char *secret, int64_t now_s, struct ph_slice body,
    char header[PH_WEBHOOK_SIGNATURE_BYTES]) PH_NODISCARD;

#endif
