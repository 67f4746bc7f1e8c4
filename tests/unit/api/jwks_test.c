#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "api/auth.h"
#include "api/base64url.h"
#include "api/jwks.h"
#include "api/token.h"
#include "core/base/clock.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define CLAIMS "{\"sub\":\"alice\",\"role\":\"viewer\",\"exp\":1800000100}"

static const int64_t now_s = 1800000000;

/* A key pair, its private half as PEM and its public half as a JWK. */
struct pair {
    jwt_alg_t algorithm;
    char *private_pem, *public_pem;
    json_t *jwk;
};

static struct pair rsa, ec, other;
static char path[64];
static struct ph_verifier *verifier;

static char *pem_of(EVP_PKEY *key, bool is_private) {
    char *bytes;
    BIO *out = BIO_new(BIO_s_mem());
    assert_true(is_private ? PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL)
                           : PEM_write_bio_PUBKEY(out, key));
    long size = BIO_get_mem_data(out, &bytes);
    char *text = strndup(bytes, (size_t)size);
    BIO_free(out);
    return text;
}

static json_t *base64url(const uint8_t *bytes, size_t size) {
    char text[1024];
    int length = EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    while (length > 0 && text[length - 1] == '=')
        length--;
    for (int i = 0; i < length; i++)
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    return json_stringn(text, (size_t)length);
}

static json_t *number(EVP_PKEY *key, const char *name, size_t size) {
    uint8_t bytes[512];
    BIGNUM *value = NULL;
    assert_true(EVP_PKEY_get_bn_param(key, name, &value));
    int length = size ? BN_bn2binpad(value, bytes, (int)size) : BN_bn2bin(value, bytes);
    BN_free(value);
    return base64url(bytes, (size_t)length);
}

static struct pair make_pair(jwt_alg_t algorithm, const char *id) {
    bool is_rsa = algorithm == JWT_ALG_RS256;
    EVP_PKEY *key = is_rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                           : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_non_null(key);
    struct pair pair = {algorithm, pem_of(key, true), pem_of(key, false), NULL};
    pair.jwk = is_rsa ? json_pack("{s:s, s:s, s:s, s:o, s:o}", "kty", "RSA", "kid", id, "use", "sig", "n",
                            number(key, OSSL_PKEY_PARAM_RSA_N, 0), "e", number(key, OSSL_PKEY_PARAM_RSA_E, 0))
                      : json_pack("{s:s, s:s, s:s, s:o, s:o}", "kty", "EC", "kid", id, "crv", "P-256", "x",
                            number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32), "y",
                            number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
    EVP_PKEY_free(key);
    return pair;
}

/* Another file in its place, as a deployment does it. */
static void publish(const json_t *first, const json_t *second) {
    char draft[80];
    json_t *keys = json_array();
    if (first)
        json_array_append(keys, json_incref((json_t *)first));
    if (second)
        json_array_append(keys, json_incref((json_t *)second));
    json_t *set = json_pack("{s:o}", "keys", keys);
    snprintf(draft, sizeof(draft), "%s.new", path);
    assert_int_equal(json_dump_file(set, draft, 0), 0);
    assert_int_equal(rename(draft, path), 0);
    json_decref(set);
}

static int open_keys(void **state) {
    (void)state;
    strcpy(path, "/tmp/ph-jwks-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    if (!rsa.jwk) {
        rsa = make_pair(JWT_ALG_RS256, "r1");
        ec = make_pair(JWT_ALG_ES256, "e1");
        other = make_pair(JWT_ALG_RS256, "r2");
    }
    publish(rsa.jwk, ec.jwk);
    return ph_verifier_jwks_create(&verifier, path, SECRET, NULL);
}

static int close_keys(void **state) {
    (void)state;
    ph_verifier_destroy(verifier);
    verifier = NULL;
    return unlink(path);
}

static char *sign(jwt_alg_t algorithm, const char *key, const char *id) {
    jwt_t *token;
    assert_int_equal(jwt_new(&token), 0);
    assert_int_equal(
        jwt_set_alg(token, algorithm, (const unsigned char *)key, key ? (int)strlen(key) : 0), 0);
    if (id)
        assert_int_equal(jwt_add_header(token, "kid", id), 0);
    assert_int_equal(jwt_add_grants_json(token, CLAIMS), 0);
    char *text = jwt_encode_str(token);
    jwt_free(token);
    assert_non_null(text);
    return text;
}

static int identify(char *token) {
    struct ph_caller caller;
    struct ph_error error = {""};
    int code = ph_auth_identify(verifier, token, now_s, &caller, &error);
    if (code == 0)
        assert_string_equal(caller.subject, "alice");
    free(token);
    return code;
}

static void tokens_of_the_main_app_hold(void **state) {
    (void)state;
    assert_int_equal(identify(sign(JWT_ALG_RS256, rsa.private_pem, "r1")), 0);
    assert_int_equal(identify(sign(JWT_ALG_ES256, ec.private_pem, "e1")), 0);
    assert_int_equal(identify(sign(JWT_ALG_RS256, rsa.private_pem, NULL)), 0); /* the only RSA key */
}

static void the_nodes_own_tokens_hold_too(void **state) {
    (void)state;
    assert_int_equal(identify(sign(JWT_ALG_HS256, SECRET, NULL)), 0);
}

