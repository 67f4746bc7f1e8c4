/* The audit log over real HTTP on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/api/stage.h"

static const json_t *entry(size_t index) {
    return json_array_get(stage_member("entries"), index);
}

static void expect(
    size_t index, const char *actor, const char *role, const char *action, const char *target) {
    const char *const keys[] = {"actor", "role", "action", "target"};
    const char *const values[] = {actor, role, action, target};
    for (int i = 0; i < 4; i++)
        assert_string_equal(json_string_value(json_object_get(entry(index), keys[i])), values[i]);
    assert_true(json_integer_value(json_object_get(entry(index), "at")) > 1600000000000);
}

static void read_log(const char *query) {
    char path[256];
    snprintf(path, sizeof(path), "/api/audit%s", query);
    stage_call("GET", path, stage_token("admin", "ada", NULL), NULL);
    assert_int_equal(stage.status, 200);
}

static void what_was_done_is_kept_and_what_was_refused_is_not(void **state) {
    char id[PH_SESSION_ID_BYTES], path[128];
    (void)state;
    stage_start("{\"title\":\"A secret title\"}", id);
    stage_call("POST", stage_path("/api/sessions/end/", id), stage_token("streamer", "bob", NULL), NULL);
    assert_true(stage.status >= 400);
    stage_call("POST", stage_path("/api/sessions/end/", id), stage_token("operator", "olga", NULL), NULL);
    assert_int_equal(stage.status, 200);
    stage_call("GET", stage_path("/api/sessions/", id), stage_alice(), NULL);
    stage_call("PUT", "/api/profiles/alice", stage_token("admin", "ada", NULL), "{\"displayName\":\"A\"}");
    assert_int_equal(stage.status, 200);
    read_log("");
    assert_int_equal(json_array_size(stage_member("entries")), 3);
    expect(0, "ada", "admin", "profiles.put", "alice");
    expect(1, "olga", "operator", "sessions.end", id);
    expect(2, "alice", "streamer", "sessions.start", id);
    assert_true(json_is_null(stage_member("next")));
    read_log("?actor=olga");
    assert_int_equal(json_array_size(stage_member("entries")), 1);
    snprintf(path, sizeof(path), "?target=%s&action=sessions.start", id);
    read_log(path);
    assert_int_equal(json_array_size(stage_member("entries")), 1);
    expect(0, "alice", "streamer", "sessions.start", id);
}

static void changes_of_a_stream_key_are_kept(void **state) {
    char id[PH_SESSION_ID_BYTES], path[128];
    (void)state;
    stage_start(NULL, id);
    snprintf(path, sizeof(path), "/api/sessions/%s/key", id);
    stage_call("POST", path, stage_alice(), NULL);
    assert_int_equal(stage.status, 201);
    stage_call("DELETE", path, stage_token("operator", "olga", NULL), NULL);
    assert_int_equal(stage.status, 204);
    read_log("");
    expect(0, "olga", "operator", "sessions.revoke_key", id);
    expect(1, "alice", "streamer", "sessions.rekey", id);
}

static void pages_follow_each_other(void **state) {
    enum { WRITES = 7, PAGE = 3 };
    char path[160] = "?limit=3";
    size_t seen = 0;
    (void)state;
    for (int i = 0; i < WRITES; i++)
        stage_call("PUT", "/api/profiles/alice", stage_alice(), "{\"displayName\":\"A\"}");
    for (int page = 0; page < 3; page++) {
        read_log(path);
        seen += json_array_size(stage_member("entries"));
        if (page < 2)
            snprintf(path, sizeof(path), "?limit=3&cursor=%s", stage_text("next"));
    }
    assert_int_equal(seen, WRITES);
    assert_true(json_is_null(stage_member("next")));
}

static void it_is_for_admins(void **state) {
    static const char *const roles[] = {"viewer", "streamer", "operator"};
    (void)state;
    stage_call("GET", "/api/audit", NULL, NULL);
    assert_int_equal(stage.status, 401);
    for (int i = 0; i < 3; i++) {
        stage_call("GET", "/api/audit", stage_token(roles[i], "x", NULL), NULL);
        assert_int_equal(stage.status, 403);
    }
    stage_call("GET", "/api/audit?cursor=x", stage_token("admin", "ada", NULL), NULL);
    assert_int_equal(stage.status, 400);
    assert_string_equal(stage_text("field"), "cursor");
    stage_call("GET", "/api/audit?actor=%27%20OR%201=1--", stage_token("admin", "ada", NULL), NULL);
    assert_int_equal(stage.status, 200);
    assert_int_equal(json_array_size(stage_member("entries")), 0);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(what_was_done_is_kept_and_what_was_refused_is_not),
        ON_STAGE(changes_of_a_stream_key_are_kept),
        ON_STAGE(pages_follow_each_other),
        ON_STAGE(it_is_for_admins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
