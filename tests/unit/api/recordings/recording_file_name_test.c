#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/recordings/recording_file_name.h"

static void names_are_what_every_file_system_takes(void **state) {
    static const struct {
        const char *title, *name;
    } cases[] = {
        {"Castle", "Castle 2026-11-21 14-05.mp4"},
        {"", "Recording 2026-11-21 14-05.mp4"},
        {" . / . ", "Recording 2026-11-21 14-05.mp4"},
        {"../../etc/passwd", "etc passwd 2026-11-21 14-05.mp4"},
        {"..\\..\\boot.ini", "boot.ini 2026-11-21 14-05.mp4"},
        {"a\r\nSet-Cookie: x", "a Set-Cookie x 2026-11-21 14-05.mp4"},
        {"Burg \"Löwenstein\" <3", "Burg Löwenstein 3 2026-11-21 14-05.mp4"},
        {"城堡 🏰", "城堡 🏰 2026-11-21 14-05.mp4"},
        {"evil\xe2\x80\xaegpj.exe", "evilgpj.exe 2026-11-21 14-05.mp4"},
        {"trailing dots...", "trailing dots 2026-11-21 14-05.mp4"},
        {"a  b\t c", "a b c 2026-11-21 14-05.mp4"},
        {"a\xf0\x9f", "a 2026-11-21 14-05.mp4"},
    };
    char name[PH_RECORDING_FILE_NAME_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ph_recording_file_name(cases[i].title, INT64_C(1795269959999), name);
        assert_string_equal(name, cases[i].name);
    }
}

static void a_long_title_ends_between_characters(void **state) {
    char title[121 * 4 + 1] = "", name[PH_RECORDING_FILE_NAME_BYTES];
    (void)state;
    for (int i = 0; i < 120; i++)
        strcat(title, "🏰");
    ph_recording_file_name(title, 0, name);
    assert_int_equal(strlen(name), 50 * 4 + strlen(" 1970-01-01 00-00.mp4"));
    assert_string_equal(name + 50 * 4, " 1970-01-01 00-00.mp4");
    title[0] = '\0';
    for (int i = 0; i < 60; i++)
        strcat(title, "🏰 ");
    ph_recording_file_name(title, 0, name);
    assert_int_equal(strlen(name), 40 * 4 + 39 + strlen(" 1970-01-01 00-00.mp4"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_what_every_file_system_takes),
        cmocka_unit_test(a_long_title_ends_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
