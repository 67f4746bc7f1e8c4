/* What verifiers share. */
#ifndef PH_API_VERIFIER_H
#define PH_API_VERIFIER_H

#include <jwt.h>

#include "core/base/error.h"

/* The claims of a token that `key` proves by exactly that algorithm, as malloc'ed JSON text. -EACCES,
 * -ENOMEM.
 */
int ph_verifier_check(const char *token, jwt_alg_t algorithm, const char *key, char **claims) PH_NODISCARD;

#endif
