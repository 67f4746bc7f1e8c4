/* The token that lets a worker publish one session: base64url(HMAC-SHA256(secret, "publish:" session)).
 * Ingest makes it, the origin checks it in `Authorization: Bearer`; both know the node's secret. */
#ifndef PH_MEDIA_PUBLISH_TOKEN_H
#define PH_MEDIA_PUBLISH_TOKEN_H

#include <stdbool.h>

#include "core/base/bytes.h"

enum { PH_PUBLISH_TOKEN_BYTES = 44 };

void ph_publish_token_make(struct ph_slice secret, const char *session, char token[PH_PUBLISH_TOKEN_BYTES]);
/* In constant time. */
bool ph_publish_token_check(struct ph_slice secret, const char *session, const char *token);

#endif
