#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/session_request.h"
#include "tests/unit/support/allocation_failure.h"

static int parse(const char *text, struct ph_session_wish *wish, struct ph_body_fault *fault) {
    return ph_session_request_parse((struct ph_slice){(const uint8_t *)text, strlen(text)}, wish, fault);
}

static void assert_refused(const char *text, const char *field) {
    struct ph_session_wish wish;
    struct ph_body_fault fault;
    if (parse(text, &wish, &fault) != -EINVAL)
        fail_msg("%.80s is taken", text);
    if (strcmp(fault.field, field) != 0)
        fail_msg("%.80s: the field is \"%s\"", text, fault.field);
    assert_true(fault.text[0] != '\0');
}

static void nothing_asks_for_the_defaults(void **state) {
    static const char *const bodies[] = {"", "{}", " {\n} "};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct ph_session_wish wish;
        struct ph_body_fault fault;
        assert_int_equal(parse(bodies[i], &wish, &fault), 0);
        assert_string_equal(wish.title, "");
        assert_int_equal(wish.visibility, PH_VISIBILITY_PRIVATE);
        assert_true(wish.record);
        assert_false(wish.encryption);
    }
}

static void every_field_is_taken(void **state) {
    struct ph_session_wish wish;
    struct ph_body_fault fault;
    (void)state;
    assert_int_equal(
        parse("{\"title\":\"M\xc3\xbcller \\ud83d\\ude00\",\"visibility\":\"unlisted\",\"record\":false,"
              "\"encryption\":true,\"metadata\":{\"platform\":\"quest\",\"version\":\"1.2\",\"device\":"
              "\"Q3\"}}",
            &wish, &fault),
        0);
    assert_string_equal(wish.title, "M\xc3\xbcller \xf0\x9f\x98\x80");
    assert_int_equal(wish.visibility, PH_VISIBILITY_UNLISTED);
    assert_false(wish.record);
    assert_true(wish.encryption);
    assert_string_equal(wish.platform, "quest");
    assert_string_equal(wish.version, "1.2");
    assert_string_equal(wish.device, "Q3");
}

static void wrong_fields_are_named(void **state) {
    (void)state;
    assert_refused("{\"titel\":\"x\"}", "/titel");
    assert_refused("{\"Title\":\"x\"}", "/Title");
    assert_refused("{\"title\":7}", "/title");
    assert_refused("{\"title\":null}", "/title");
    assert_refused("{\"title\":\"a\\nb\"}", "/title");
    assert_refused("{\"title\":\"\\u007f\"}", "/title");
    assert_refused("{\"visibility\":\"everybody\"}", "/visibility");
    assert_refused("{\"visibility\":true}", "/visibility");
    assert_refused("{\"record\":\"yes\"}", "/record");
    assert_refused("{\"record\":1}", "/record");
    assert_refused("{\"encryption\":null}", "/encryption");
    assert_refused("{\"metadata\":[]}", "/metadata");
    assert_refused("{\"metadata\":{\"platform\":7}}", "/metadata/platform");
    assert_refused("{\"metadata\":{\"colour\":\"red\"}}", "/metadata/colour");
    assert_refused("{\"metadata\":{\"device\":{\"device\":\"x\"}}}", "/metadata/device");
    assert_refused("{\"\xc3\xbc\":1}", "/");
}

static void bodies_that_are_no_object(void **state) {
    static const char *const bodies[] = {"[]", "null", "7", "\"x\"", "{", "{\"title\":\"x\"",
        "{\"title\":\"x\"}}", "{'title':'x'}", "{\"title\":\"x\",}", "{\"title\":\"a\",\"title\":\"b\"}",
        "{\"title\":\"\xff\"}", "{\"title\":\"\xc0\x80\"}", "{\"title\":\"\xed\xa0\x80\"}",
        "{\"title\":\"\\ud800\"}", "{\"title\":\"a\\u0000b\"}", "\xef\xbb\xbf{}", "{\"record\":1e999}"};
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_refused(bodies[i], "");
}

static void lengths_are_counted_in_characters(void **state) {
    struct ph_session_wish wish;
    struct ph_body_fault fault;
    char text[1024] = "{\"title\":\"";
    (void)state;
    for (int i = 0; i < PH_MOST_TITLE_CHARACTERS; i++)
        strcat(text, "\xf0\x9f\x98\x80");
    size_t size = strlen(text);
    strcpy(text + size, "\"}");
    assert_int_equal(parse(text, &wish, &fault), 0);
    assert_int_equal(strlen(wish.title), 4 * PH_MOST_TITLE_CHARACTERS);
    strcpy(text + size, "x\"}");
    assert_refused(text, "/title");
    snprintf(text, sizeof(text), "{\"metadata\":{\"device\":\"%0*d\"}}", PH_MOST_METADATA_CHARACTERS + 1, 0);
    assert_refused(text, "/metadata/device");
}

static void deep_bodies_end_early(void **state) {
    enum { DEPTH = 5000 };
    static char text[6 * DEPTH + 1];
    (void)state;
    for (int i = 0; i < DEPTH; i++)
        memcpy(text + 5 * i, "{\"a\":", 5);
    assert_refused(text, "");
    memset(text, '[', DEPTH);
    text[DEPTH] = '\0';
    assert_refused(text, "");
    assert_refused("{\"metadata\":{\"device\":[[[[[[]]]]]]}}", "/metadata/device");
}

static int parse_once(void *opaque) {
    struct ph_session_wish wish;
    struct ph_body_fault fault;
    int code = parse(opaque, &wish, &fault);
    return code == -EINVAL && strstr(opaque, "colour") ? 0 : code;
}

static void failing_allocations(void **state) {
    (void)state;
    json_set_alloc_funcs(malloc, free);
    ph_test_with_failing_allocations(
        parse_once, "{\"title\":\"x\",\"record\":true,\"metadata\":{\"device\":\"Q3\",\"version\":\"1\"}}");
    ph_test_with_failing_allocations(parse_once, "{\"metadata\":{\"colour\":\"red\"}}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asks_for_the_defaults),
        cmocka_unit_test(every_field_is_taken),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(bodies_that_are_no_object),
        cmocka_unit_test(lengths_are_counted_in_characters),
        cmocka_unit_test(deep_bodies_end_early),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
