/* The API over real HTTP on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include <jansson.h>

#include "tests/unit/api/stage.h"

static void a_started_session_tells_how_to_publish_and_play(void **state) {
    char expected[128];
    (void)state;
    stage_call(
        "POST", "/api/sessions/start", stage_alice(), "{\"title\":\"Maze\",\"visibility\":\"public\"}");
    assert_int_equal(stage.status, 201);
    assert_int_equal(strlen(stage_text("sessionId")), PH_SESSION_ID_CHARACTERS);
    assert_int_equal(strlen(stage_text("streamKey")), PH_STREAM_KEY_CHARACTERS);
    assert_string_equal(stage_text("ingest.srt.url"), "srt://live.example.org:9000");
    assert_string_equal(stage_text("ingest.srt.streamid"), stage_text("streamKey"));
    assert_true(json_is_null(stage_member("ingest.srt.passphrase")));
    assert_string_equal(stage_text("ingest.whip.url"), "https://live.example.org:8443/p/whip");
    snprintf(expected, sizeof(expected), "https://live.example.org:8443/p/live/%s/index.m3u8",
        stage_text("sessionId"));
    assert_string_equal(stage_text("playback.hls"), expected);
    snprintf(expected, sizeof(expected), "https://live.example.org:8443/p/watch/%s", stage_text("sessionId"));
    assert_string_equal(stage_text("playback.page"), expected);
    assert_true(json_is_array(stage_member("iceServers")));
}

static void the_playback_token_shows_this_private_session_and_no_other(void **state) {
    char id[PH_SESSION_ID_BYTES], other[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start(NULL, other);
    stage_start("", id);
    char *token = strdup(stage_text("playback.token"));
    stage_call("GET", stage_path("/api/sessions/", id), strdup(token), NULL);
    assert_int_equal(stage.status, 200);
    assert_string_equal(stage_text("visibility"), "private");
    stage_call("GET", stage_path("/api/sessions/", other), strdup(token), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("POST", stage_path("/api/sessions/end/", id), strdup(token), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("POST", "/api/sessions/start", token, NULL);
    assert_int_equal(stage.status, 403);
}

static void encryption_brings_a_passphrase(void **state) {
    struct ph_session_admission admission;
    (void)state;
    stage_call("POST", "/api/sessions/start", stage_alice(), "{\"encryption\":true}");
    assert_int_equal(stage.status, 201);
    assert_int_equal(strlen(stage_text("ingest.srt.passphrase")), PH_PASSPHRASE_CHARACTERS);
    assert_int_equal(ph_session_feed_admit(ph_api_feed(stage.api), stage_text("streamKey"), &admission), 0);
    assert_string_equal(admission.passphrase, stage_text("ingest.srt.passphrase"));
}

static void a_session_goes_from_created_to_ended(void **state) {
    struct ph_session_feed *feed = ph_api_feed(stage.api);
    struct ph_link_stats stats = {
        .speed = 1.25, .source_fps = 30, .delay_ms = 40, .bitrate_in = 6e6, .source_width = 1920};
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{\"title\":\"Maze\",\"visibility\":\"public\"}", id);
    stage_call("GET", stage_path("/api/sessions/", id), NULL, NULL);
    assert_string_equal(stage_text("state"), "created");
    assert_true(json_is_null(stage_member("startedAt")) && json_is_null(stage_member("health")) &&
                json_is_null(stage_member("reason")));
    stage_call("GET", "/api/sessions/active", NULL, NULL);
    assert_int_equal(json_array_size(stage_member("sessions")), 0);

    ph_session_feed_connected(feed, id, 0, "srt");
    ph_session_feed_live(feed, id);
    ph_session_feed_stats(feed, id, &stats);
    stage_await_state(id, "live");
    assert_true(json_is_integer(stage_member("startedAt")));
    assert_string_equal(stage_text("title"), "Maze");
    assert_string_equal(stage_text("health.protocol"), "srt");
    assert_true(json_real_value(stage_member("health.speed")) == 1.25);
    assert_int_equal(json_integer_value(stage_member("health.width")), 1920);
    assert_int_equal(json_array_size(stage_member("ladder")), 2);
    assert_int_equal(json_integer_value(stage_member("viewers")), 0);
    assert_non_null(strstr(stage_text("playback.hls"), stage_path("/live/", id)));
    stage_call("GET", "/api/stream/active", NULL, NULL);
    assert_int_equal(stage.status, 200);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(stage_member("sessions"), 0), "sessionId")), id);
    assert_true(json_is_null(stage_member("next")));

    stage_call("POST", stage_path("/api/sessions/end/", id), stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    assert_string_equal(stage_text("state"), "ended");
    assert_string_equal(stage_text("reason"), "ended by its owner");
    assert_true(stage_ended_last(id));
    stage_call("GET", "/api/sessions/active", NULL, NULL);
    assert_int_equal(json_array_size(stage_member("sessions")), 0);
}

static void ending_is_idempotent_by_either_call(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start(NULL, id);
    stage_call("DELETE", stage_path("/api/stream/session/", id), stage_token("operator", "olga", NULL), NULL);
    assert_int_equal(stage.status, 200);
    assert_string_equal(stage_text("reason"), "ended by an operator");
    int64_t ended_ms = json_integer_value(stage_member("endedAt"));
    stage_call("POST", stage_path("/api/sessions/end/", id), stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    stage_call("DELETE", stage_path("/api/stream/session/", id), stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    assert_true(json_integer_value(stage_member("endedAt")) == ended_ms);
    assert_int_equal(stage_ends(), 1);
}

static void a_double_start_makes_two_sessions(void **state) {
    char first[PH_SESSION_ID_BYTES], second[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start(NULL, first);
    for (int64_t ms = ph_utc_now_us() / 1000; ph_utc_now_us() / 1000 == ms;) {
    } /* sessions of one millisecond have no order */
    char *key = strdup(stage_text("streamKey"));
    stage_start(NULL, second);
    assert_string_not_equal(first, second);
    assert_string_not_equal(key, stage_text("streamKey"));
    free(key);
    for (int i = 2; i < PH_MOST_OPEN_SESSIONS; i++)
        stage_start(NULL, second);
    assert_int_equal(stage_ends(), 0);
    stage_start(NULL, second);
    assert_int_equal(stage_ends(), 1);
    assert_true(stage_ended_last(first));
}

