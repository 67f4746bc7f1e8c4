/* The API over real HTTP on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/api.h"
#include "api/token.h"
#include "core/http/client.h"

#define SECRET "0123456789abcdef0123456789abcdef"

struct node {
    struct ph_api_runtime base;
    char ended[PH_SESSION_ID_BYTES];
    int ends;
};

static char folder[64];
static struct ph_settings settings;
static struct ph_db *db;
static struct ph_metrics *metrics;
static struct ph_http_server *server;
static struct ph_http_client *client;
static struct ph_api *api;
static struct node node;

static unsigned status;
static json_t *answer; /* of the last call; NULL when it was no JSON */

static void end_session(struct ph_api_runtime *runtime, const char *session, const char *reason) {
    struct node *self = (struct node *)runtime;
    assert_non_null(reason);
    snprintf(self->ended, sizeof(self->ended), "%s", session);
    self->ends++;
}

static int open_api(void **state) {
    static const struct ph_api_runtime_impl impl = {.end_session = end_session};
    struct ph_error error = {""};
    (void)state;
    node = (struct node){.base.impl = &impl};
    strcpy(folder, "/tmp/ph-api-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    setenv("PORTHOLE_DATA_DIR", folder, 1);
    setenv("PORTHOLE_JWT_SECRET", SECRET, 1);
    setenv("PORTHOLE_PUBLIC_URL", "https://live.example.org:8443/p", 1);
    int code = ph_settings_load(&settings, "/dev/null", &error);
    if (code == 0)
        code = ph_db_open(&db, settings.database_url, &error);
    if (code == 0)
        code = ph_metrics_create(&metrics);
    if (code == 0)
        code = ph_http_server_create(&server,
            &(struct ph_http_server_options){.listen = "127.0.0.1:0", .threads = 2, .metrics = metrics},
            &error);
    if (code == 0)
        code = ph_api_create(&api,
            &(struct ph_api_options){.settings = &settings,
                .db = db,
                .metrics = metrics,
                .clock = ph_clock_system(),
                .runtime = &node.base,
                .carries_sessions = true},
            &error);
    if (code == 0)
        code = ph_api_add_routes(api, server);
    if (code == 0)
        code = ph_http_server_start(server, &error);
    if (code == 0)
        code = ph_http_client_create(&client);
    if (code < 0)
        print_error("%s\n", error.text);
    return code;
}

static int close_api(void **state) {
    char command[128];
    (void)state;
    json_decref(answer);
    answer = NULL;
    ph_http_client_destroy(client);
    ph_http_server_drain(server, ph_now_us() + 5 * PH_SECOND_US);
    ph_api_stop(api);
    ph_http_server_destroy(server);
    ph_api_destroy(api);
    ph_db_close(db);
    ph_metrics_destroy(metrics);
    ph_settings_finish(&settings);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static char *token_of(const char *role, const char *subject, const char *session) {
    char *token = NULL;
    assert_int_equal(ph_token_issue(SECRET, role, subject, session, 600, &token, NULL), 0);
    return token;
}

/* `authorization` is a whole header, or NULL. */
static void call_with(
    const char *method, const char *path, const char *authorization, const void *body, size_t size) {
    char url[512];
    const char *headers[] = {authorization, NULL};
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", ph_http_server_port(server), path);
    struct ph_http_exchange exchange = {
        .method = method, .url = url, .headers = headers, .body = {body, size}};
    assert_int_equal(ph_http_client_perform(client, &exchange), 0);
    status = exchange.status;
    json_decref(answer);
    answer = exchange.answer ? json_loadb((const char *)ph_bytes_data(exchange.answer),
                                   ph_bytes_size(exchange.answer), 0, NULL)
                             : NULL;
    ph_http_exchange_finish(&exchange);
}

/* `token` is taken over; NULL: anonymous. */
static void call_bytes(const char *method, const char *path, char *token, const void *body, size_t size) {
    char authorization[2048];
    if (token)
        snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
    call_with(method, path, token ? authorization : NULL, body, size);
    free(token);
}

static void call(const char *method, const char *path, char *token, const char *body) {
    call_bytes(method, path, token, body, body ? strlen(body) : 0);
}

static char *alice(void) {
    return token_of("streamer", "alice", NULL);
}

/* The member at "a.b.c" of the last answer. */
static json_t *member(const char *path) {
    char name[64];
    json_t *value = answer;
    while (*path) {
        size_t size = strcspn(path, ".");
        snprintf(name, sizeof(name), "%.*s", (int)size, path);
        value = json_object_get(value, name);
        path += size + (path[size] == '.');
    }
    return value;
}

static const char *text(const char *path) {
    const char *value = json_string_value(member(path));
    return value ? value : "(none)";
}

static void start(const char *body, char id[PH_SESSION_ID_BYTES]) {
    call("POST", "/api/sessions/start", alice(), body);
    assert_int_equal(status, 201);
    snprintf(id, PH_SESSION_ID_BYTES, "%s", text("sessionId"));
}

static const char *path_of(const char *prefix, const char *id) {
    static char path[128];
    snprintf(path, sizeof(path), "%s%s", prefix, id);
    return path;
}

static void await_state(const char *id, const char *state) {
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t deadline_us = ph_now_us() + 5 * PH_SECOND_US;
    do {
        call("GET", path_of("/api/sessions/", id), token_of("operator", "o", NULL), NULL);
        assert_int_equal(status, 200);
        if (strcmp(text("state"), state) == 0)
            return;
        nanosleep(&pause, NULL);
    } while (ph_now_us() < deadline_us);
    fail_msg("the session is %s, not %s", text("state"), state);
}

static void a_started_session_tells_how_to_publish_and_play(void **state) {
    char expected[128];
    (void)state;
    call("POST", "/api/sessions/start", alice(), "{\"title\":\"Maze\",\"visibility\":\"public\"}");
    assert_int_equal(status, 201);
    assert_int_equal(strlen(text("sessionId")), PH_SESSION_ID_CHARACTERS);
    assert_int_equal(strlen(text("streamKey")), PH_STREAM_KEY_CHARACTERS);
    assert_string_equal(text("ingest.srt.url"), "srt://live.example.org:9000");
    assert_string_equal(text("ingest.srt.streamid"), text("streamKey"));
    assert_true(json_is_null(member("ingest.srt.passphrase")));
    assert_string_equal(text("ingest.whip.url"), "https://live.example.org:8443/p/whip");
    snprintf(
        expected, sizeof(expected), "https://live.example.org:8443/p/live/%s/index.m3u8", text("sessionId"));
    assert_string_equal(text("playback.hls"), expected);
    snprintf(expected, sizeof(expected), "https://live.example.org:8443/p/watch/%s", text("sessionId"));
    assert_string_equal(text("playback.page"), expected);
    assert_true(json_is_array(member("iceServers")));
}

static void the_playback_token_shows_this_private_session_and_no_other(void **state) {
    char id[PH_SESSION_ID_BYTES], other[PH_SESSION_ID_BYTES];
    (void)state;
    start(NULL, other);
    start("", id);
    char *token = strdup(text("playback.token"));
    call("GET", path_of("/api/sessions/", id), strdup(token), NULL);
    assert_int_equal(status, 200);
    assert_string_equal(text("visibility"), "private");
    call("GET", path_of("/api/sessions/", other), strdup(token), NULL);
    assert_int_equal(status, 404);
    call("POST", path_of("/api/sessions/end/", id), strdup(token), NULL);
    assert_int_equal(status, 403);
    call("POST", "/api/sessions/start", token, NULL);
    assert_int_equal(status, 403);
}

static void encryption_brings_a_passphrase(void **state) {
    struct ph_session_admission admission;
    (void)state;
    call("POST", "/api/sessions/start", alice(), "{\"encryption\":true}");
    assert_int_equal(status, 201);
    assert_int_equal(strlen(text("ingest.srt.passphrase")), PH_PASSPHRASE_CHARACTERS);
    assert_int_equal(ph_session_feed_admit(ph_api_feed(api), text("streamKey"), &admission), 0);
    assert_string_equal(admission.passphrase, text("ingest.srt.passphrase"));
}

static void a_session_goes_from_created_to_ended(void **state) {
    struct ph_session_feed *feed = ph_api_feed(api);
    struct ph_link_stats stats = {
        .speed = 1.25, .source_fps = 30, .delay_ms = 40, .bitrate_in = 6e6, .source_width = 1920};
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    start("{\"title\":\"Maze\",\"visibility\":\"public\"}", id);
    call("GET", path_of("/api/sessions/", id), NULL, NULL);
    assert_string_equal(text("state"), "created");
    assert_true(json_is_null(member("startedAt")) && json_is_null(member("health")) &&
                json_is_null(member("reason")));
    call("GET", "/api/sessions/active", NULL, NULL);
    assert_int_equal(json_array_size(member("sessions")), 0);

    ph_session_feed_connected(feed, id, "srt");
    ph_session_feed_live(feed, id);
    ph_session_feed_stats(feed, id, &stats);
    await_state(id, "live");
    assert_true(json_is_integer(member("startedAt")));
    assert_string_equal(text("title"), "Maze");
    assert_string_equal(text("health.protocol"), "srt");
    assert_true(json_real_value(member("health.speed")) == 1.25);
    assert_int_equal(json_integer_value(member("health.width")), 1920);
    assert_int_equal(json_array_size(member("ladder")), 2);
    assert_int_equal(json_integer_value(member("viewers")), 0);
    assert_non_null(strstr(text("playback.hls"), path_of("/live/", id)));
    call("GET", "/api/stream/active", NULL, NULL);
    assert_int_equal(status, 200);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(member("sessions"), 0), "sessionId")), id);
    assert_true(json_is_null(member("next")));

    call("POST", path_of("/api/sessions/end/", id), alice(), NULL);
    assert_int_equal(status, 200);
    assert_string_equal(text("state"), "ended");
    assert_string_equal(text("reason"), "ended by its owner");
    assert_string_equal(node.ended, id);
    call("GET", "/api/sessions/active", NULL, NULL);
    assert_int_equal(json_array_size(member("sessions")), 0);
}

