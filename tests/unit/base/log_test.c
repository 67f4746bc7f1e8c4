#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "tests/unit/base/diverted_log.h"

static int divert(void **state) {
    (void)state;
    ph_log_set_level(PH_LOG_INFO);
    ph_log_set_role(NULL);
    return divert_log(O_NONBLOCK);
}

static int restore(void **state) {
    (void)state;
    restore_log();
    return 0;
}

/* The one line logged since the last call, parsed. */
static json_t *take_line(void) {
    char line[8192];
    ssize_t size = read(diverted_log, line, sizeof(line));
    assert_true(size > 1);
    assert_int_equal(line[size - 1], '\n');
    assert_null(memchr(line, '\n', (size_t)size - 1));
    json_error_t error;
    json_t *object = json_loadb(line, (size_t)size, 0, &error);
    if (!object)
        fail_msg("%s in %.*s", error.text, (int)size, line);
    return object;
}

static void assert_text(json_t *object, const char *key, const char *expected) {
    assert_string_equal(json_string_value(json_object_get(object, key)), expected);
}

static void a_line_is_one_json_object(void **state) {
    (void)state;
    ph_log_set_role("worker");
    ph_log_warning("part late", ph_str("session", "s1"), ph_int("late_ms", -7), ph_real("speed", 0.5),
        ph_bool("dropped", true), ph_code(-ENOENT), ph_str("nobody", NULL));
    json_t *line = take_line();
    assert_text(line, "level", "warning");
    assert_text(line, "msg", "part late");
    assert_text(line, "role", "worker");
    assert_text(line, "session", "s1");
    assert_text(line, "error", "No such file or directory");
    assert_int_equal(json_integer_value(json_object_get(line, "late_ms")), -7);
    assert_true(json_real_value(json_object_get(line, "speed")) == 0.5);
    assert_true(json_is_true(json_object_get(line, "dropped")));
    assert_true(json_is_null(json_object_get(line, "nobody")));
    const char *ts = json_string_value(json_object_get(line, "ts"));
    assert_int_equal(strlen(ts), strlen("2026-01-01T00:00:00.000Z"));
    json_decref(line);
}

static void hostile_text_stays_inside_its_string(void **state) {
    (void)state;
    ph_log_info("refused", ph_str("key", "\"}\n{\"level\":\"x\\\t\x01"), ph_str("name", "Zoë 🎮"));
    json_t *line = take_line();
    assert_text(line, "key", "\"}\n{\"level\":\"x\\\t\x01");
    assert_text(line, "name", "Zoë 🎮");
    json_decref(line);
}

static void bytes_that_are_no_utf8_leave_the_line_valid(void **state) {
    (void)state;
    ph_log_info("refused", ph_str("key", "a\xff\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80z"));
    json_t *line = take_line();
    const char *key = json_string_value(json_object_get(line, "key"));
    assert_int_equal(key[0], 'a');
    assert_int_equal(key[strlen(key) - 1], 'z');
    json_decref(line);
}

static void too_long_a_line_is_cut_and_stays_valid(void **state) {
    (void)state;
    char text[6000];
    for (size_t shift = 0; shift < 8; shift++) { /* so that the cut falls inside characters and escapes */
        memset(text, '-', shift);
        for (size_t i = shift; i + 5 < sizeof(text); i += 5)
            memcpy(text + i, "\xf0\x9f\x8e\xae\x02", 5);
        text[5990] = '\0';
        ph_log_info("long", ph_str("first", "kept"), ph_str("text", text), ph_str("last", "no room"));
        json_t *line = take_line();
        assert_text(line, "first", "kept");
        json_decref(line);
        ph_log_info(text, ph_int("n", 1));
        json_decref(take_line());
    }
}

static void numbers_that_json_lacks_are_written_as_zero(void **state) {
    (void)state;
    ph_log_info("speed", ph_real("speed", NAN));
    json_decref(take_line());
}

static void lines_above_the_level_are_not_written(void **state) {
    (void)state;
    char nothing[16];
    enum ph_log_level level;
    ph_log_debug("hidden");
    assert_int_equal(read(diverted_log, nothing, sizeof(nothing)), -1);
    assert_int_equal(ph_log_level_parse("debug", &level), 0);
    ph_log_set_level(level);
    ph_log_debug("shown");
    json_decref(take_line());
    assert_int_equal(ph_log_level_parse("loud", &level), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_one_json_object, divert, restore),
        cmocka_unit_test_setup_teardown(hostile_text_stays_inside_its_string, divert, restore),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_utf8_leave_the_line_valid, divert, restore),
        cmocka_unit_test_setup_teardown(too_long_a_line_is_cut_and_stays_valid, divert, restore),
        cmocka_unit_test_setup_teardown(numbers_that_json_lacks_are_written_as_zero, divert, restore),
        cmocka_unit_test_setup_teardown(lines_above_the_level_are_not_written, divert, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
