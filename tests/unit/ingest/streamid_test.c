#include "ingest/streamid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <srt/access_control.h>

static void takes(const char *streamid, const char *expected) {
    char key[PH_STREAM_KEY_MOST_CHARACTERS + 1];
    assert_int_equal(ph_streamid_parse(streamid, key), 0);
    assert_string_equal(key, expected);
}

static void rejects(const char *streamid, int expected) {
    char key[PH_STREAM_KEY_MOST_CHARACTERS + 1];
    assert_int_equal(ph_streamid_parse(streamid, key), expected);
}

static void a_plain_text_is_the_key(void **state) {
    (void)state;
    takes("abc234", "abc234");
    takes("A.b_c~d-9", "A.b_c~d-9");
}

static void the_key_comes_from_s_whatever_stands_around_it(void **state) {
    (void)state;
    takes("#!::m=publish,s=abc", "abc");
    takes("#!::s=abc,m=publish", "abc");
    takes("#!::r=stream/name,u=somebody,h=host,s=abc,m=publish,t=stream,x=1", "abc");
    takes("#!::s=abc", "abc");
    takes("#!::u=,m=publish,s=abc", "abc");
}

static void a_list_may_come_percent_encoded(void **state) {
    (void)state;
    takes("%23!::m=publish,s=abc", "abc");
    takes("%23%21%3A%3am%3Dpublish%2Cs%3Dabc", "abc");
    rejects("%23!::m=request,s=abc", SRT_REJX_BAD_MODE);
    rejects("%23!::m=publish,s=abc%00d", SRT_REJX_BAD_REQUEST);
    rejects("%23!::m=publish,s=abc%2", SRT_REJX_BAD_REQUEST);
    rejects("%23!::m=publish,s=abc%", SRT_REJX_BAD_REQUEST);
    rejects("%23!::m=publish,s=abc%4g", SRT_REJX_BAD_REQUEST);
    rejects("abc%2D", SRT_REJX_BAD_REQUEST);
}

static void another_mode_is_not_served(void **state) {
    (void)state;
    rejects("#!::m=request,s=abc", SRT_REJX_BAD_MODE);
    rejects("#!::m=bidirectional,s=abc", SRT_REJX_BAD_MODE);
    rejects("#!::m=,s=abc", SRT_REJX_BAD_MODE);
    rejects("#!::m=Publish,s=abc", SRT_REJX_BAD_MODE);
    rejects("#!::m=publishx,s=abc", SRT_REJX_BAD_MODE);
    rejects("#!::m=publish,t=file,s=abc", SRT_REJX_NOTSUP_MEDIA);
}

static void without_a_key_nobody_is_authorized(void **state) {
    (void)state;
    rejects("", SRT_REJX_UNAUTHORIZED);
    rejects("#!::m=publish", SRT_REJX_UNAUTHORIZED);
    rejects("#!::m=publish,s=", SRT_REJX_UNAUTHORIZED);
    rejects("#!::m=publish,r=abc", SRT_REJX_UNAUTHORIZED);
}

static void malformed_texts_are_bad_requests(void **state) {
    (void)state;
    static const char *const malformed[] = {"#!::", "#!::,", "#!::m", "#!::=x", "#!::m=publish,",
        "#!::m=publish,,s=a", "#!::m=publish,s=a,s=b", "#!::m=publish,m=publish,s=a", "#!:{m=publish,s=a}",
        "#!", "#!:m=publish,s=a", "a b", "a/b", "a\nb", "\xC3\xA9", "#!::s=a b", "#!::s=a%20"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        rejects(malformed[i], SRT_REJX_BAD_REQUEST);
}

static void keys_and_texts_have_a_greatest_length(void **state) {
    (void)state;
    char text[600];
    memset(text, 'a', sizeof(text));
    text[128] = '\0';
    takes(text, text);
    text[128] = 'a';
    text[129] = '\0';
    rejects(text, SRT_REJX_BAD_REQUEST);
    memset(text, 'a', sizeof(text));
    memcpy(text, "#!::s=k,u=", 10);
    text[512] = '\0';
    takes(text, "k");
    text[512] = 'a';
    text[513] = '\0';
    rejects(text, SRT_REJX_BAD_REQUEST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_text_is_the_key),
        cmocka_unit_test(the_key_comes_from_s_whatever_stands_around_it),
        cmocka_unit_test(a_list_may_come_percent_encoded),
        cmocka_unit_test(another_mode_is_not_served),
        cmocka_unit_test(without_a_key_nobody_is_authorized),
        cmocka_unit_test(malformed_texts_are_bad_requests),
        cmocka_unit_test(keys_and_texts_have_a_greatest_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