static void ending_is_idempotent_by_either_call(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    start(NULL, id);
    call("DELETE", path_of("/api/stream/session/", id), token_of("operator", "olga", NULL), NULL);
    assert_int_equal(status, 200);
    assert_string_equal(text("reason"), "ended by an operator");
    int64_t ended_ms = json_integer_value(member("endedAt"));
    call("POST", path_of("/api/sessions/end/", id), alice(), NULL);
    assert_int_equal(status, 200);
    call("DELETE", path_of("/api/stream/session/", id), alice(), NULL);
    assert_int_equal(status, 200);
    assert_true(json_integer_value(member("endedAt")) == ended_ms);
    assert_int_equal(node.ends, 1);
}

static void a_double_start_makes_two_sessions(void **state) {
    char first[PH_SESSION_ID_BYTES], second[PH_SESSION_ID_BYTES];
    (void)state;
    start(NULL, first);
    char *key = strdup(text("streamKey"));
    start(NULL, second);
    assert_string_not_equal(first, second);
    assert_string_not_equal(key, text("streamKey"));
    free(key);
    for (int i = 2; i < PH_MOST_OPEN_SESSIONS; i++)
        start(NULL, second);
    assert_int_equal(node.ends, 0);
    start(NULL, second);
    assert_int_equal(node.ends, 1);
    assert_string_equal(node.ended, first);
}

