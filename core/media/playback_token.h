/* The token that lets one viewer have the media of one private session: made by the API, checked by an origin
 * or an edge with the cluster's secret alone.
 *
 *     <issued>.<expires>.<viewer>.<holder>.<mac>
 *
 * Times are UTC seconds in decimal. `viewer` is the viewer's id, or "0" without one; `holder` stands for the
 * subject, whom it does not tell. `mac` is the first 22 characters of base64url(HMAC-SHA256(secret,
 * "playback:" session ":" <all before the last dot>)). */
#ifndef PH_MEDIA_PLAYBACK_TOKEN_H
#define PH_MEDIA_PLAYBACK_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum {
    PH_PLAYBACK_TOKEN_S = 300, /* no token is good for longer */
    PH_PLAYBACK_VIEWER_BYTES = 33,
    PH_PLAYBACK_HOLDER_BYTES = 17,
    PH_PLAYBACK_TOKEN_BYTES = 128,
};

struct ph_playback_claims {
    int64_t issued_s, expires_s;
    char viewer[PH_PLAYBACK_VIEWER_BYTES]; /* letters, digits, - and _ */
    char holder[PH_PLAYBACK_HOLDER_BYTES];
};

/* The holder of a subject's tokens. */
void ph_playback_holder(struct ph_slice secret, const char *subject, char holder[PH_PLAYBACK_HOLDER_BYTES]);
void ph_playback_token_make(struct ph_slice secret, const char *session,
    const struct ph_playback_claims *claims, char token[PH_PLAYBACK_TOKEN_BYTES]);
/* Whether it is a token of the session, in constant time for its mac; expired or not, `claims` says. */
bool ph_playback_token_read(
    struct ph_slice secret, const char *session, const char *token, struct ph_playback_claims *claims);

#endif