static void who_may_start(void **state) {
    (void)state;
    stage_call("POST", "/api/sessions/start", NULL, NULL);
    assert_int_equal(stage.status, 401);
    stage_call("POST", "/api/sessions/start", strdup("a.b.c"), NULL);
    assert_int_equal(stage.status, 401);
    stage_call("POST", "/api/sessions/start", stage_token("viewer", "v", NULL), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("POST", "/api/sessions/start", stage_token("operator", "o", NULL), NULL);
    assert_int_equal(stage.status, 403);
    stage_call(
        "POST", "/api/sessions/start", stage_token("streamer", "s", "aaaaaaaaaaaaaaaaaaaaaaaaaa"), NULL);
    assert_int_equal(stage.status, 403);
}

static void a_bad_token_is_refused_even_where_none_is_needed(void **state) {
    (void)state;
    stage_call("GET", "/api/sessions/active", strdup("nonsense"), NULL);
    assert_int_equal(stage.status, 401);
    assert_string_equal(stage_text("title"), "Unauthorized");
    assert_null(strstr(stage_text("detail"), "nonsense"));
}

static void credentials_that_are_no_bearer_token_are_refused(void **state) {
    static const char *const headers[] = {"Authorization: Basic YTpi", "Authorization: Bearer",
        "Authorization: x", "Authorization: Bearer a b"};
    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        stage_call_with("GET", "/api/sessions/active", headers[i], NULL, 0);
        assert_int_equal(stage.status, 401);
    }
}

