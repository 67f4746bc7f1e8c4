#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <jwt.h>

#include "api/auth.h"
#include "api/token.h"
#include "core/base/clock.h"
#include "tests/unit/support/allocation_failure.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define SESSION "aaaaaaaaaaaaaaaaaaaaaaaaaa"

static const int64_t now_s = 1800000000;
static struct ph_verifier *verifier;

static int make_verifier(void **state) {
    (void)state;
    return ph_verifier_hs256_create(&verifier, SECRET);
}

static int drop_verifier(void **state) {
    (void)state;
    ph_verifier_destroy(verifier);
    return 0;
}

/* A token of any claims (a JSON object) by any algorithm. */
static char *sign(const char *claims, jwt_alg_t algorithm, const char *key) {
    jwt_t *token;
    assert_int_equal(jwt_new(&token), 0);
    assert_int_equal(
        jwt_set_alg(token, algorithm, (const unsigned char *)key, key ? (int)strlen(key) : 0), 0);
    assert_int_equal(jwt_add_grants_json(token, claims), 0);
    char *text = jwt_encode_str(token);
    jwt_free(token);
    assert_non_null(text);
    return text;
}

static int identify(const char *token, struct ph_caller *caller, struct ph_error *error) {
    return ph_auth_identify(verifier, token, now_s, caller, error);
}

static void assert_refused(char *token, const char *sentence) {
    struct ph_caller caller;
    struct ph_error error = {""};
    assert_int_equal(identify(token, &caller, &error), -EACCES);
    if (!strstr(error.text, sentence))
        fail_msg("\"%s\" does not say \"%s\"", error.text, sentence);
    free(token);
}

static void assert_claims_refused(const char *claims, const char *sentence) {
    assert_refused(sign(claims, JWT_ALG_HS256, SECRET), sentence);
}

#define GOOD "{\"sub\":\"alice\",\"role\":\"streamer\",\"exp\":1800000100}"

static void a_good_token_names_its_caller(void **state) {
    struct ph_caller caller;
    (void)state;
    char *token =
        sign("{\"sub\":\"alice\",\"role\":\"viewer\",\"exp\":1800000100.5,\"session\":\"" SESSION "\"}",
            JWT_ALG_HS256, SECRET);
    assert_int_equal(identify(token, &caller, NULL), 0);
    assert_int_equal(caller.role, PH_CALLER_VIEWER);
    assert_string_equal(caller.subject, "alice");
    assert_string_equal(caller.session, SESSION);
    free(token);
}

static void no_token_is_anonymous(void **state) {
    struct ph_caller caller = {.role = PH_CALLER_ADMIN};
    (void)state;
    assert_int_equal(identify(NULL, &caller, NULL), 0);
    assert_int_equal(caller.role, PH_CALLER_ANONYMOUS);
    assert_string_equal(caller.subject, "");
}

static void issued_tokens_hold(void **state) {
    static const char *const roles[] = {"viewer", "streamer", "operator", "admin"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct ph_caller caller;
        char *token = NULL;
        assert_int_equal(ph_token_issue(SECRET, roles[i], "bob", i ? NULL : SESSION, 60, &token, NULL), 0);
        assert_int_equal(ph_auth_identify(verifier, token, ph_utc_now_us() / PH_SECOND_US, &caller, NULL), 0);
        assert_string_equal(ph_caller_role_name(caller.role), roles[i]);
        assert_string_equal(caller.session, i ? "" : SESSION);
        assert_int_equal(ph_auth_identify(verifier, token,
                             ph_utc_now_us() / PH_SECOND_US + 60 + PH_TOKEN_SKEW_S + 1, &caller, NULL),
            -EACCES);
        free(token);
    }
}

