#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/body.h"
#include "tests/unit/support/allocation_failure.h"

/* A body with a field of every kind. */
struct read {
    char name[16];
    bool is_kept;
    int64_t seconds;
    int colour;
    char inner[16];
    char entries[64];
    char words[64];
};

static void take_word(void *opaque, const char *text) {
    struct read *read = opaque;
    strcat(strcat(read->words, text), ",");
}

static bool is_lower(const char *text) {
    return strspn(text, "abcdefghijklmnopqrstuvwxyz") == strlen(text);
}

static int read_body(const char *text, struct read *read, struct ph_body_fault *fault) {
    static const char *const colours[] = {"red", "green", "blue"};
    static const struct ph_text_rule rule = {.least = 1, .most = 8};
    static const struct ph_text_rule word = {.most = 4, .has_form = is_lower, .form = "in lower case"};
    struct ph_body body;
    *read = (struct read){.seconds = -1, .colour = -1};
    ph_body_open(&body, (struct ph_slice){(const uint8_t *)text, strlen(text)});
    ph_body_text(&body, "name", rule, read->name, sizeof(read->name));
    ph_body_bool(&body, "kept", &read->is_kept);
    ph_body_integer(&body, "seconds", 1, 60, &read->seconds);
    ph_body_choice(&body, "colour", colours, 3, &read->colour);
    if (ph_body_enter(&body, "inner")) {
        ph_body_require(&body, "text");
        ph_body_text(&body, "text", rule, read->inner, sizeof(read->inner));
        ph_body_leave(&body);
    }
    if (ph_body_enter_list(&body, "entries", 2)) {
        while (ph_body_next(&body)) {
            char entry[16] = "-";
            ph_body_text(&body, "a", rule, entry, sizeof(entry));
            strcat(strcat(read->entries, entry), ",");
            ph_body_leave(&body);
        }
        ph_body_leave(&body);
    }
    ph_body_texts(&body, "words", 3, word, take_word, read);
    return ph_body_close(&body, fault);
}

static void assert_fault(const char *text, const char *field, const char *sentence) {
    struct read read;
    struct ph_body_fault fault;
    if (read_body(text, &read, &fault) != -EINVAL)
        fail_msg("%s is taken", text);
    if (strcmp(fault.field, field) != 0 || strcmp(fault.text, sentence) != 0)
        fail_msg("%s: %s %s", text, fault.field, fault.text);
}

static void every_kind_of_field_is_read(void **state) {
    struct read read;
    (void)state;
    assert_int_equal(
        read_body(
            "{\"name\":\"\xc3\xbc\",\"kept\":true,\"seconds\":60,\"colour\":\"blue\",\"inner\":{\"text\":"
            "\"in\"},\"entries\":[{\"a\":\"x\"},{}],\"words\":[\"one\",\"\"]}",
            &read, NULL),
        0);
    assert_string_equal(read.name, "\xc3\xbc");
    assert_true(read.is_kept);
    assert_true(read.seconds == 60);
    assert_int_equal(read.colour, 2);
    assert_string_equal(read.inner, "in");
    assert_string_equal(read.entries, "x,-,");
    assert_string_equal(read.words, "one,,");
}

static void absent_fields_stay_as_they_were(void **state) {
    struct read read;
    (void)state;
    assert_int_equal(read_body("", &read, NULL), 0);
    assert_int_equal(read_body("{\"inner\":{\"text\":\"x\"},\"entries\":[],\"words\":[]}", &read, NULL), 0);
    assert_true(read.seconds == -1);
    assert_int_equal(read.colour, -1);
}

static void faults_are_pointed_at(void **state) {
    (void)state;
    assert_fault("{\"nam\":1}", "/nam", "there is no such field");
    assert_fault("{\"a/b~c\":1}", "/a~1b~0c", "there is no such field");
    assert_fault("{\"name\":\"\"}", "/name", "must not be shorter than 1 characters");
    assert_fault("{\"name\":\"123456789\"}", "/name", "must not be longer than 8 characters");
    assert_fault("{\"name\":null}", "/name", "must be a string");
    assert_fault("{\"name\":\"a\\nb\"}", "/name", "must not hold control characters");
    assert_fault("{\"kept\":1}", "/kept", "must be true or false");
    assert_fault("{\"seconds\":61}", "/seconds", "must be a whole number from 1 to 60");
    assert_fault("{\"seconds\":1.0}", "/seconds", "must be a whole number from 1 to 60");
    assert_fault("{\"colour\":\"pink\"}", "/colour", "must be \"red\", \"green\" or \"blue\"");
    assert_fault("{\"inner\":[]}", "/inner", "must be an object");
    assert_fault("{\"inner\":{}}", "/inner/text", "is required");
    assert_fault("{\"inner\":{\"text\":\"x\",\"more\":0}}", "/inner/more", "there is no such field");
    assert_fault("{\"entries\":{}}", "/entries", "must be an array");
    assert_fault("{\"entries\":[{},{},{}]}", "/entries", "must not have more than 2 entries");
    assert_fault("{\"entries\":[{},7]}", "/entries/1", "must be an object");
    assert_fault("{\"entries\":[{},{\"a\":7}]}", "/entries/1/a", "must be a string");
    assert_fault("{\"entries\":[{\"b\":7}]}", "/entries/0/b", "there is no such field");
    assert_fault("{\"words\":[\"a\",\"B\"]}", "/words/1", "must be in lower case");
    assert_fault("{\"words\":[{}]}", "/words/0", "must be a string");
    assert_fault("[]", "", "the body must be a JSON object");
    assert_fault("{\"name\":\"\xff\"}", "", "the body is no valid JSON: line 1, column 9");
    assert_fault("[[[[[[[[[]]]]]]]]]", "", "the body is nested deeper than 8 levels");
}

static void brackets_in_a_text_are_no_depth(void **state) {
    struct read read;
    (void)state;
    assert_int_equal(read_body("{\"name\":\"[[[[\\\"[[\"}", &read, NULL), 0);
    assert_string_equal(read.name, "[[[[\"[[");
}

static int read_once(void *opaque) {
    struct read read;
    return read_body(opaque, &read, NULL);
}

static void failing_allocations(void **state) {
    (void)state;
    json_set_alloc_funcs(malloc, free);
    ph_test_with_failing_allocations(read_once,
        "{\"name\":\"x\",\"inner\":{\"text\":\"y\"},\"entries\":[{\"a\":\"z\"}],\"words\":[\"a\"]}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_field_is_read),
        cmocka_unit_test(absent_fields_stay_as_they_were),
        cmocka_unit_test(faults_are_pointed_at),
        cmocka_unit_test(brackets_in_a_text_are_no_depth),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
