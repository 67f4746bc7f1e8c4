#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "origin/access.h"

static const struct ph_slice secret = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32};
static const int64_t now_s = 1800000000;

static struct ph_access access_list;

static int open_access(void **state) {
    (void)state;
    ph_access_init(&access_list);
    return 0;
}

static int close_access(void **state) {
    (void)state;
    ph_access_finish(&access_list);
    return 0;
}

static const char *make(const char *viewer, const char *subject, int64_t issued_s) {
    static char token[PH_PLAYBACK_TOKEN_BYTES];
    struct ph_playback_claims claims = {.issued_s = issued_s, .expires_s = issued_s + PH_PLAYBACK_TOKEN_S};
    strcpy(claims.viewer, viewer);
    ph_playback_holder(secret, subject, claims.holder);
    ph_playback_token_make(secret, "s1", &claims, token);
    return token;
}

static enum ph_access_verdict check_at(const char *token, int64_t at_s) {
    struct ph_playback_claims claims;
    return ph_access_check(&access_list, secret, "s1", token, at_s, &claims);
}

static void verdicts(void **state) {
    (void)state;
    for (int round = 0; round < 2; round++) { /* the second time it is known */
        assert_int_equal(check_at(make("v1", "mum", now_s), now_s), PH_ACCESS_GRANTED);
        assert_int_equal(
            check_at(make("v1", "mum", now_s), now_s + PH_PLAYBACK_TOKEN_S - 1), PH_ACCESS_GRANTED);
        assert_int_equal(check_at(make("v1", "mum", now_s), now_s + PH_PLAYBACK_TOKEN_S), PH_ACCESS_EXPIRED);
        assert_int_equal(check_at(make("v1", "mum", now_s + 86400), now_s), PH_ACCESS_EXPIRED);
    }
    assert_int_equal(check_at(NULL, now_s), PH_ACCESS_MISSING);
    assert_int_equal(check_at("", now_s), PH_ACCESS_MISSING);
    assert_int_equal(check_at("x", now_s), PH_ACCESS_WRONG);
    char broken[PH_PLAYBACK_TOKEN_BYTES];
    strcpy(broken, make("v1", "mum", now_s));
    broken[strlen(broken) - 1] ^= 1;
    assert_int_equal(check_at(broken, now_s), PH_ACCESS_WRONG);
}

static void a_revoked_viewer_or_holder_is_out_until_a_later_token(void **state) {
    struct ph_revocation viewer = {.tag = "v1", .at_s = now_s + 1}, holder = {.at_s = now_s + 1};
    (void)state;
    ph_playback_holder(secret, "dad", holder.tag);
    assert_int_equal(check_at(make("v1", "mum", now_s), now_s + 1), PH_ACCESS_GRANTED);
    assert_int_equal(ph_access_revoke(&access_list, &viewer, 1), 0);
    assert_int_equal(ph_access_revoke(&access_list, &holder, 1), 0);
    assert_int_equal(check_at(make("v1", "mum", now_s), now_s + 1), PH_ACCESS_REVOKED);
    assert_int_equal(check_at(make("v2", "mum", now_s), now_s + 1), PH_ACCESS_GRANTED);
    assert_int_equal(check_at(make("v3", "dad", now_s + 1), now_s + 1), PH_ACCESS_REVOKED);
    assert_int_equal(check_at(make("v3", "dad", now_s + 2), now_s + 2), PH_ACCESS_GRANTED);
    viewer.at_s = now_s - 100; /* an older word changes nothing */
    assert_int_equal(ph_access_revoke(&access_list, &viewer, 1), 0);
    assert_int_equal(check_at(make("v1", "mum", now_s), now_s + 1), PH_ACCESS_REVOKED);
}

static void the_oldest_revocations_are_forgotten_first(void **state) {
    (void)state;
    for (int i = 0; i <= PH_MOST_REVOCATIONS; i++) {
        struct ph_revocation entry = {.at_s = now_s + i};
        snprintf(entry.tag, sizeof(entry.tag), "v%d", i);
        assert_int_equal(ph_access_revoke(&access_list, &entry, 1), 0);
    }
    assert_int_equal(check_at(make("v0", "mum", now_s), now_s), PH_ACCESS_GRANTED);
    assert_int_equal(check_at(make("v1", "mum", now_s), now_s), PH_ACCESS_REVOKED);
    /* told again, the one that was forgotten pushes out none of the newer */
    struct ph_revocation again = {.at_s = now_s, .tag = "v0"};
    assert_int_equal(ph_access_revoke(&access_list, &again, 1), 0);
    assert_int_equal(check_at(make("v1", "mum", now_s), now_s), PH_ACCESS_REVOKED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(verdicts, open_access, close_access),
        cmocka_unit_test_setup_teardown(
            a_revoked_viewer_or_holder_is_out_until_a_later_token, open_access, close_access),
        cmocka_unit_test_setup_teardown(
            the_oldest_revocations_are_forgotten_first, open_access, close_access),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