static void who_may_start(void **state) {
    (void)state;
    call("POST", "/api/sessions/start", NULL, NULL);
    assert_int_equal(status, 401);
    call("POST", "/api/sessions/start", strdup("a.b.c"), NULL);
    assert_int_equal(status, 401);
    call("POST", "/api/sessions/start", token_of("viewer", "v", NULL), NULL);
    assert_int_equal(status, 403);
    call("POST", "/api/sessions/start", token_of("operator", "o", NULL), NULL);
    assert_int_equal(status, 403);
    call("POST", "/api/sessions/start", token_of("streamer", "s", "aaaaaaaaaaaaaaaaaaaaaaaaaa"), NULL);
    assert_int_equal(status, 403);
}

static void a_bad_token_is_refused_even_where_none_is_needed(void **state) {
    (void)state;
    call("GET", "/api/sessions/active", strdup("nonsense"), NULL);
    assert_int_equal(status, 401);
    assert_string_equal(text("title"), "Unauthorized");
    assert_null(strstr(text("detail"), "nonsense"));
}

static void credentials_that_are_no_bearer_token_are_refused(void **state) {
    static const char *const headers[] = {"Authorization: Basic YTpi", "Authorization: Bearer",
        "Authorization: x", "Authorization: Bearer a b"};
    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        call_with("GET", "/api/sessions/active", headers[i], NULL, 0);
        assert_int_equal(status, 401);
    }
}

