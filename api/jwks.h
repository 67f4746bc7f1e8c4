/* A set of public keys (RFC 7517), each as the PEM text a verifier takes. */
#ifndef PH_API_JWKS_H
#define PH_API_JWKS_H

#include <jwt.h>
#include <stddef.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

enum { PH_MOST_JWKS_KEYS = 32, PH_KEY_ID_BYTES = 129, PH_MOST_JWKS_BYTES = 256 * 1024 };

struct ph_jwk {
    char id[PH_KEY_ID_BYTES]; /* kid; "" when the key has none */
    jwt_alg_t algorithm;      /* what the key is for: RS256 or ES256, by its kind */
    char *pem;                /* malloc'ed, and ended by NUL */
};

struct ph_jwks {
    size_t count;
    struct ph_jwk keys[PH_MOST_JWKS_KEYS];
};

/* Takes RSA keys of 2048 bits or more and P-256 keys that are for signatures; leaves others out. -EINVAL with
 * a sentence for what is no key set, and for a set without a key that can be taken; -ENOMEM. The set is empty
 * on failure. */
int ph_jwks_parse(struct ph_slice text, struct ph_jwks *set, struct ph_error *error) PH_NODISCARD;
void ph_jwks_finish(struct ph_jwks *set);
/* The key of that id and algorithm; without an id (NULL or ""), the only key of the algorithm. NULL: none. */
const struct ph_jwk *ph_jwks_find(const struct ph_jwks *set, const char *id, jwt_alg_t algorithm);

#endif
