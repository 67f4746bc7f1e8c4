#include "api/mail/unsubscribe.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_BYTES = 16, MOST_TEXT_BYTES = 4096 };

/* A tag of another purpose of the same secret must never fit here. */
static const char purpose[] = "porthole unsubscribe 1\n";

static int tag_of(const char *secret, const char *text, size_t size, unsigned char tag[EVP_MAX_MD_SIZE]) {
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned key_size = 0, tag_size = 0;
    bool is_good = HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)purpose,
                       sizeof(purpose) - 1, key, &key_size) &&
                   HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, size, tag, &tag_size);
    OPENSSL_cleanse(key, sizeof(key));
    return is_good ? 0 : -ENOMEM;
}

/* Base64url without padding (RFC 4648 section 5). `target` has room for 4/3 of the size and 4 more. */
static void encode(const void *source, size_t size, char *target) {
    int length = EVP_EncodeBlock((unsigned char *)target, source, (int)size);
    while (length > 0 && target[length - 1] == '=')
        target[--length] = '\0';
    for (; *target; target++)
        *target = (char)(*target == '+' ? '-' : *target == '/' ? '_' : *target);
}

/* The size, or -1. `target` has room for MOST_TEXT_BYTES. */
static int decode(const char *source, size_t size, unsigned char *target) {
    char padded[MOST_TEXT_BYTES + 4];
    size_t padding = (4 - size % 4) % 4;
    if (size + padding > MOST_TEXT_BYTES || padding == 3)
        return -1;
    for (size_t i = 0; i < size; i++)
        padded[i] = (char)(source[i] == '-' ? '+' : source[i] == '_' ? '/' : source[i]);
    memset(padded + size, '=', padding);
    int length = EVP_DecodeBlock(target, (const unsigned char *)padded, (int)(size + padding));
    return length < 0 ? -1 : length - (int)padding;
}

int ph_unsubscription_sign(const char *secret, const struct ph_unsubscription *wish, char **result) {
    unsigned char tag[EVP_MAX_MD_SIZE];
    json_t *claims = json_pack("[s, s, s, s]", wish->event, wish->profile, wish->guardian, wish->language);
    char *plain = claims ? json_dumps(claims, JSON_COMPACT) : NULL;
    json_decref(claims);
    size_t size = plain ? strlen(plain) : 0;
    char *text = plain ? malloc(size * 4 / 3 + 8 + TAG_BYTES * 2) : NULL;
    if (!text) {
        free(plain);
        return -ENOMEM;
    }
    encode(plain, size, text);
    free(plain);
    int code = tag_of(secret, text, strlen(text), tag);
    if (code < 0) {
        free(text);
        return code;
    }
    strcat(text, ".");
    encode(tag, TAG_BYTES, text + strlen(text));
    *result = text;
    return 0;
}

static bool take(const json_t *claims, size_t index, char *target, size_t target_bytes) {
    const char *text = json_string_value(json_array_get(claims, index));
    return text && snprintf(target, target_bytes, "%s", text) < (int)target_bytes;
}

static int read_claims(const char *text, size_t size, struct ph_unsubscription *wish) {
    unsigned char plain[MOST_TEXT_BYTES];
    int length = decode(text, size, plain);
    json_t *claims = length > 0 ? json_loadb((const char *)plain, (size_t)length, 0, NULL) : NULL;
    bool is_good = take(claims, 0, wish->event, sizeof(wish->event)) &&
                   take(claims, 1, wish->profile, sizeof(wish->profile)) &&
                   take(claims, 2, wish->guardian, sizeof(wish->guardian)) &&
                   take(claims, 3, wish->language, sizeof(wish->language));
    json_decref(claims);
    return is_good ? 0 : -EACCES;
}

int ph_unsubscription_verify(const char *secret, const char *text, struct ph_unsubscription *wish) {
    unsigned char expected[EVP_MAX_MD_SIZE], tag[MOST_TEXT_BYTES];
    const char *dot = strchr(text, '.');
    if (!dot || strlen(text) > MOST_TEXT_BYTES)
        return -EACCES;
    int code = tag_of(secret, text, (size_t)(dot - text), expected);
    if (code < 0)
        return code;
    if (decode(dot + 1, strlen(dot + 1), tag) != TAG_BYTES || CRYPTO_memcmp(tag, expected, TAG_BYTES) != 0)
        return -EACCES;
    return read_claims(text, (size_t)(dot - text), wish);
}