static void strangers_do_not_learn_of_private_sessions(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    start(NULL, id);
    call("GET", path_of("/api/sessions/", id), NULL, NULL);
    assert_int_equal(status, 404);
    call("GET", path_of("/api/sessions/", id), token_of("streamer", "bob", NULL), NULL);
    assert_int_equal(status, 404);
    call("POST", path_of("/api/sessions/end/", id), token_of("streamer", "bob", NULL), NULL);
    assert_int_equal(status, 404);
    call("GET", path_of("/api/sessions/", id), token_of("viewer", "bob", id), NULL);
    assert_int_equal(status, 200);
    start("{\"visibility\":\"unlisted\"}", id);
    call("GET", path_of("/api/sessions/", id), NULL, NULL);
    assert_int_equal(status, 200);
    call("POST", path_of("/api/sessions/end/", id), NULL, NULL);
    assert_int_equal(status, 401);
    call("POST", path_of("/api/sessions/end/", id), token_of("streamer", "bob", NULL), NULL);
    assert_int_equal(status, 403);
}

static void ids_that_are_none(void **state) {
    static const char *const ids[] = {"x", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "%00",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaa", "%27%20OR%201=1--"};
    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        call("GET", path_of("/api/sessions/", ids[i]), token_of("admin", "a", NULL), NULL);
        assert_true(status == 404 || status == 400);
        call("DELETE", path_of("/api/stream/session/", ids[i]), token_of("admin", "a", NULL), NULL);
        assert_true(status == 404 || status == 400);
    }
}

static void wrong_bodies_are_named(void **state) {
    static const struct {
        const char *body, *field;
    } wrong[] = {{"{", "(none)"}, {"[]", "(none)"}, {"{\"titel\":\"x\"}", "titel"},
        {"{\"title\":\"\xff\"}", "(none)"}, {"{\"visibility\":7}", "visibility"},
        {"{\"metadata\":{\"device\":[]}}", "metadata.device"}};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        call("POST", "/api/sessions/start", alice(), wrong[i].body);
        assert_int_equal(status, 400);
        assert_int_equal(json_integer_value(member("status")), 400);
        assert_string_equal(text("type"), "about:blank");
        assert_string_equal(text("field"), wrong[i].field);
    }
    char *big = malloc(PH_MOST_TITLE_CHARACTERS * 200);
    memset(big, ' ', PH_MOST_TITLE_CHARACTERS * 200);
    call_bytes("POST", "/api/sessions/start", alice(), big, (size_t)PH_MOST_TITLE_CHARACTERS * 200);
    assert_int_equal(status, 413);
    free(big);
}

static void pages_by_cursor(void **state) {
    char id[PH_SESSION_ID_BYTES], path[160] = "/api/sessions/active?limit=2";
    size_t total = 0;
    (void)state;
    for (int i = 0; i < 5; i++) {
        start("{\"visibility\":\"public\"}", id);
        ph_session_feed_connected(ph_api_feed(api), id, "srt");
        ph_session_feed_live(ph_api_feed(api), id);
        await_state(id, "live");
    }
    for (int page = 0; page < 3; page++) {
        call("GET", path, NULL, NULL);
        assert_int_equal(status, 200);
        total += json_array_size(member("sessions"));
        snprintf(path, sizeof(path), "/api/sessions/active?limit=2&cursor=%s", text("next"));
    }
    assert_int_equal(total, 5);
    assert_true(json_is_null(member("next")));
    static const char *const wrong[] = {"limit=0", "limit=101", "limit=x", "limit=-1", "cursor=x",
        "cursor=1.x", "cursor=9999999999999999999.aaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        call("GET", path_of("/api/sessions/active?", wrong[i]), NULL, NULL);
        assert_int_equal(status, 400);
        assert_string_equal(text("field"), wrong[i][0] == 'l' ? "limit" : "cursor");
    }
}

static void a_failed_session_says_why(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    start(NULL, id);
    ph_session_feed_connected(ph_api_feed(api), id, "srt");
    ph_session_feed_failed(ph_api_feed(api), id, "the source has no video");
    await_state(id, "failed");
    assert_string_equal(text("reason"), "the source has no video");
}

static void the_description_is_served_and_the_database_is_well(void **state) {
    (void)state;
    call("GET", "/api/openapi.yaml", NULL, NULL);
    assert_int_equal(status, 200);
    assert_int_equal(ph_api_health(api, NULL), 0);
}

#define ON_API(test) cmocka_unit_test_setup_teardown(test, open_api, close_api)

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
