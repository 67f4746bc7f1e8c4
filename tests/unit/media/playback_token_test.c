#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/media/playback_token.h"

static const struct ph_slice secret = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32};
static const struct ph_slice other_secret = {(const uint8_t *)"0123456789abcdef0123456789abcdeX", 32};

static struct ph_playback_claims example(void) {
    struct ph_playback_claims claims = {.issued_s = 1800000000, .expires_s = 1800000300};
    strcpy(claims.viewer, "v-1_A");
    ph_playback_holder(secret, "mum", claims.holder);
    return claims;
}

static void a_token_tells_what_it_was_made_of(void **state) {
    char token[PH_PLAYBACK_TOKEN_BYTES];
    struct ph_playback_claims made = example(), read;
    (void)state;
    ph_playback_token_make(secret, "s1", &made, token);
    assert_true(ph_playback_token_read(secret, "s1", token, &read));
    assert_true(read.issued_s == made.issued_s && read.expires_s == made.expires_s);
    assert_string_equal(read.viewer, made.viewer);
    assert_string_equal(read.holder, made.holder);
    made.viewer[0] = '\0';
    ph_playback_token_make(secret, "s1", &made, token);
    assert_true(ph_playback_token_read(secret, "s1", token, &read));
    assert_string_equal(read.viewer, "0");
}

static void it_is_good_for_its_session_and_secret_alone(void **state) {
    char token[PH_PLAYBACK_TOKEN_BYTES];
    struct ph_playback_claims claims = example();
    (void)state;
    ph_playback_token_make(secret, "s1", &claims, token);
    assert_false(ph_playback_token_read(secret, "s2", token, &claims));
    assert_false(ph_playback_token_read(secret, "s1:", token, &claims));
    assert_false(ph_playback_token_read(other_secret, "s1", token, &claims));
}

static void every_changed_character_is_seen(void **state) {
    char token[PH_PLAYBACK_TOKEN_BYTES];
    struct ph_playback_claims claims = example();
    (void)state;
    ph_playback_token_make(secret, "s1", &claims, token);
    for (size_t i = 0; token[i]; i++) {
        char kept = token[i];
        for (const char *c = "0a.-~"; *c; c++) {
            token[i] = *c;
            if (*c != kept)
                assert_false(ph_playback_token_read(secret, "s1", token, &claims));
        }
        token[i] = '\0';
        assert_false(ph_playback_token_read(secret, "s1", token, &claims));
        token[i] = kept;
    }
    assert_true(ph_playback_token_read(secret, "s1", token, &claims));
    strcat(token, "a");
    assert_false(ph_playback_token_read(secret, "s1", token, &claims));
}

static void what_is_no_token(void **state) {
    static const char *const texts[] = {"", ".", "....", "1.2.3.4.", "-1.2.a.b.cccccccccccccccccccccc",
        "9999999999999999999.2.a.b.cccccccccccccccccccccc", "1.2..b.cccccccccccccccccccccc",
        "1.2.a b.b.cccccccccccccccccccccc", "1.2.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b.c"};
    struct ph_playback_claims claims;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(ph_playback_token_read(secret, "s1", texts[i], &claims));
}

static void the_longest_token_fits(void **state) {
    char token[PH_PLAYBACK_TOKEN_BYTES];
    struct ph_playback_claims claims = {.issued_s = 999999999999, .expires_s = 999999999999}, read;
    (void)state;
    memset(claims.viewer, 'v', sizeof(claims.viewer) - 1);
    memset(claims.holder, 'h', sizeof(claims.holder) - 1);
    ph_playback_token_make(secret, "s1", &claims, token);
    assert_true(ph_playback_token_read(secret, "s1", token, &read));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_tells_what_it_was_made_of),
        cmocka_unit_test(it_is_good_for_its_session_and_secret_alone),
        cmocka_unit_test(every_changed_character_is_seen),
        cmocka_unit_test(what_is_no_token),
        cmocka_unit_test(the_longest_token_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
