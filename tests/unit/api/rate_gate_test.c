/* Rate limits over real HTTP on loopback; addresses come from a trusted proxy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "core/base/clock.h"
#include "tests/unit/api/stage.h"

static int open_gate(void **state) {
    setenv("PORTHOLE_RATE_LIMITS", "calls=8/1000,anonymous=5/1000,failures=3/1000,starts=2/1000", 1);
    setenv("PORTHOLE_TRUSTED_PROXIES", "127.0.0.1", 1);
    return stage_open(state);
}

static void from(const char *header, const char *path) {
    stage_call_with("GET", path, header, NULL, 0);
}

static void strangers_are_counted_by_address(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        from("X-Forwarded-For: 203.0.113.9", "/api/sessions/active?limit=5");
        assert_int_equal(stage.status, 200);
    }
    from("X-Forwarded-For: 203.0.113.9", "/api/sessions/active?limit=5");
    assert_int_equal(stage.status, 429);
    assert_string_equal(stage_text("title"), "Too Many Requests");
    assert_true(stage.retry_after_us > 150 * PH_SECOND_US && stage.retry_after_us <= 200 * PH_SECOND_US);
    from("X-Forwarded-For: 203.0.113.10", "/api/sessions/active?limit=5");
    assert_int_equal(stage.status, 200);
    for (int i = 0; i < 20; i++) {
        from(NULL, "/api/sessions/active?limit=5");
        assert_int_equal(stage.status, 200); /* this machine itself */
    }
}

static void the_public_list_may_be_polled(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        from("X-Forwarded-For: 203.0.113.9", "/api/sessions/active");
        assert_int_equal(stage.status, 200);
        assert_non_null(stage_member("sessions"));
    }
}

static void subjects_are_counted_wherever_they_are(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        stage_call("POST", "/api/sessions/start", stage_alice(), "{}");
        assert_int_equal(stage.status, 201);
    }
    stage_call("POST", "/api/sessions/start", stage_alice(), "{}");
    assert_int_equal(stage.status, 429);
    for (int i = 0; i < 5; i++) {
        stage_call("GET", "/api/sessions/active", stage_alice(), NULL);
        assert_int_equal(stage.status, 200);
    }
    stage_call("GET", "/api/sessions/active", stage_alice(), NULL);
    assert_int_equal(stage.status, 429);
    stage_call("GET", "/api/sessions/active", stage_token("streamer", "bob", NULL), NULL);
    assert_int_equal(stage.status, 200);
}

static void guessing_tokens_is_over_soon(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        stage_call_from("203.0.113.9", "Authorization: Bearer a.b.c", "/api/sessions/active");
        assert_int_equal(stage.status, 401);
    }
    stage_call_from("203.0.113.9", "Authorization: Bearer a.b.c", "/api/sessions/active");
    assert_int_equal(stage.status, 429);
    stage_call_from("203.0.113.10", "Authorization: Bearer a.b.c", "/api/sessions/active");
    assert_int_equal(stage.status, 401);
}

#define WITH_GATE(test) cmocka_unit_test_setup_teardown(test, open_gate, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_GATE(strangers_are_counted_by_address),
        WITH_GATE(the_public_list_may_be_polled),
        WITH_GATE(subjects_are_counted_wherever_they_are),
        WITH_GATE(guessing_tokens_is_over_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
