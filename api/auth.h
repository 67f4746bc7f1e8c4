/* Authentication: who is behind a bearer token (RFC 6750, RFC 7519, and the advice of RFC 8725). */
#ifndef PH_API_AUTH_H
#define PH_API_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "api/policy.h"
#include "core/base/error.h"

enum { PH_MOST_TOKEN_BYTES = 4096, PH_TOKEN_SKEW_S = 60 };

/* Proves a token's signature. The key and the algorithm belong to the verifier: what the token's header says
 * can only agree or be refused. */
struct ph_verifier;
struct ph_verifier_impl {
    /* The claims as malloc'ed JSON text. -EACCES with a sentence when the signature does not hold, -ENOMEM.
     */
    int (*verify)(
        const struct ph_verifier *verifier, const char *token, char **claims, struct ph_error *error);
    /* Looks at its keys again; NULL when they never change. */
    void (*reload)(struct ph_verifier *verifier);
    void (*destroy)(struct ph_verifier *verifier);
};
struct ph_verifier {
    const struct ph_verifier_impl *impl;
};

/* HS256 with the node's secret, which is copied. */
int ph_verifier_hs256_create(struct ph_verifier **verifier, const char *secret) PH_NODISCARD;
/* RS256 and ES256 by the keys of a JWKS file, and HS256 with the node's secret for the tokens it makes
 * itself. A file that is missing or has no key is an error with a sentence; later on it leaves the keys as
 * they were.
 */
int ph_verifier_jwks_create(
    struct ph_verifier **verifier, const char *path, const char *secret, struct ph_error *error) PH_NODISCARD;
void ph_verifier_reload(struct ph_verifier *verifier);
void ph_verifier_destroy(struct ph_verifier *verifier);

/* Fills the caller from a token; NULL token: anonymous. -EACCES with a sentence that repeats nothing of the
 * token, -ENOMEM. exp is required; exp and nbf have PH_TOKEN_SKEW_S of slack. */
int ph_auth_identify(const struct ph_verifier *verifier, const char *token, int64_t now_s,
    struct ph_caller *caller, struct ph_error *error) PH_NODISCARD;
/* Whether the bearer token is the app's API key (never when the key is ""); in constant time. */
bool ph_auth_is_api_key(const char *api_key, const char *token);
/* The claims' part of it: pure, of JSON text. */
int ph_auth_read_claims(
    const char *claims, int64_t now_s, struct ph_caller *caller, struct ph_error *error) PH_NODISCARD;
/* 1 to 128 characters of UTF-8, none of them a control character. */
bool ph_auth_is_subject(const char *text);

#endif