static void tokens_that_nobody_could_use_are_not_issued(void **state) {
    static const struct {
        const char *role, *subject, *session;
        int64_t ttl_s;
        const char *sentence;
    } wrong[] = {
        {"root", "bob", NULL, 60, "role must be"},
        {"anonymous", "bob", NULL, 60, "role must be"},
        {"viewer", "", NULL, 60, "sub must be"},
        {"viewer", "a\nb", NULL, 60, "sub must be"},
        {"viewer", "\xff", NULL, 60, "sub must be"},
        {"viewer", "bob", "short", 60, "session must be"},
        {"viewer", "bob", NULL, 0, "ttl must be"},
        {"viewer", "bob", NULL, INT64_C(367) * 86400, "ttl must be"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ph_error error = {""};
        char *token = NULL;
        assert_int_equal(ph_token_issue(SECRET, wrong[i].role, wrong[i].subject, wrong[i].session,
                             wrong[i].ttl_s, &token, &error),
            -EINVAL);
        assert_non_null(strstr(error.text, wrong[i].sentence));
    }
}

static void no_algorithm_but_the_configured_one(void **state) {
    (void)state;
    assert_refused(sign(GOOD, JWT_ALG_NONE, NULL), "signature does not hold");
    assert_refused(sign(GOOD, JWT_ALG_HS384, SECRET), "signature does not hold");
    assert_refused(sign(GOOD, JWT_ALG_HS512, SECRET), "signature does not hold");
    /* {"alg":"none"} with claims and with an empty, then an invented signature; NONE, nOnE; RS256 over the
     * secret */
    static const char claims[] = "eyJzdWIiOiJ4Iiwicm9sZSI6ImFkbWluIiwiZXhwIjo5OTk5OTk5OTk5fQ";
    static const char *const headers[] = {"eyJhbGciOiJub25lIn0", "eyJhbGciOiJOT05FIn0", "eyJhbGciOiJuT25FIn0",
        "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJFUzI1NiJ9", "e30", "eyJhbGciOm51bGx9", "eyJhbGciOjI1Nn0"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "%s.%s.", headers[i], claims);
        assert_refused(strdup(text), "");
        snprintf(text, sizeof(text), "%s.%s.AAAA", headers[i], claims);
        assert_refused(strdup(text), "");
    }
}

static void a_tampered_token_is_refused_at_every_byte(void **state) {
    (void)state;
    char *token = sign(GOOD, JWT_ALG_HS256, SECRET);
    size_t size = strlen(token);
    /* The last character carries spare bits, which decoders ignore. */
    for (size_t i = 0; i + 1 < size; i++) {
        struct ph_caller caller;
        char *copy = strdup(token);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        if (identify(copy, &caller, NULL) != -EACCES)
            fail_msg("byte %zu may be changed", i);
        free(copy);
    }
    for (size_t i = 0; i < size; i++) {
        struct ph_caller caller;
        char *copy = strndup(token, i);
        assert_int_equal(identify(copy, &caller, NULL), -EACCES);
        free(copy);
    }
    free(token);
}

static void another_secret_is_refused(void **state) {
    (void)state;
    assert_refused(sign(GOOD, JWT_ALG_HS256, "fedcba9876543210fedcba9876543210"), "signature does not hold");
    assert_refused(sign(GOOD, JWT_ALG_HS256, SECRET "0"), "signature does not hold");
}

static void critical_headers_are_not_understood(void **state) {
    jwt_t *token;
    (void)state;
    assert_int_equal(jwt_new(&token), 0);
    assert_int_equal(
        jwt_set_alg(token, JWT_ALG_HS256, (const unsigned char *)SECRET, (int)strlen(SECRET)), 0);
    assert_int_equal(jwt_add_grants_json(token, GOOD), 0);
    assert_int_equal(jwt_add_headers_json(token, "{\"crit\":[\"exp\"]}"), 0);
    char *text = jwt_encode_str(token);
    jwt_free(token);
    assert_refused(text, "signature does not hold");
}

static void times_are_heeded(void **state) {
    struct ph_caller caller;
    (void)state;
    assert_claims_refused("{\"sub\":\"a\",\"role\":\"viewer\"}", "no expiry");
    assert_claims_refused("{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":\"1800000100\"}", "no expiry");
    assert_claims_refused("{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":null}", "no expiry");
    assert_claims_refused("{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":1799999940}", "expired");
    assert_claims_refused("{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":-1}", "expired");
    assert_claims_refused(
        "{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":1800000100,\"nbf\":1800000061}", "not valid yet");
    assert_claims_refused("{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":1800000100,\"nbf\":\"x\"}", "nbf");
    char *token = sign(
        "{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":1799999941,\"nbf\":1800000060}", JWT_ALG_HS256, SECRET);
    assert_int_equal(identify(token, &caller, NULL), 0);
    free(token);
}

