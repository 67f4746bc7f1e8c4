#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/mail/unsubscribe.h"

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const struct ph_unsubscription wish = {"session.started", "kid/1?&=\"", "mum 🎈", "de"};

static void signed_wish_comes_back(void **state) {
    struct ph_unsubscription read = {0};
    char *text;
    (void)state;
    assert_int_equal(ph_unsubscription_sign(secret, &wish, &text), 0);
    assert_int_equal(
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."), strlen(text));
    assert_int_equal(ph_unsubscription_verify(secret, text, &read), 0);
    assert_string_equal(read.event, wish.event);
    assert_string_equal(read.profile, wish.profile);
    assert_string_equal(read.guardian, wish.guardian);
    assert_string_equal(read.language, wish.language);
    free(text);
}

static void every_changed_character_is_seen(void **state) {
    struct ph_unsubscription read;
    char *text;
    (void)state;
    assert_int_equal(ph_unsubscription_sign(secret, &wish, &text), 0);
    size_t size = strlen(text);
    assert_int_equal(ph_unsubscription_verify("another secret of thirty-two chars", text, &read), -EACCES);
    for (size_t i = 0; i < size; i++) {
        char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        /* The last character of the tag carries four bits that mean nothing. */
        if (i != size - 1)
            assert_int_equal(ph_unsubscription_verify(secret, text, &read), -EACCES);
        text[i] = kept;
    }
    text[size - 4] = '\0';
    assert_int_equal(ph_unsubscription_verify(secret, text, &read), -EACCES);
    free(text);
    assert_int_equal(ph_unsubscription_verify(secret, "", &read), -EACCES);
    assert_int_equal(ph_unsubscription_verify(secret, ".", &read), -EACCES);
    assert_int_equal(ph_unsubscription_verify(secret, "a.b.c", &read), -EACCES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_wish_comes_back),
        cmocka_unit_test(every_changed_character_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
