/* Tokens, beats and stream keys over real HTTP on loopback. */
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

static void ask(char *token, const char *body, unsigned status) {
    stage_call("POST", "/api/stream/token", token, body);
    if (stage.status != status)
        fail_msg("%s: %u, not %u", body ? body : "(nothing)", stage.status, status);
}

/* What the token of the last answer gets at the address. */
static unsigned status_with_answer(const char *method, const char *path) {
    stage_call(method, path, strdup(stage_text("token")), NULL);
    return stage.status;
}

static void a_fresh_token_is_like_the_old_one(void **state) {
    (void)state;
    ask(stage_alice(), NULL, 201);
    assert_string_equal(stage_text("role"), "streamer");
    assert_string_equal(stage_text("sub"), "alice");
    assert_true(json_is_null(stage_member("session")));
    assert_int_equal(status_with_answer("POST", "/api/sessions/start"), 201);
}

static void a_token_is_never_renewed_for_more(void **state) {
    char id[PH_SESSION_ID_BYTES], other[PH_SESSION_ID_BYTES], body[128];
    (void)state;
    stage_start(NULL, id);
    stage_start(NULL, other);
    ask(stage_token("viewer", "v", NULL), "{\"role\":\"streamer\"}", 403);
    ask(stage_token("viewer", "v", NULL), "{\"sub\":\"alice\"}", 403);
    snprintf(body, sizeof(body), "{\"session\":\"%s\"}", other);
    ask(stage_token("viewer", "v", id), body, 403);
    ask(stage_token("operator", "o", NULL), NULL, 403);
    ask(stage_token("admin", "a", NULL), NULL, 403);
    ask(NULL, NULL, 401);
    ask(stage_token("viewer", "v", NULL), "{\"ttl\":3601}", 400);
    ask(stage_token("viewer", "v", NULL), "{\"role\":\"admin\"}", 400);
    ask(stage_token("viewer", "v", NULL), "{\"session\":\"x\"}", 400);
    assert_string_equal(stage_text("field"), "/session");
}

static void a_narrowed_token_opens_nothing(void **state) {
    char id[PH_SESSION_ID_BYTES], body[128];
    (void)state;
    stage_start("{\"visibility\":\"private\"}", id);
    snprintf(body, sizeof(body), "{\"session\":\"%s\"}", id);
    ask(stage_token("viewer", "stranger", NULL), body, 201);
    assert_int_equal(status_with_answer("GET", stage_path("/api/sessions/", id)), 404);
    ask(stage_token("viewer", "friend", id), NULL, 201); /* made for the session: it stays so */
    assert_int_equal(status_with_answer("GET", stage_path("/api/sessions/", id)), 200);
    ask(stage_alice(), body, 201);
    assert_int_equal(status_with_answer("POST", "/api/sessions/start"), 403);
    ask(stage_alice(), body, 201);
    assert_int_equal(status_with_answer("POST", stage_path("/api/sessions/end/", id)), 200);
}

static void an_owner_makes_links_to_its_own_sessions(void **state) {
    char id[PH_SESSION_ID_BYTES], body[128];
    (void)state;
    stage_start("{\"visibility\":\"private\"}", id);
    snprintf(body, sizeof(body), "{\"role\":\"viewer\",\"session\":\"%s\"}", id);
    ask(stage_alice(), body, 201);
    assert_int_equal(status_with_answer("GET", stage_path("/api/sessions/", id)), 200);
    assert_true(json_is_string(stage_member("playback.token")));
    ask(stage_token("streamer", "bob", NULL), body, 201);
    assert_int_equal(status_with_answer("GET", stage_path("/api/sessions/", id)), 404);
}

static void the_app_makes_tokens_by_its_key(void **state) {
    (void)state;
    ask(strdup(STAGE_API_KEY), "{\"role\":\"streamer\",\"sub\":\"carol\",\"ttl\":86400}", 201);
    assert_int_equal(status_with_answer("POST", "/api/sessions/start"), 201);
    ask(strdup(STAGE_API_KEY), "{\"sub\":\"carol\"}", 400);
    assert_string_equal(stage_text("field"), "/role");
    ask(strdup(STAGE_API_KEY), "{\"role\":\"admin\",\"sub\":\"carol\"}", 400);
    ask(strdup("0123456789abcdef0123456789abcdeX"), "{\"role\":\"viewer\",\"sub\":\"carol\"}", 401);
    stage_call("PUT", "/api/profiles/carol", strdup(STAGE_API_KEY), "{\"displayName\":\"Carol\"}");
    assert_int_equal(stage.status, 200);
    stage_call("GET", "/api/sessions/active", strdup(STAGE_API_KEY), NULL);
    assert_int_equal(stage.status, 200);
    assert_int_equal(json_array_size(stage_member("sessions")), 0);
}

static void a_beat_keeps_a_session(void **state) {
    char id[PH_SESSION_ID_BYTES], body[128];
    (void)state;
    stage_start(NULL, id);
    snprintf(body, sizeof(body), "{\"sessionId\":\"%s\"}", id);
    stage_call("POST", "/api/stream/heartbeat", stage_alice(), body);
    assert_int_equal(stage.status, 200);
    assert_string_equal(stage_text("state"), "created");
    assert_int_equal(json_integer_value(stage_member("heartbeatSeconds")), 60);
    stage_call("POST", "/api/stream/heartbeat", stage_token("streamer", "bob", NULL), body);
    assert_int_equal(stage.status, 404);
    stage_call("POST", "/api/stream/heartbeat", stage_alice(), "{}");
    assert_int_equal(stage.status, 400);
    assert_string_equal(stage_text("field"), "/sessionId");
    stage_call("POST", stage_path("/api/sessions/end/", id), stage_alice(), NULL);
    stage_call("POST", "/api/stream/heartbeat", stage_alice(), body);
    assert_int_equal(stage.status, 409);
}

static void a_key_is_changed_and_revoked(void **state) {
    struct ph_session_admission admission;
    struct ph_session_feed *feed = ph_api_feed(stage.api);
    char id[PH_SESSION_ID_BYTES], path[96], first[64], second[64];
    (void)state;
    stage_start("{\"encryption\":true}", id);
    snprintf(first, sizeof(first), "%s", stage_text("streamKey"));
    snprintf(path, sizeof(path), "/api/sessions/%s/key", id);
    stage_call("POST", path, stage_token("viewer", "v", id), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("POST", path, stage_alice(), NULL);
    assert_int_equal(stage.status, 201);
    snprintf(second, sizeof(second), "%s", stage_text("streamKey"));
    assert_string_not_equal(first, second);
    assert_int_equal(ph_session_feed_admit(feed, first, &admission), -ENOENT);
    assert_int_equal(ph_session_feed_admit(feed, second, &admission), 0);
    assert_string_equal(admission.session, id);
    assert_string_equal(admission.passphrase, stage_text("ingest.srt.passphrase"));
    stage_call("DELETE", path, stage_token("operator", "olga", NULL), NULL);
    assert_int_equal(stage.status, 204);
    assert_int_equal(ph_session_feed_admit(feed, second, &admission), -ENOENT);
    stage_call("POST", stage_path("/api/sessions/end/", id), stage_alice(), NULL);
    stage_call("POST", path, stage_alice(), NULL);
    assert_int_equal(stage.status, 409);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fresh_token_is_like_the_old_one, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(a_token_is_never_renewed_for_more, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(a_narrowed_token_opens_nothing, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(an_owner_makes_links_to_its_own_sessions, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(the_app_makes_tokens_by_its_key, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(a_beat_keeps_a_session, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(a_key_is_changed_and_revoked, stage_open, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
