#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/recordings/tus_headers.h"

static void numbers_are_digits_alone(void **state) {
    static const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "1234567890123456"};
    int64_t number;
    (void)state;
    assert_true(ph_tus_number_parse("0", &number));
    assert_int_equal(number, 0);
    assert_true(ph_tus_number_parse("500000000", &number));
    assert_int_equal(number, 500000000);
    assert_false(ph_tus_number_parse(NULL, &number));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(ph_tus_number_parse(wrong[i], &number));
}

static void metadata_tells_title_and_type(void **state) {
    static const struct {
        const char *text, *title, *type;
    } cases[] = {
        {NULL, "", ""},
        {"", "", ""},
        {"title Q2FzdGxl", "Castle", ""},
        {"filename YS5iLm1wNA==,filetype dmlkZW8vTVA0", "a.b", "video/mp4"},
        {"title Q2FzdGxl,filename YS5iLm1wNA==", "Castle", ""},
        {"is_private,filetype dmlkZW8vd2VibTtjb2RlY3M9dnA5", "", "video/webm"},
        {"filename Lm1wNA==", ".mp4", ""},
        {"mood !", NULL, NULL},
        {"title ww==", NULL, NULL}, /* half a character */
        {"title YQBi", NULL, NULL}, /* a zero */
        {"title YQpi", NULL, NULL}, /* a line feed */
        {"title YWI", NULL, NULL},  /* no padding */
        {"title YW=I", NULL, NULL},
        {"title ====", NULL, NULL},
        {",", NULL, NULL},
        {" Q2FzdGxl", NULL, NULL},
        {"t\xc3\xbcr Q2FzdGxl", NULL, NULL},
        {"\xc3\xbc", NULL, NULL},
        {"mood\tQ2FzdGxl", NULL, NULL},
    };
    struct ph_tus_metadata metadata;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ph_error error = {""};
        int code = ph_tus_metadata_parse(cases[i].text, &metadata, &error);
        assert_int_equal(code, cases[i].title ? 0 : -EINVAL);
        assert_int_equal(*error.text != '\0', !cases[i].title);
        if (!cases[i].title)
            continue;
        assert_string_equal(metadata.title, cases[i].title);
        assert_string_equal(metadata.type, cases[i].type);
    }
}

/* It is given back in one header, as it came. */
static void metadata_is_bounded(void **state) {
    char text[PH_TUS_METADATA_BYTES + 1];
    struct ph_tus_metadata metadata;
    struct ph_error error;
    (void)state;
    memset(text, 'k', sizeof(text));
    text[PH_TUS_METADATA_BYTES] = '\0';
    assert_int_equal(ph_tus_metadata_parse(text, &metadata, &error), -EINVAL);
    text[PH_TUS_METADATA_BYTES - 1] = '\0';
    assert_int_equal(ph_tus_metadata_parse(text, &metadata, &error), 0);
}

static void a_long_title_is_refused_and_a_long_name_cut(void **state) {
    char text[1024] = "title ";
    struct ph_tus_metadata metadata;
    struct ph_error error = {""};
    (void)state;
    for (int i = 0; i < 41; i++)
        strcat(text, "YWFh"); /* aaa */
    assert_int_equal(ph_tus_metadata_parse(text, &metadata, &error), -EINVAL);
    strcpy(text, "filename ");
    for (int i = 0; i < 41; i++)
        strcat(text, "YWFh");
    assert_int_equal(ph_tus_metadata_parse(text, &metadata, &error), 0);
    assert_int_equal(strlen(metadata.title), PH_MOST_TITLE_CHARACTERS);
}

static void checksums_hold_or_do_not(void **state) {
    static const char *const wrong[] = {"", "sha1", "sha1 ",
        "md5 XUFAKrxLKna5cZ2REBfFkg==", "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ0",
        "sha256 qvTGHdzF6KLavt4PO0gs2a6pQ00=", "SHA1 qvTGHdzF6KLavt4PO0gs2a6pQ00="};
    struct ph_slice hello = {(const uint8_t *)"hello", 5}, other = {(const uint8_t *)"hellp", 5};
    struct ph_tus_checksum checksum;
    (void)state;
    assert_int_equal(ph_tus_checksum_parse("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=", &checksum), 0);
    assert_int_equal(ph_tus_checksum_holds(&checksum, hello), 1);
    assert_int_equal(ph_tus_checksum_holds(&checksum, other), 0);
    assert_int_equal(
        ph_tus_checksum_parse("sha256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", &checksum), 0);
    assert_int_equal(ph_tus_checksum_holds(&checksum, hello), 1);
    assert_int_equal(ph_tus_checksum_holds(&checksum, other), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(ph_tus_checksum_parse(wrong[i], &checksum), -EINVAL);
}

static bool is_video(const char *bytes, size_t size) {
    return ph_tus_is_video((struct ph_slice){(const uint8_t *)bytes, size});
}

static void files_are_known_by_their_first_bytes(void **state) {
    (void)state;
    assert_true(is_video("\0\0\0\x20"
                         "ftypisom",
        12));
    assert_true(is_video("\x1a\x45\xdf\xa3\1\0\0\0\0\0\0\x1f", 12));
    assert_false(is_video("\0\0\0\x20"
                          "ftyp",
        8));
    assert_false(is_video("<!doctype html>", 15));
    assert_false(is_video("MZ\x90\0\3\0\0\0\4\0\0\0", 12));
    assert_true(ph_tus_is_video_type("video/webm"));
    assert_false(ph_tus_is_video_type("text/html"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits_alone),
        cmocka_unit_test(metadata_tells_title_and_type),
        cmocka_unit_test(metadata_is_bounded),
        cmocka_unit_test(a_long_title_is_refused_and_a_long_name_cut),
        cmocka_unit_test(checksums_hold_or_do_not),
        cmocka_unit_test(files_are_known_by_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