static void names_are_checked(void **state) {
    char claims[512];
    (void)state;
    assert_claims_refused("{\"role\":\"viewer\",\"exp\":1800000100}", "sub");
    assert_claims_refused("{\"sub\":\"\",\"role\":\"viewer\",\"exp\":1800000100}", "sub");
    assert_claims_refused("{\"sub\":7,\"role\":\"viewer\",\"exp\":1800000100}", "sub");
    assert_claims_refused("{\"sub\":\"a\\u0007b\",\"role\":\"viewer\",\"exp\":1800000100}", "sub");
    snprintf(claims, sizeof(claims), "{\"sub\":\"%0129d\",\"role\":\"viewer\",\"exp\":1800000100}", 0);
    assert_claims_refused(claims, "sub");
    assert_claims_refused("{\"sub\":\"a\",\"exp\":1800000100}", "role");
    assert_claims_refused("{\"sub\":\"a\",\"role\":\"root\",\"exp\":1800000100}", "role");
    assert_claims_refused("{\"sub\":\"a\",\"role\":\"anonymous\",\"exp\":1800000100}", "role");
    assert_claims_refused("{\"sub\":\"a\",\"role\":[\"admin\"],\"exp\":1800000100}", "role");
    assert_claims_refused("{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":1800000100,\"session\":7}", "session");
    assert_claims_refused(
        "{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":1800000100,\"session\":\"\"}", "session");
    assert_claims_refused(
        "{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":1800000100,\"session\":null}", "session");
    assert_claims_refused(
        "{\"sub\":\"a\",\"role\":\"viewer\",\"exp\":1800000100,\"session\":\"../../etc/passwd\"}", "session");
}

static void what_is_no_jwt_is_refused(void **state) {
    static const char *const texts[] = {"", ".", "..", "...", "a.b", "a.b.c.d", "a b.c.d", "a.b.c\n",
        "\xff.\xff.\xff", "%61.b.c", "a=.b=.c="};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_refused(strdup(texts[i]), "");
}

static void a_giant_token_is_refused(void **state) {
    char *giant = malloc(PH_MOST_TOKEN_BYTES + 2);
    (void)state;
    memset(giant, 'a', PH_MOST_TOKEN_BYTES + 1);
    giant[10] = giant[20] = '.';
    giant[PH_MOST_TOKEN_BYTES + 1] = '\0';
    assert_refused(giant, "is no JWT");
    /* rightly signed, but long */
    char *padding = malloc(PH_MOST_TOKEN_BYTES), *claims = malloc(2 * PH_MOST_TOKEN_BYTES);
    memset(padding, 'x', PH_MOST_TOKEN_BYTES - 1);
    padding[PH_MOST_TOKEN_BYTES - 1] = '\0';
    snprintf(claims, 2 * PH_MOST_TOKEN_BYTES,
        "{\"sub\":\"a\",\"role\":\"admin\",\"exp\":1800000100,\"pad\":\"%s\"}", padding);
    assert_claims_refused(claims, "is no JWT");
    free(padding);
    free(claims);
}

static void refusals_repeat_nothing_of_the_token(void **state) {
    struct ph_caller caller;
    struct ph_error error = {""};
    (void)state;
    char *token =
        sign("{\"sub\":\"hunter2\",\"role\":\"hunter2\",\"exp\":1800000100}", JWT_ALG_HS256, SECRET);
    assert_int_equal(identify(token, &caller, &error), -EACCES);
    assert_null(strstr(error.text, "hunter2"));
    free(token);
}

static int identify_once(void *opaque) {
    struct ph_caller caller;
    struct ph_verifier *own;
    int code = ph_verifier_hs256_create(&own, SECRET);
    if (code < 0)
        return code;
    code = ph_auth_identify(own, opaque, now_s, &caller, NULL);
    ph_verifier_destroy(own);
    return code;
}

static void failing_allocations(void **state) {
    (void)state;
    char *token = sign(GOOD, JWT_ALG_HS256, SECRET);
    json_set_alloc_funcs(malloc, free);
    ph_test_with_failing_allocations(identify_once, token);
    free(token);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_names_its_caller),
        cmocka_unit_test(no_token_is_anonymous),
        cmocka_unit_test(issued_tokens_hold),
        cmocka_unit_test(tokens_that_nobody_could_use_are_not_issued),
        cmocka_unit_test(no_algorithm_but_the_configured_one),
        cmocka_unit_test(a_tampered_token_is_refused_at_every_byte),
        cmocka_unit_test(another_secret_is_refused),
        cmocka_unit_test(critical_headers_are_not_understood),
        cmocka_unit_test(times_are_heeded),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(what_is_no_jwt_is_refused),
        cmocka_unit_test(a_giant_token_is_refused),
        cmocka_unit_test(refusals_repeat_nothing_of_the_token),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_verifier, drop_verifier);
}
