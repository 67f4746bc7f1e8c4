#include "api/jwks.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base64url.h"

enum { MOST_NUMBER_BYTES = 1024, LEAST_RSA_BITS = 2048, POINT_BYTES = 32 };

static const char *text_of(const json_t *key, const char *name) {
    const char *text = json_string_value(json_object_get(key, name));
    return text ? text : "";
}

static int number_of(const json_t *key, const char *name, uint8_t *target, size_t target_bytes) {
    const char *text = text_of(key, name);
    int size = ph_base64url_decode(text, strlen(text), target, target_bytes);
    return size == 0 ? -EINVAL : size;
}

/* NULL when OpenSSL refuses the parameters. */
static EVP_PKEY *make_key(const char *kind, OSSL_PARAM_BLD *builder) {
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    if (!parameters || !context || EVP_PKEY_fromdata_init(context) <= 0 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

/* RFC 7518, section 6.3.1. */
static EVP_PKEY *make_rsa(const json_t *jwk) {
    uint8_t modulus[MOST_NUMBER_BYTES], exponent[8];
    EVP_PKEY *key = NULL;
    int modulus_size = number_of(jwk, "n", modulus, sizeof(modulus));
    int exponent_size = number_of(jwk, "e", exponent, sizeof(exponent));
    if (modulus_size < 0 || exponent_size < 0)
        return NULL;
    BIGNUM *n = BN_bin2bn(modulus, modulus_size, NULL), *e = BN_bin2bn(exponent, exponent_size, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (n && e && builder && BN_num_bits(n) >= LEAST_RSA_BITS &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
        key = make_key("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return key;
}

/* RFC 7518, section 6.2.1; the point uncompressed (SEC 1, section 2.3.3). */
static EVP_PKEY *make_ec(const json_t *jwk) {
    uint8_t point[1 + 2 * POINT_BYTES] = {4};
    EVP_PKEY *key = NULL;
    if (strcmp(text_of(jwk, "crv"), "P-256") != 0 ||
        number_of(jwk, "x", point + 1, POINT_BYTES) != POINT_BYTES ||
        number_of(jwk, "y", point + 1 + POINT_BYTES, POINT_BYTES) != POINT_BYTES)
        return NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)))
        key = make_key("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

/* malloc'ed; NULL when out of memory. */
static char *pem_of(EVP_PKEY *key) {
    char *text = NULL, *bytes;
    BIO *out = BIO_new(BIO_s_mem());
    if (out && PEM_write_bio_PUBKEY(out, key)) {
        long size = BIO_get_mem_data(out, &bytes);
        text = strndup(bytes, (size_t)size);
    }
    BIO_free(out);
    return text;
}

/* 1 when the key was taken, 0 when it is none for us. */
static int take_key(const json_t *jwk, struct ph_jwks *set) {
    bool is_rsa = strcmp(text_of(jwk, "kty"), "RSA") == 0, is_ec = strcmp(text_of(jwk, "kty"), "EC") == 0;
    const char *algorithm = text_of(jwk, "alg"), *use = text_of(jwk, "use"), *id = text_of(jwk, "kid");
    if ((!is_rsa && !is_ec) || (*use && strcmp(use, "sig") != 0) || strlen(id) >= PH_KEY_ID_BYTES ||
        (*algorithm && strcmp(algorithm, is_rsa ? "RS256" : "ES256") != 0))
        return 0;
    EVP_PKEY *key = is_rsa ? make_rsa(jwk) : make_ec(jwk);
    if (!key)
        return 0;
    char *pem = pem_of(key);
    EVP_PKEY_free(key);
    if (!pem)
        return -ENOMEM;
    struct ph_jwk *entry = &set->keys[set->count++];
    *entry = (struct ph_jwk){.algorithm = is_rsa ? JWT_ALG_RS256 : JWT_ALG_ES256, .pem = pem};
    snprintf(entry->id, sizeof(entry->id), "%s", id);
    return 1;
}

static int take_keys(const json_t *list, struct ph_jwks *set, struct ph_error *error) {
    if (!json_is_array(list))
        return ph_error_set(error, -EINVAL, "it is no JWKS: {\"keys\": […]}");
    for (size_t i = 0; i < json_array_size(list) && set->count < PH_MOST_JWKS_KEYS; i++) {
        int code = take_key(json_array_get(list, i), set);
        if (code < 0)
            return ph_error_set(error, code, "out of memory");
    }
    if (set->count == 0)
        return ph_error_set(
            error, -EINVAL, "it has no key for RS256 (RSA, 2048 bits or more) or ES256 (P-256)");
    return 0;
}

int ph_jwks_parse(struct ph_slice text, struct ph_jwks *set, struct ph_error *error) {
    *set = (struct ph_jwks){0};
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    int code = take_keys(json_object_get(root, "keys"), set, error);
    json_decref(root);
    if (code < 0)
        ph_jwks_finish(set);
    return code;
}

void ph_jwks_finish(struct ph_jwks *set) {
    for (size_t i = 0; i < set->count; i++)
        free(set->keys[i].pem);
    set->count = 0;
}

const struct ph_jwk *ph_jwks_find(const struct ph_jwks *set, const char *id, jwt_alg_t algorithm) {
    const struct ph_jwk *found = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct ph_jwk *key = &set->keys[i];
        if (key->algorithm != algorithm)
            continue;
        if (id && *id) {
            if (strcmp(key->id, id) == 0)
                return key;
        } else if (found) {
            return NULL; /* which of them is for the token to say */
        } else {
            found = key;
        }
    }
    return found;
}
