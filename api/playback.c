#include "api/playback.h"

#include <stdio.h>
#include <string.h>

#include "api/auth.h"

int64_t ph_playback_grant(const char *cluster_secret, const struct ph_caller *caller, const char *session,
    const char *viewer, int64_t now_s, char token[PH_PLAYBACK_TOKEN_BYTES]) {
    const struct ph_slice secret = {(const uint8_t *)cluster_secret, strlen(cluster_secret)};
    struct ph_playback_claims claims = {.issued_s = now_s, .expires_s = now_s + PH_PLAYBACK_TOKEN_S};
    if (caller->expires_s && caller->expires_s + PH_TOKEN_SKEW_S < claims.expires_s)
        claims.expires_s = caller->expires_s + PH_TOKEN_SKEW_S;
    snprintf(claims.viewer, sizeof(claims.viewer), "%s", viewer);
    ph_playback_holder(secret, caller->subject, claims.holder);
    ph_playback_token_make(secret, session, &claims, token);
    return claims.expires_s;
}
