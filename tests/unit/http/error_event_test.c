#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/base/error.h"
#include "core/http/error_event.h"
#include "tests/unit/support/allocation_failure.h"

static void dsn_is_taken_apart(void **state) {
    struct ph_dsn dsn;
    (void)state;
    assert_true(ph_dsn_parse("https://abc:secret@errors.example.org:8443/base/42", &dsn));
    assert_string_equal(dsn.url, "https://errors.example.org:8443/base/api/42/envelope/");
    assert_string_equal(dsn.key, "abc");
    assert_string_equal(dsn.public_text, "https://abc@errors.example.org:8443/base/42");
    assert_true(ph_dsn_parse("http://k@h/1", &dsn));
    assert_string_equal(dsn.url, "http://h/api/1/envelope/");
    assert_false(ph_dsn_parse("https://errors.example.org/42", &dsn));
    assert_false(ph_dsn_parse("https://@errors.example.org/42", &dsn));
    assert_false(ph_dsn_parse("https://abc@errors.example.org/", &dsn));
    assert_false(ph_dsn_parse("nonsense", &dsn));
}

static void check_scrub(const char *text, const char *expected) {
    char scrubbed[256];
    ph_scrub(text, scrubbed, sizeof(scrubbed));
    assert_string_equal(scrubbed, expected);
}

static void what_looks_like_a_secret_is_hidden(void **state) {
    char small[8];
    (void)state;
    check_scrub("the relay is silent", "the relay is silent");
    check_scrub("mail to ada@example.org failed", "mail to [hidden] failed");
    check_scrub("at 203.0.113.9:443 or [2001:db8::1]:9000", "at [hidden] or [hidden]");
    check_scrub("see https://u:p@host/x", "see [hidden]");
    check_scrub("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "token [hidden]");
    check_scrub("session abcdefghijklmnopqrstuvwxyz", "session [hidden]");
    check_scrub("version 5.1.2 took 12:30", "version 5.1.2 took 12:30");
    check_scrub("", "");
    ph_scrub("0123456 89", small, sizeof(small));
    assert_string_equal(small, "0123456");
}

static int write_event(void *opaque) {
    struct ph_dsn dsn;
    (void)opaque;
    assert_true(ph_dsn_parse("https://abc@errors.example.org/42", &dsn));
    char *envelope = ph_error_event_write(
        &dsn, &(struct ph_error_event){.release = "porthole@1",
                  .message = "it broke",
                  .at_us = INT64_C(1700000000123456),
                  .fields = (const struct ph_log_field[]){ph_str("reason", "no \"way\"\n"), ph_int("pid", 7),
                      ph_str("stream_key", "k"), ph_str("peer", "p"), ph_str("session", "s"), ph_code(-EIO),
                      ph_str("nothing", NULL), {.kind = PH_LOG_END}}});
    if (!envelope)
        return -ENOMEM;
    char *item_line = strchr(envelope, '\n') + 1, *event_line = strchr(item_line, '\n') + 1;
    json_t *item = json_loads(item_line, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *event = json_loads(event_line, JSON_DISABLE_EOF_CHECK, NULL);
    if (item && event) {
        assert_int_equal(json_integer_value(json_object_get(item, "length")), strcspn(event_line, "\n"));
        json_t *extra = json_object_get(event, "extra");
        assert_string_equal(
            json_string_value(json_object_get(event, "timestamp")), "2023-11-14T22:13:20.123Z");
        assert_string_equal(json_string_value(json_object_get(extra, "reason")), "no \"way\"\n");
        assert_int_equal(json_integer_value(json_object_get(extra, "pid")), 7);
        assert_null(json_object_get(extra, "stream_key"));
        assert_null(json_object_get(extra, "peer"));
        assert_null(json_object_get(extra, "session"));
    }
    json_decref(item);
    json_decref(event);
    free(envelope);
    return 0;
}

static void envelope_is_whole_or_not_there(void **state) {
    (void)state;
    ph_test_with_failing_allocations(write_event, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dsn_is_taken_apart),
        cmocka_unit_test(what_looks_like_a_secret_is_hidden),
        cmocka_unit_test(envelope_is_whole_or_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
