#include "core/media/playback_token.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAC_CHARACTERS = 22, MOST_DIGITS = 12 };

static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The first `characters` of base64url(HMAC-SHA256(secret, text)), 43 at most, and a NUL. */
static void sign(struct ph_slice secret, const char *text, char *mac, size_t characters) {
    unsigned char digest[EVP_MAX_MD_SIZE], base64[64];
    unsigned int size = 0;
    HMAC(EVP_sha256(), secret.data, (int)secret.size, (const unsigned char *)text, strlen(text), digest,
        &size);
    EVP_EncodeBlock(base64, digest, 32);
    for (size_t i = 0; i < characters; i++)
        mac[i] = base64[i] == '+' ? '-' : base64[i] == '/' ? '_' : (char)base64[i];
    mac[characters] = '\0';
}

void ph_playback_holder(struct ph_slice secret, const char *subject, char holder[PH_PLAYBACK_HOLDER_BYTES]) {
    char text[640];
    snprintf(text, sizeof(text), "holder:%s", subject);
    sign(secret, text, holder, PH_PLAYBACK_HOLDER_BYTES - 1);
}

static void sign_claims(struct ph_slice secret, const char *session, const char *claims, size_t size,
    char mac[MAC_CHARACTERS + 1]) {
    char text[320];
    snprintf(text, sizeof(text), "playback:%.128s:%.*s", session, (int)size, claims);
    sign(secret, text, mac, MAC_CHARACTERS);
}

void ph_playback_token_make(struct ph_slice secret, const char *session,
    const struct ph_playback_claims *claims, char token[PH_PLAYBACK_TOKEN_BYTES]) {
    char mac[MAC_CHARACTERS + 1];
    int size = snprintf(token, PH_PLAYBACK_TOKEN_BYTES, "%" PRId64 ".%" PRId64 ".%s.%s", claims->issued_s,
        claims->expires_s, *claims->viewer ? claims->viewer : "0", claims->holder);
    sign_claims(secret, session, token, (size_t)size, mac);
    snprintf(token + size, PH_PLAYBACK_TOKEN_BYTES - (size_t)size, ".%s", mac);
}

/* Takes decimal digits and the dot after them. */
static bool take_time(const char **text, int64_t *time_s) {
    size_t digits = strspn(*text, "0123456789");
    if (digits < 1 || digits > MOST_DIGITS || (*text)[digits] != '.')
        return false;
    *time_s = strtoll(*text, NULL, 10);
    *text += digits + 1;
    return true;
}

/* Takes a name and the dot after it. */
static bool take_name(const char **text, char *name, size_t name_bytes) {
    size_t size = strspn(*text, name_characters);
    if (size < 1 || size >= name_bytes || (*text)[size] != '.')
        return false;
    memcpy(name, *text, size);
    name[size] = '\0';
    *text += size + 1;
    return true;
}

bool ph_playback_token_read(
    struct ph_slice secret, const char *session, const char *token, struct ph_playback_claims *claims) {
    char mac[MAC_CHARACTERS + 1];
    const char *next = token;
    if (!take_time(&next, &claims->issued_s) || !take_time(&next, &claims->expires_s) ||
        !take_name(&next, claims->viewer, sizeof(claims->viewer)) ||
        !take_name(&next, claims->holder, sizeof(claims->holder)) || strlen(next) != MAC_CHARACTERS)
        return false;
    sign_claims(secret, session, token, (size_t)(next - token) - 1, mac);
    return CRYPTO_memcmp(mac, next, MAC_CHARACTERS) == 0;
}
