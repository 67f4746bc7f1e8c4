/* Tokens that this node signs: JWT (RFC 7519) with HS256 by the node's secret. */
#ifndef PH_API_TOKEN_H
#define PH_API_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

struct ph_token_claims {
    const char *role, *subject;
    const char *session; /* NULL or "": none */
    bool is_confined;    /* the session only keeps it there (policy.h) */
    int64_t now_s, expires_s;
    int64_t since_s; /* when its first ancestor was issued; 0: now */
};
/* The text is malloc'ed. -EINVAL with a sentence, -ENOMEM. */
int ph_token_make(const char *secret, const struct ph_token_claims *claims, char **text,
    struct ph_error *error) PH_NODISCARD;
/* A token for `role` ("viewer", "streamer", "operator", "admin"), bound to `session` unless it is NULL or "",
 * which expires `ttl_s` seconds from now (1 s to 366 days). The text is malloc'ed. -EINVAL with a sentence,
 * -ENOMEM. */
int ph_token_issue(const char *secret, const char *role, const char *subject, const char *session,
    int64_t ttl_s, char **text, struct ph_error *error) PH_NODISCARD;

#endif