static void confused_keys_prove_nothing(void **state) {
    (void)state;
    /* the public key as an HMAC secret: it is known to everybody */
    assert_int_equal(identify(sign(JWT_ALG_HS256, rsa.public_pem, "r1")), -EACCES);
    assert_int_equal(identify(sign(JWT_ALG_HS256, ec.public_pem, "e1")), -EACCES);
    assert_int_equal(identify(sign(JWT_ALG_NONE, NULL, "r1")), -EACCES);
    assert_int_equal(identify(sign(JWT_ALG_RS256, rsa.private_pem, "e1")), -EACCES);
    assert_int_equal(identify(sign(JWT_ALG_RS256, rsa.private_pem, "r9")), -EACCES);
    assert_int_equal(identify(sign(JWT_ALG_RS256, other.private_pem, "r1")), -EACCES);
    assert_int_equal(identify(sign(JWT_ALG_RS384, rsa.private_pem, "r1")), -EACCES);
    assert_int_equal(identify(strdup("e30.e30.AA")), -EACCES);
    assert_int_equal(identify(strdup("!!.e30.AA")), -EACCES);
}

static void keys_change_while_it_runs(void **state) {
    (void)state;
    assert_int_equal(identify(sign(JWT_ALG_RS256, other.private_pem, "r2")), -EACCES);
    publish(rsa.jwk, other.jwk);
    ph_verifier_reload(verifier);
    assert_int_equal(identify(sign(JWT_ALG_RS256, other.private_pem, "r2")), 0);
    assert_int_equal(identify(sign(JWT_ALG_RS256, rsa.private_pem, "r1")), 0);         /* still in the set */
    assert_int_equal(identify(sign(JWT_ALG_RS256, other.private_pem, NULL)), -EACCES); /* which of two? */
    publish(other.jwk, NULL);
    ph_verifier_reload(verifier);
    assert_int_equal(identify(sign(JWT_ALG_RS256, rsa.private_pem, "r1")), -EACCES);
    assert_int_equal(truncate(path, 7), 0);
    ph_verifier_reload(verifier);
    assert_int_equal(identify(sign(JWT_ALG_RS256, other.private_pem, "r2")), 0);
    publish(NULL, NULL);
    ph_verifier_reload(verifier);
    assert_int_equal(identify(sign(JWT_ALG_RS256, other.private_pem, "r2")), 0);
}

static void a_changed_file_is_seen_without_being_told(void **state) {
    (void)state;
    publish(other.jwk, NULL);
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (identify(sign(JWT_ALG_RS256, other.private_pem, "r2")) != 0)
        assert_true(ph_now_us() < deadline_us);
}

static void sets_without_a_key_for_us(void **state) {
    static const char *const texts[] = {"", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[7,{}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ph_jwks set;
        struct ph_error error = {""};
        struct ph_slice text = {(const uint8_t *)texts[i], strlen(texts[i])};
        assert_int_equal(ph_jwks_parse(text, &set, &error), -EINVAL);
        assert_true(error.text[0] && set.count == 0);
    }
}

static void a_point_that_is_not_on_the_curve_is_no_key(void **state) {
    struct ph_jwks set;
    struct ph_error error = {""};
    char text[256];
    (void)state;
    snprintf(text, sizeof(text),
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%043d\",\"y\":\"%043d\"}]}", 0, 0);
    assert_int_equal(ph_jwks_parse((struct ph_slice){(uint8_t *)text, strlen(text)}, &set, &error), -EINVAL);
}

static void a_missing_file_says_so(void **state) {
    struct ph_verifier *none;
    struct ph_error error = {""};
    (void)state;
    assert_int_equal(ph_verifier_jwks_create(&none, "/nowhere/keys.json", SECRET, &error), -ENOENT);
    assert_non_null(strstr(error.text, "PORTHOLE_JWKS_FILE /nowhere/keys.json"));
}

static void base64url_is_strict(void **state) {
    uint8_t bytes[8];
    (void)state;
    assert_int_equal(ph_base64url_decode("", 0, bytes, 8), 0);
    assert_int_equal(ph_base64url_decode("_-8", 3, bytes, 8), 2);
    assert_int_equal(bytes[0], 0xff);
    assert_int_equal(bytes[1], 0xef);
    assert_int_equal(ph_base64url_decode("A", 1, bytes, 8), -EINVAL);
    assert_int_equal(ph_base64url_decode("AA==", 4, bytes, 8), -EINVAL);
    assert_int_equal(ph_base64url_decode("A+", 2, bytes, 8), -EINVAL);
    assert_int_equal(ph_base64url_decode("AAAAAAAAAAAA", 12, bytes, 8), -ENOSPC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens_of_the_main_app_hold, open_keys, close_keys),
        cmocka_unit_test_setup_teardown(the_nodes_own_tokens_hold_too, open_keys, close_keys),
        cmocka_unit_test_setup_teardown(confused_keys_prove_nothing, open_keys, close_keys),
        cmocka_unit_test_setup_teardown(keys_change_while_it_runs, open_keys, close_keys),
        cmocka_unit_test_setup_teardown(a_changed_file_is_seen_without_being_told, open_keys, close_keys),
        cmocka_unit_test(sets_without_a_key_for_us),
        cmocka_unit_test(a_point_that_is_not_on_the_curve_is_no_key),
        cmocka_unit_test(a_missing_file_says_so),
        cmocka_unit_test(base64url_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
