/* Profiles, and what being a guardian opens, over real HTTP on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/unit/api/stage.h"

static const char with_mum[] =
    "{\"displayName\":\"Alice\",\"avatarUrl\":\"https://app.example.org/a.png\",\"guardians\":[{\"subject\":"
    "\"mum\",\"mail\":\"mum@example.org\",\"language\":\"de\",\"wants\":[\"started\",\"recording\"]},"
    "{\"subject\":\"dad\"}]}";

static void put(char *token, const char *body, unsigned status) {
    stage_call("PUT", "/api/profiles/alice", token, body);
    assert_int_equal(stage.status, status);
}

static void a_profile_is_kept_whole(void **state) {
    (void)state;
    stage_call("GET", "/api/profiles/alice", stage_alice(), NULL);
    assert_int_equal(stage.status, 404);
    put(stage_token("admin", "ada", NULL), with_mum, 200);
    stage_call("GET", "/api/profiles/alice", stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    assert_string_equal(stage_text("subject"), "alice");
    assert_string_equal(stage_text("displayName"), "Alice");
    assert_string_equal(stage_text("avatarUrl"), "https://app.example.org/a.png");
    const json_t *guardians = stage_member("guardians");
    assert_int_equal(json_array_size(guardians), 2);
    const json_t *mum = json_array_get(guardians, 1);
    assert_string_equal(json_string_value(json_object_get(mum, "mail")), "mum@example.org");
    assert_string_equal(json_string_value(json_object_get(mum, "language")), "de");
    assert_int_equal(json_array_size(json_object_get(mum, "wants")), 2);
    put(stage_alice(), "{\"displayName\":\"Al\"}", 200);
    assert_string_equal(stage_text("displayName"), "Al");
    assert_string_equal(stage_text("avatarUrl"), "");
    assert_int_equal(json_array_size(stage_member("guardians")), 0);
}

static void profiles_are_nobody_elses(void **state) {
    (void)state;
    put(NULL, with_mum, 401);
    put(stage_token("viewer", "mum", NULL), with_mum, 403);
    put(stage_token("operator", "olga", NULL), with_mum, 403);
    stage_call("GET", "/api/profiles/alice", stage_token("viewer", "mum", NULL), NULL);
    assert_int_equal(stage.status, 403);
}

static void wrong_fields_are_pointed_at(void **state) {
    static const struct {
        const char *body, *field;
    } wrong[] = {
        {"{}", "/displayName"},
        {"{\"displayName\":\"a\",\"avatarUrl\":\"javascript:alert(1)\"}", "/avatarUrl"},
        {"{\"displayName\":\"a\",\"avatarUrl\":\"https://a\\\"b\"}", "/avatarUrl"},
        {"{\"displayName\":\"a\",\"guardians\":[{}]}", "/guardians/0/subject"},
        {"{\"displayName\":\"a\",\"guardians\":[{\"subject\":\"b\"},{\"subject\":\"b\"}]}",
            "/guardians/1/subject"},
        {"{\"displayName\":\"a\",\"guardians\":[{\"subject\":\"b\",\"mail\":\"b\"}]}", "/guardians/0/mail"},
        {"{\"displayName\":\"a\",\"guardians\":[{\"subject\":\"b\",\"mail\":\"b@c d\"}]}",
            "/guardians/0/mail"},
        {"{\"displayName\":\"a\",\"guardians\":[{\"subject\":\"b\",\"language\":\"xx\"}]}",
            "/guardians/0/language"},
        {"{\"displayName\":\"a\",\"guardians\":[{\"subject\":\"b\",\"wants\":[\"all\"]}]}",
            "/guardians/0/wants/0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        put(stage_alice(), wrong[i].body, 400);
        assert_string_equal(stage_text("field"), wrong[i].field);
    }
}

static void a_guardian_is_let_in_until_removed(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{\"visibility\":\"private\"}", id);
    stage_call("GET", stage_path("/api/sessions/", id), stage_token("viewer", "mum", NULL), NULL);
    assert_int_equal(stage.status, 404);
    put(stage_alice(), with_mum, 200);
    stage_call("GET", stage_path("/api/sessions/", id), stage_token("viewer", "mum", NULL), NULL);
    assert_int_equal(stage.status, 200);
    stage_call("GET", stage_path("/api/sessions/", id), stage_token("viewer", "stranger", NULL), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("POST", stage_path("/api/sessions/end/", id), stage_token("viewer", "mum", NULL), NULL);
    assert_int_equal(stage.status, 403);
    ph_session_feed_connected(ph_api_feed(stage.api), id, 0, "srt");
    ph_session_feed_live(ph_api_feed(stage.api), id);
    stage_await_state(id, "live");
    stage_call("GET", "/api/sessions/active", stage_token("viewer", "dad", NULL), NULL);
    assert_int_equal(json_array_size(stage_member("sessions")), 1);
    stage_call("GET", "/api/sessions/active", stage_token("viewer", "stranger", NULL), NULL);
    assert_int_equal(json_array_size(stage_member("sessions")), 0);
    put(stage_alice(), "{\"displayName\":\"Alice\"}", 200);
    stage_call("GET", stage_path("/api/sessions/", id), stage_token("viewer", "mum", NULL), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("GET", "/api/sessions/active", stage_token("viewer", "dad", NULL), NULL);
    assert_int_equal(json_array_size(stage_member("sessions")), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_profile_is_kept_whole, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(profiles_are_nobody_elses, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(wrong_fields_are_pointed_at, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(a_guardian_is_let_in_until_removed, stage_open, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
