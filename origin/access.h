/* Who may have the media of one private session: whoever brings a playback token that holds, is not expired
 * and not revoked. Tokens that were proven once are kept, so that a request costs a comparison and no HMAC.
 *
 * Embedded in its session; any thread may call. */
#ifndef PH_ORIGIN_ACCESS_H
#define PH_ORIGIN_ACCESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/media/playback_token.h"

enum { PH_MOST_REVOCATIONS = 256 };

enum ph_access_verdict {
    PH_ACCESS_GRANTED,
    PH_ACCESS_MISSING, /* no token: 401 */
    PH_ACCESS_WRONG,   /* not one of this session: 403, as all that follow */
    PH_ACCESS_EXPIRED,
    PH_ACCESS_REVOKED,
};

/* Tokens of this viewer or holder that were issued up to then are good no more. */
struct ph_revocation {
    char tag[PH_PLAYBACK_VIEWER_BYTES];
    int64_t at_s; /* UTC */
};

struct ph_proven_token;

struct ph_access {
    pthread_mutex_t lock;
    struct ph_proven_token *proven; /* guarded by lock; NULL until one was proven */
    struct ph_revocation *revoked;  /* guarded by lock; NULL until there is one */
    size_t revoked_count;           /* guarded by lock */
};

void ph_access_init(struct ph_access *access);
void ph_access_finish(struct ph_access *access);
/* Whether it is a token of the session that holds, whoever was sent away since. `token` NULL: none. Fills
 * `claims` when it is granted. */
enum ph_access_verdict ph_access_judge(struct ph_slice secret, const char *session, const char *token,
    int64_t now_s, struct ph_playback_claims *claims);
/* The same with what was proven before and what was revoked. */
enum ph_access_verdict ph_access_check(struct ph_access *access, struct ph_slice secret, const char *session,
    const char *token, int64_t now_s, struct ph_playback_claims *claims);
bool ph_access_is_revoked(struct ph_access *access, const struct ph_playback_claims *claims);
/* Adds to what is revoked; beyond PH_MOST_REVOCATIONS the oldest are forgotten: their tokens have expired
 * first. -ENOMEM. */
int ph_access_revoke(struct ph_access *access, const struct ph_revocation *list, size_t count) PH_NODISCARD;

/* A sentence for a refusal. */
const char *ph_access_reason(enum ph_access_verdict verdict);

#endif
