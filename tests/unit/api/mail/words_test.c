#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "api/mail/letter.h"
#include "api/mail/words.h"
#include "tests/unit/support/allocation_failure.h"

/* The holes of a sentence, as a set: "{a}{b}" in the order of the alphabet of a to z. */
static void holes_of(const char *sentence, char *holes, size_t holes_bytes) {
    static const char *const names[] = {"{duration}", "{h}", "{m}", "{name}"};
    *holes = '\0';
    for (size_t i = 0; i < 4; i++) {
        if (strstr(sentence, names[i]))
            strncat(holes, names[i], holes_bytes - strlen(holes) - 1);
    }
}

static void all_languages_say_the_same(void **state) {
    (void)state;
    json_t *english = NULL;
    assert_int_equal(ph_words_source_count, 5);
    for (size_t i = 0; i < ph_words_source_count; i++) {
        if (strcmp(ph_words_sources[i].language, "en") == 0)
            english = json_loads(ph_words_sources[i].json, 0, NULL);
    }
    assert_non_null(english);
    for (size_t i = 0; i < ph_words_source_count; i++) {
        const char *key;
        json_t *value, *other = json_loads(ph_words_sources[i].json, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(other);
        assert_int_equal(json_object_size(other), json_object_size(english));
        json_object_foreach(english, key, value) {
            const char *sentence = json_string_value(json_object_get(other, key));
            char ours[64], theirs[64];
            if (!sentence || !*sentence)
                fail_msg("%s lacks %s", ph_words_sources[i].language, key);
            holes_of(json_string_value(value), ours, sizeof(ours));
            holes_of(sentence, theirs, sizeof(theirs));
            /* A language may leave a name out where grammar would bend it, and never invent a hole. */
            if (strcmp(ours, theirs) != 0 && !(strcmp(ours, "{name}") == 0 && !*theirs))
                fail_msg("%s: %s has the holes \"%s\"", ph_words_sources[i].language, key, theirs);
        }
        json_decref(other);
    }
    json_decref(english);
}

static void languages_are_found_by_their_tags(void **state) {
    struct ph_words *words;
    (void)state;
    assert_int_equal(ph_words_create(&words), 0);
    assert_string_equal(ph_words_language(words, "de-AT"), "de");
    assert_string_equal(ph_words_language(words, "TR"), "tr");
    assert_string_equal(ph_words_language(words, "pt-BR"), "en");
    assert_string_equal(ph_words_language(words, ""), "en");
    assert_string_equal(ph_words_find(words, "es", "nothing"), "");
    ph_words_destroy(words);
}

static void check_duration(
    const struct ph_words *words, const char *language, int64_t ms, const char *expected) {
    char *text = NULL;
    assert_int_equal(ph_words_duration(words, language, ms, &text), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void durations_are_said_as_people_do(void **state) {
    struct ph_words *words;
    (void)state;
    assert_int_equal(ph_words_create(&words), 0);
    check_duration(words, "en", 29999, "less than a minute");
    check_duration(words, "en", 60000, "1 minute");
    check_duration(words, "de", 42 * 60000, "42 Minuten");
    check_duration(words, "de", 65 * 60000, "1 Std. 5 Min.");
    check_duration(words, "tr", 125 * 60000, "2 sa 5 dk");
    check_duration(words, "fr", 3600000 - 30001, "59 minutes");
    check_duration(words, "fr", 3600000 - 30000, "1 h 0 min");
    ph_words_destroy(words);
}

static int compose(void *opaque) {
    static const char *const events[] = {"session.started", "session.ended", "recording.ready"};
    struct ph_words *words = NULL;
    int code = ph_words_create(&words);
    (void)opaque;
    for (size_t i = 0; code == 0 && i < 3; i++) {
        struct ph_letter_text letter;
        code = ph_letter_compose(words,
            &(struct ph_letter_words){.language = "es",
                .event = events[i],
                .name = "<i>Zoë</i>",
                .title = "\"><script>x</script>",
                .duration_ms = 61000,
                .is_recorded = true,
                .picture = "javascript:alert(1)",
                .action = "https://live.example/watch/a#token=t&u",
                .unsubscribe = "https://live.example/u?wish=a.b"},
            &letter);
        if (code == 0) {
            assert_non_null(strstr(letter.html, "https://live.example/watch/a#token=t&amp;u"));
            assert_null(strstr(letter.html, "<script"));
            assert_null(strstr(letter.html, "<i>"));
            assert_null(strstr(letter.html, "javascript:"));
            assert_null(strstr(letter.html, "{{"));
            assert_non_null(strstr(letter.text, "<i>Zoë</i>"));
            assert_non_null(strstr(letter.text, "https://live.example/watch/a#token=t&u"));
            assert_non_null(strstr(letter.text, "https://live.example/u?wish=a.b"));
            assert_non_null(strstr(letter.subject, "Zoë"));
            ph_letter_text_finish(&letter);
        }
    }
    ph_words_destroy(words);
    return code;
}

static void letters_are_whole_or_not_at_all(void **state) {
    (void)state;
    ph_test_with_failing_allocations(compose, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_languages_say_the_same),
        cmocka_unit_test(languages_are_found_by_their_tags),
        cmocka_unit_test(durations_are_said_as_people_do),
        cmocka_unit_test(letters_are_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
