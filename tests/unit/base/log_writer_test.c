#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/log_writer.h"
#include "tests/unit/base/diverted_log.h"

/* The pipe is read when a test likes, and holds 64 KiB. */
static int divert(void **state) {
    (void)state;
    return divert_log(0);
}

static int restore(void **state) {
    (void)state;
    restore_log();
    return 0;
}

enum { lines = 20000 };

/* Each line is whole, in order, and those that are not there are counted by one that is. */
static uint64_t read_lines(void) {
    FILE *stream = fdopen(dup(diverted_log), "r");
    char line[8192];
    uint64_t told = 0;
    json_int_t last = -1;
    while (fgets(line, sizeof(line), stream)) {
        json_error_t error;
        json_t *object = json_loads(line, 0, &error);
        if (!object)
            fail_msg("%s in %s", error.text, line);
        const json_t *number = json_object_get(object, "number");
        if (number)
            assert_true(json_integer_value(number) > last);
        if (number)
            last = json_integer_value(number);
        told += number ? 1 : (uint64_t)json_integer_value(json_object_get(object, "lines"));
        bool is_end = !number && told >= lines;
        json_decref(object);
        if (is_end)
            break;
    }
    fclose(stream);
    return told;
}

static void who_logs_never_waits_for_who_reads(void **state) {
    (void)state;
    char filler[200];
    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    assert_int_equal(ph_log_writer_start(), 0);
    int64_t start_us = ph_now_us();
    for (int i = 0; i < lines; i++)
        ph_log_info("a line", ph_int("number", i), ph_str("filler", filler));
    assert_true(ph_now_us() - start_us < 20 * PH_SECOND_US);
    assert_int_equal(read_lines(), lines);
    ph_log_info("the last line");
    ph_log_writer_stop();
    char line[8192];
    ssize_t size = read(diverted_log, line, sizeof(line));
    assert_true(size > 0 && line[size - 1] == '\n');
    ph_log_info("written by who logs it");
    size = read(diverted_log, line, sizeof(line));
    assert_true(size > 0 && line[size - 1] == '\n');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_logs_never_waits_for_who_reads, divert, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
