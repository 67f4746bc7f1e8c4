#include "core/media/publish_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

void ph_publish_token_make(struct ph_slice secret, const char *session, char token[PH_PUBLISH_TOKEN_BYTES]) {
    char text[160];
    int text_size = snprintf(text, sizeof(text), "publish:%.128s", session);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_size = 0;
    HMAC(EVP_sha256(), secret.data, (int)secret.size, (const unsigned char *)text, (size_t)text_size, digest,
        &digest_size);
    unsigned char base64[64];
    int size = EVP_EncodeBlock(base64, digest, 32);
    for (int i = 0; i < size; i++) {
        if (base64[i] == '+')
            base64[i] = '-';
        else if (base64[i] == '/')
            base64[i] = '_';
    }
    memcpy(token, base64, 43); /* 32 bytes make 43 characters and one of padding */
    token[43] = '\0';
}

bool ph_publish_token_check(struct ph_slice secret, const char *session, const char *token) {
    char expected[PH_PUBLISH_TOKEN_BYTES];
    ph_publish_token_make(secret, session, expected);
    return strlen(token) == sizeof(expected) - 1 && CRYPTO_memcmp(token, expected, sizeof(expected) - 1) == 0;
}
