#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/store/disposition.h"

static const char *of(const char *filename) {
    static char header[PH_DISPOSITION_BYTES];
    ph_disposition(filename, header);
    return header;
}

static void a_plain_name_is_given_once(void **state) {
    (void)state;
    assert_string_equal(of("Match 3 (final).mp4"), "attachment; filename=\"Match 3 (final).mp4\"");
}

static void another_is_given_for_old_clients_and_in_utf8(void **state) {
    (void)state;
    assert_string_equal(of("Zoë spielt 50% €.mp4"),
        "attachment; filename=\"Zo_ spielt 50_ _.mp4\"; "
        "filename*=UTF-8''Zo%C3%AB%20spielt%2050%25%20%E2%82%AC.mp4");
    assert_string_equal(
        of("a \"b\".mp4"), "attachment; filename=\"a _b_.mp4\"; filename*=UTF-8''a%20%22b%22.mp4");
}

static void no_name_leads_elsewhere_or_ends_the_header(void **state) {
    (void)state;
    assert_string_equal(of("../a\\b.mp4"), "attachment; filename=\".._a_b.mp4\"");
    assert_string_equal(of("a\r\nSet-Cookie: x=1\x7f"), "attachment; filename=\"a__Set-Cookie_ x=1_\"");
}

static void what_is_no_utf8_becomes_underscores(void **state) {
    (void)state;
    assert_string_equal(of("a\xff\xc0\xaf\xed\xa0\x80.mp4"), "attachment; filename=\"a______.mp4\"");
    assert_string_equal(of("a\xe2\x82"), "attachment; filename=\"a__\"");
}

static void a_long_name_keeps_its_ending(void **state) {
    (void)state;
    char name[2048];
    for (size_t i = 0; i + 6 < sizeof(name); i += 2)
        memcpy(name + i, "ä", 2);
    memcpy(name + 900, ".mp4", 5);
    const char *header = of(name);
    assert_true(strlen(header) < PH_DISPOSITION_BYTES);
    assert_string_equal(header + strlen(header) - 4, ".mp4");
    assert_non_null(strstr(header, "_.mp4\";"));
    assert_null(strstr(header, "%C3.mp4"));
}

/* What a recording is called at most, in an alphabet of two bytes a character. */
static void a_recordings_name_is_kept_whole(void **state) {
    (void)state;
    char name[256] = "";
    for (int i = 0; i < 100; i++)
        strcat(name, "\xd0\xb6");
    strcat(name, " 2026-11-21 22-23.mp4");
    assert_non_null(strstr(of(name), "%D0%B6%202026-11-21%2022-23.mp4"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_name_is_given_once),
        cmocka_unit_test(another_is_given_for_old_clients_and_in_utf8),
        cmocka_unit_test(no_name_leads_elsewhere_or_ends_the_header),
        cmocka_unit_test(what_is_no_utf8_becomes_underscores),
        cmocka_unit_test(a_long_name_keeps_its_ending),
        cmocka_unit_test(a_recordings_name_is_kept_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
