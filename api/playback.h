/* Playback tokens as the API gives them out (core/media/playback_token.h). */
#ifndef PH_API_PLAYBACK_H
#define PH_API_PLAYBACK_H

#include "api/policy.h"
#include "core/media/playback_token.h"

/* A token for the caller, who may watch the session, as the viewer of that id ("": none in particular). It
 * ends with the caller's own token, PH_PLAYBACK_TOKEN_S from now at the latest. When it ends, UTC seconds. */
int64_t ph_playback_grant(const char *cluster_secret, const struct ph_caller *caller, const char *session,
    const char *viewer, int64_t now_s, char token[PH_PLAYBACK_TOKEN_BYTES]);

#endif
