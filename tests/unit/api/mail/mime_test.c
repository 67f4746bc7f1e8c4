#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/mail/mime.h"
#include "tests/unit/support/allocation_failure.h"

static const struct ph_mail plain = {.from_name = "Porthole",
    .from_address = "no-reply@live.example",
    .to = "ada@example.org",
    .subject = "Hello",
    .id = "abc@live.example",
    .date_s = 1700000000,
    .language = "en",
    .unsubscribe = "https://live.example/u?wish=a.b",
    .text = "Hi\n.\nGrüße = gut \n",
    .html = "<p>Hi</p>\n"};

static char *write_mail(const struct ph_mail *mail) {
    struct ph_builder builder = {0};
    assert_int_equal(ph_mime_write(&builder, mail), 0);
    return ph_builder_finish_string(&builder);
}

static void message_is_as_the_rfcs_say(void **state) {
    (void)state;
    char *message = write_mail(&plain);
    assert_string_equal(message, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                                 "From: Porthole\r\n <no-reply@live.example>\r\n"
                                 "To: <ada@example.org>\r\n"
                                 "Subject: Hello\r\n"
                                 "Message-ID: <abc@live.example>\r\n"
                                 "Content-Language: en\r\n"
                                 "Auto-Submitted: auto-generated\r\n"
                                 "MIME-Version: 1.0\r\n"
                                 "List-Unsubscribe:\r\n <https://live.example/u?wish=a.b>\r\n"
                                 "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                                 "Content-Type: multipart/alternative; boundary=\"=_abc\"\r\n"
                                 "\r\n"
                                 "--=_abc\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                                 "Hi\r\n=2E\r\nGr=C3=BC=C3=9Fe =3D gut=20\r\n"
                                 "--=_abc\r\nContent-Type: text/html; charset=utf-8\r\n"
                                 "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                                 "<p>Hi</p>\r\n"
                                 "--=_abc--\r\n");
    free(message);
}

/* The value of a header with its folds. */
static void check_header(const char *message, const char *expected) {
    if (!strstr(message, expected))
        fail_msg("no \"%s\" in:\n%s", expected, message);
}

static void no_value_makes_a_header(void **state) {
    struct ph_mail mail = plain;
    (void)state;
    mail.subject = "Zoë\r\nBcc: eve@example.org";
    mail.from_name = "Evil\r\nBcc: eve@example.org";
    mail.unsubscribe = "https://live.example/\r\nBcc: eve@example.org";
    mail.language = "en\r\nBcc: eve@example.org";
    char *message = write_mail(&mail);
    assert_null(strstr(message, "\nBcc:"));
    assert_null(strstr(message, "List-Unsubscribe"));
    assert_null(strstr(message, "Content-Language"));
    free(message);
}

static void wrong_addresses_are_refused(void **state) {
    static const char *const wrong[] = {"", "a", "@b", "a@", "a@b\r\nBcc: c@d", "a b@c", "a@b@c", "<a@b>",
        "a@b>", "a..b@c", ".a@b", "a@-b", "a@b.", "\"a\"@b", "a@[127.0.0.1]", "ä@b", "a@b c"};
    static const char *const right[] = {"a@b", "a.b+c@d-e.example", "o'neil@example.org"};
    struct ph_mail mail = plain;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ph_builder builder = {0};
        mail.to = wrong[i];
        if (ph_mail_is_address(wrong[i]) || ph_mime_write(&builder, &mail) != -EINVAL)
            fail_msg("taken: %s", wrong[i]);
        ph_builder_discard(&builder);
    }
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        assert_true(ph_mail_is_address(right[i]));
}

static void long_subjects_are_folded_between_characters(void **state) {
    struct ph_mail mail = plain;
    (void)state;
    mail.subject = "🎮🎮🎮🎮🎮🎮🎮🎮🎮🎮🎮🎮 Zoë";
    char *message = write_mail(&mail);
    check_header(message,
        "Subject: =?UTF-8?B?8J+OrvCfjq7wn46u8J+OrvCfjq7wn46u8J+OrvCfjq7wn46u8J+OrvCfjq4=?=\r\n "
        "=?UTF-8?B?8J+OriBab8Or?=\r\n");
    free(message);
}

static void lines_are_short(void **state) {
    struct ph_mail mail = plain;
    char text[2000];
    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = i % 75 == 0 ? '.' : i % 7 ? 'a' : '=';
    text[sizeof(text) - 1] = '\0';
    mail.html = text;
    char *message = write_mail(&mail);
    for (const char *line = message; *line;) {
        size_t size = strcspn(line, "\n");
        assert_true(size <= 77 && line[size - 1] == '\r' && line[0] != '.');
        line += size + 1;
    }
    free(message);
}

static void senders_are_a_name_and_an_address(void **state) {
    char name[32], address[64];
    (void)state;
    assert_true(
        ph_mail_split_sender("Our House <a@b.example>", name, sizeof(name), address, sizeof(address)));
    assert_string_equal(name, "Our House");
    assert_string_equal(address, "a@b.example");
    assert_true(ph_mail_split_sender("a@b.example", name, sizeof(name), address, sizeof(address)));
    assert_string_equal(name, "");
    assert_false(ph_mail_split_sender("a <b", name, sizeof(name), address, sizeof(address)));
    assert_false(ph_mail_split_sender("a <b@c> d", name, sizeof(name), address, sizeof(address)));
    assert_false(ph_mail_split_sender("nobody", name, sizeof(name), address, sizeof(address)));
}

static int write_scenario(void *opaque) {
    struct ph_builder builder = {0};
    (void)opaque;
    int code = ph_mime_write(&builder, &plain);
    ph_builder_discard(&builder);
    return code;
}

static void want_of_memory_is_told(void **state) {
    (void)state;
    ph_test_with_failing_allocations(write_scenario, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_is_as_the_rfcs_say),
        cmocka_unit_test(no_value_makes_a_header),
        cmocka_unit_test(wrong_addresses_are_refused),
        cmocka_unit_test(long_subjects_are_folded_between_characters),
        cmocka_unit_test(lines_are_short),
        cmocka_unit_test(senders_are_a_name_and_an_address),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
