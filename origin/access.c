#include "origin/access.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { PROVEN_SLOTS = 4096 }; /* pages of them are touched only as tokens come */

struct ph_proven_token {
    char text[PH_PLAYBACK_TOKEN_BYTES];
    size_t size; /* 0: empty */
    struct ph_playback_claims claims;
};

void ph_access_init(struct ph_access *access) {
    *access = (struct ph_access){0};
    pthread_mutex_init(&access->lock, NULL);
}

void ph_access_finish(struct ph_access *access) {
    free(access->proven);
    free(access->revoked);
    pthread_mutex_destroy(&access->lock);
}

/* A token's last characters are its mac: as good as random. */
static size_t slot_of(const char *token, size_t size) {
    size_t slot = 0;
    for (size_t i = size > 6 ? size - 6 : 0; i < size; i++)
        slot = slot * 31 + (unsigned char)token[i];
    return slot % PROVEN_SLOTS;
}

static bool holds(const struct ph_proven_token *slot, const char *token, size_t size) {
    return slot->size == size && CRYPTO_memcmp(slot->text, token, size) == 0;
}

/* Whether the token was proven before. In constant time, so that nobody finds out a proven one bit by bit. */
static bool recall(
    struct ph_access *access, const char *token, size_t size, struct ph_playback_claims *claims) {
    bool is_proven = false;
    pthread_mutex_lock(&access->lock);
    if (access->proven) {
        size_t at = slot_of(token, size);
        is_proven = holds(&access->proven[at], token, size);
        if (!is_proven) {
            at ^= 1;
            is_proven = holds(&access->proven[at], token, size);
        }
        if (is_proven)
            *claims = access->proven[at].claims;
    }
    pthread_mutex_unlock(&access->lock);
    return is_proven;
}

static void remember(
    struct ph_access *access, const char *token, size_t size, const struct ph_playback_claims *claims) {
    pthread_mutex_lock(&access->lock);
    if (!access->proven)
        access->proven = calloc(PROVEN_SLOTS, sizeof(*access->proven));
    if (access->proven) {
        /* Of the two places the one whose token ends first. */
        struct ph_proven_token *slot = &access->proven[slot_of(token, size)];
        struct ph_proven_token *other = &access->proven[slot_of(token, size) ^ 1];
        if (other->claims.expires_s < slot->claims.expires_s)
            slot = other;
        memcpy(slot->text, token, size + 1);
        slot->size = size;
        slot->claims = *claims;
    }
    pthread_mutex_unlock(&access->lock);
}

static bool holds_at(const struct ph_playback_claims *claims, int64_t now_s) {
    return claims->expires_s > now_s && claims->expires_s <= now_s + 2 * PH_PLAYBACK_TOKEN_S;
}

enum ph_access_verdict ph_access_judge(struct ph_slice secret, const char *session, const char *token,
    int64_t now_s, struct ph_playback_claims *claims) {
    if (!token || !*token)
        return PH_ACCESS_MISSING;
    if (strlen(token) >= PH_PLAYBACK_TOKEN_BYTES || !ph_playback_token_read(secret, session, token, claims))
        return PH_ACCESS_WRONG;
    return holds_at(claims, now_s) ? PH_ACCESS_GRANTED : PH_ACCESS_EXPIRED;
}

enum ph_access_verdict ph_access_check(struct ph_access *access, struct ph_slice secret, const char *session,
    const char *token, int64_t now_s, struct ph_playback_claims *claims) {
    enum ph_access_verdict verdict = PH_ACCESS_GRANTED;
    size_t size = token ? strlen(token) : 0;
    if (size < PH_PLAYBACK_TOKEN_BYTES && size > 0 && recall(access, token, size, claims)) {
        if (!holds_at(claims, now_s))
            return PH_ACCESS_EXPIRED;
    } else {
        verdict = ph_access_judge(secret, session, token, now_s, claims);
        if (verdict != PH_ACCESS_GRANTED)
            return verdict;
        remember(access, token, size, claims);
    }
    return ph_access_is_revoked(access, claims) ? PH_ACCESS_REVOKED : PH_ACCESS_GRANTED;
}

bool ph_access_is_revoked(struct ph_access *access, const struct ph_playback_claims *claims) {
    bool is_revoked = false;
    pthread_mutex_lock(&access->lock);
    for (size_t i = 0; i < access->revoked_count && !is_revoked; i++) {
        const struct ph_revocation *entry = &access->revoked[i];
        is_revoked = claims->issued_s <= entry->at_s &&
                     (strcmp(entry->tag, claims->viewer) == 0 || strcmp(entry->tag, claims->holder) == 0);
    }
    pthread_mutex_unlock(&access->lock);
    return is_revoked;
}

/* The entry of the tag, a free one, or the oldest. Call with the lock. */
static struct ph_revocation *place_for(struct ph_access *access, const char *tag) {
    struct ph_revocation *oldest = &access->revoked[0];
    for (size_t i = 0; i < access->revoked_count; i++) {
        struct ph_revocation *entry = &access->revoked[i];
        if (strcmp(entry->tag, tag) == 0)
            return entry;
        if (entry->at_s < oldest->at_s)
            oldest = entry;
    }
    return access->revoked_count < PH_MOST_REVOCATIONS ? &access->revoked[access->revoked_count++] : oldest;
}

int ph_access_revoke(struct ph_access *access, const struct ph_revocation *list, size_t count) {
    pthread_mutex_lock(&access->lock);
    if (!access->revoked)
        access->revoked = calloc(PH_MOST_REVOCATIONS, sizeof(*access->revoked));
    int code = access->revoked ? 0 : -ENOMEM;
    for (size_t i = 0; code == 0 && i < count; i++) {
        struct ph_revocation *entry = place_for(access, list[i].tag);
        if (entry->at_s < list[i].at_s) /* what is free is of time 0 */
            *entry = list[i];
    }
    pthread_mutex_unlock(&access->lock);
    return code;
}

const char *ph_access_reason(enum ph_access_verdict verdict) {
    switch (verdict) {
    case PH_ACCESS_MISSING:
        return "the session is private: a playback token is needed (?token=…)";
    case PH_ACCESS_EXPIRED:
        return "the playback token has expired: get a fresh one";
    case PH_ACCESS_REVOKED:
        return "the playback token was revoked";
    default:
        return "the playback token is not one of this session";
    }
}