static void strangers_do_not_learn_of_private_sessions(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start(NULL, id);
    stage_call("GET", stage_path("/api/sessions/", id), NULL, NULL);
    assert_int_equal(stage.status, 404);
    stage_call("GET", stage_path("/api/sessions/", id), stage_token("streamer", "bob", NULL), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("POST", stage_path("/api/sessions/end/", id), stage_token("streamer", "bob", NULL), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("GET", stage_path("/api/sessions/", id), stage_token("viewer", "bob", id), NULL);
    assert_int_equal(stage.status, 200);
    stage_start("{\"visibility\":\"unlisted\"}", id);
    stage_call("GET", stage_path("/api/sessions/", id), NULL, NULL);
    assert_int_equal(stage.status, 200);
    stage_call("POST", stage_path("/api/sessions/end/", id), NULL, NULL);
    assert_int_equal(stage.status, 401);
    stage_call("POST", stage_path("/api/sessions/end/", id), stage_token("streamer", "bob", NULL), NULL);
    assert_int_equal(stage.status, 403);
}

static void ids_that_are_none(void **state) {
    static const char *const ids[] = {"x", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "%00",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaa", "%27%20OR%201=1--"};
    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        stage_call("GET", stage_path("/api/sessions/", ids[i]), stage_token("admin", "a", NULL), NULL);
        assert_true(stage.status == 404 || stage.status == 400);
        stage_call(
            "DELETE", stage_path("/api/stream/session/", ids[i]), stage_token("admin", "a", NULL), NULL);
        assert_true(stage.status == 404 || stage.status == 400);
    }
}

static void wrong_bodies_are_named(void **state) {
    static const struct {
        const char *body, *field;
    } wrong[] = {{"{", "(none)"}, {"[]", "(none)"}, {"{\"titel\":\"x\"}", "/titel"},
        {"{\"title\":\"\xff\"}", "(none)"}, {"{\"visibility\":7}", "/visibility"},
        {"{\"metadata\":{\"device\":[]}}", "/metadata/device"}};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        stage_call("POST", "/api/sessions/start", stage_alice(), wrong[i].body);
        assert_int_equal(stage.status, 400);
        assert_int_equal(json_integer_value(stage_member("status")), 400);
        assert_string_equal(stage_text("type"), "about:blank");
        assert_string_equal(stage_text("field"), wrong[i].field);
    }
    char *big = malloc(PH_MOST_TITLE_CHARACTERS * 200);
    memset(big, ' ', PH_MOST_TITLE_CHARACTERS * 200);
    stage_call_bytes(
        "POST", "/api/sessions/start", stage_alice(), big, (size_t)PH_MOST_TITLE_CHARACTERS * 200);
    assert_int_equal(stage.status, 413);
    free(big);
}

static void pages_by_cursor(void **state) {
    char id[PH_SESSION_ID_BYTES], path[160] = "/api/sessions/active?limit=2";
    size_t total = 0;
    (void)state;
    for (int i = 0; i < 5; i++) {
        stage_start("{\"visibility\":\"public\"}", id);
        ph_session_feed_connected(ph_api_feed(stage.api), id, 0, "srt");
        ph_session_feed_live(ph_api_feed(stage.api), id);
        stage_await_state(id, "live");
    }
    for (int page = 0; page < 3; page++) {
        stage_call("GET", path, NULL, NULL);
        assert_int_equal(stage.status, 200);
        total += json_array_size(stage_member("sessions"));
        snprintf(path, sizeof(path), "/api/sessions/active?limit=2&cursor=%s", stage_text("next"));
    }
    assert_int_equal(total, 5);
    assert_true(json_is_null(stage_member("next")));
    static const char *const wrong[] = {"limit=0", "limit=101", "limit=x", "limit=-1", "cursor=x",
        "cursor=1.x", "cursor=9999999999999999999.aaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        stage_call("GET", stage_path("/api/sessions/active?", wrong[i]), NULL, NULL);
        assert_int_equal(stage.status, 400);
        assert_string_equal(stage_text("field"), wrong[i][0] == 'l' ? "limit" : "cursor");
    }
}

static void a_failed_session_says_why(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start(NULL, id);
    ph_session_feed_connected(ph_api_feed(stage.api), id, 0, "srt");
    ph_session_feed_failed(ph_api_feed(stage.api), id, "the source has no video");
    stage_await_state(id, "failed");
    assert_string_equal(stage_text("reason"), "the source has no video");
}

static void the_description_is_served_and_the_database_is_well(void **state) {
    (void)state;
    stage_call("GET", "/api/openapi.yaml", NULL, NULL);
    assert_int_equal(stage.status, 200);
    assert_int_equal(ph_api_health(stage.api, NULL), 0);
}

#define ON_API(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_API(a_started_session_tells_how_to_publish_and_play),
        ON_API(the_playback_token_shows_this_private_session_and_no_other),
        ON_API(encryption_brings_a_passphrase),
        ON_API(a_session_goes_from_created_to_ended),
        ON_API(ending_is_idempotent_by_either_call),
        ON_API(a_double_start_makes_two_sessions),
        ON_API(who_may_start),
        ON_API(a_bad_token_is_refused_even_where_none_is_needed),
        ON_API(credentials_that_are_no_bearer_token_are_refused),
        ON_API(strangers_do_not_learn_of_private_sessions),
        ON_API(ids_that_are_none),
        ON_API(wrong_bodies_are_named),
        ON_API(pages_by_cursor),
        ON_API(a_failed_session_says_why),
        ON_API(the_description_is_served_and_the_database_is_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
