/* Tokens signed with HS256 by a shared secret. */
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/verifier.h"

struct hs256 {
    struct ph_verifier base;
    char *secret;
};

int ph_verifier_check(const char *text, jwt_alg_t algorithm, const char *key, char **claims) {
    jwt_t *token = NULL;
    int problem = jwt_decode(&token, text, (const unsigned char *)key, (int)strlen(key));
    if (problem == ENOMEM)
        return -ENOMEM;
    char *critical = problem ? NULL : jwt_get_headers_json(token, "crit");
    bool is_ours = problem == 0 && jwt_get_alg(token) == algorithm && !critical;
    free(critical);
    *claims = is_ours ? jwt_get_grants_json(token, NULL) : NULL;
    jwt_free(token);
    if (!is_ours)
        return -EACCES;
    return *claims ? 0 : -ENOMEM;
}

static int verify(const struct ph_verifier *base, const char *text, char **claims, struct ph_error *error) {
    const struct hs256 *verifier = (const struct hs256 *)base;
    int code = ph_verifier_check(text, JWT_ALG_HS256, verifier->secret, claims);
    if (code == -EACCES)
        return ph_error_set(error, code, "the token's signature does not hold: it must be signed with HS256");
    return code;
}

static void destroy(struct ph_verifier *base) {
    struct hs256 *verifier = (struct hs256 *)base;
    if (verifier->secret)
        explicit_bzero(verifier->secret, strlen(verifier->secret));
    free(verifier->secret);
    free(verifier);
}

int ph_verifier_hs256_create(struct ph_verifier **result, const char *secret) {
    static const struct ph_verifier_impl impl = {.verify = verify, .destroy = destroy};
    struct hs256 *verifier = calloc(1, sizeof(*verifier));
    if (!verifier)
        return -ENOMEM;
    verifier->base.impl = &impl;
    verifier->secret = strdup(secret);
    if (!verifier->secret) {
        destroy(&verifier->base);
        return -ENOMEM;
    }
    *result = &verifier->base;
    return 0;
}
