/* The recordings resource over real HTTP on loopback, and the keeper on a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/recordings/recording_removal.h"
#include "api/recordings/recording_states.h"
#include "api/recordings/recordings_keeper.h"
#include "tests/unit/api/stage.h"

static char id[PH_SESSION_ID_BYTES];
static const struct ph_recording_outcome outcome = {
    .duration_ms = 3600000, .bytes = 9, .total_bytes = 18, .width = 1280, .height = 720, .has_poster = true};

static const char *at(const char *rest) {
    static char path[128];
    snprintf(path, sizeof(path), "/api/recordings/%s%s", id, rest);
    return path;
}

static int64_t now_ms(void) {
    return ph_utc_now_us() / PH_MILLISECOND_US;
}

static void add(enum ph_recording_state state, const char *title) {
    struct ph_recording recording = {
        .kind = PH_RECORDING_SESSION, .state = state, .created_ms = INT64_C(1795269959999)};
    ph_random_id(recording.id, PH_SESSION_ID_CHARACTERS);
    memcpy(recording.session, recording.id, sizeof(recording.session));
    strcpy(recording.owner, "alice");
    snprintf(recording.title, sizeof(recording.title), "%s", title);
    memcpy(id, recording.id, sizeof(id));
    assert_int_equal(ph_recordings_insert(stage_db(), &recording), 0);
}

static void add_ready(const char *title) {
    add(PH_RECORDING_PROCESSING, title);
    assert_int_equal(ph_recordings_ready(stage_db(), id, &outcome, now_ms()), 0);
}

static void run(const char *sql) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(stage_db(), PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, sql), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
}

static void put(const char *name) {
    char key[PH_STORE_KEY_BYTES];
    snprintf(key, sizeof(key), "recordings/%s/%s", id, name);
    assert_int_equal(
        ph_store_put(stage.store,
            &(struct ph_store_put){.key = key, .bytes = {(const uint8_t *)"the movie", 9}}, NULL),
        0);
}

static bool is_kept(const char *name) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    snprintf(key, sizeof(key), "recordings/%s/%s", id, name);
    int code = ph_store_head(stage.store, key, &object);
    assert_true(code == 0 || code == -ENOENT);
    return code == 0;
}

static void call(const char *method, const char *path, const char *role, const char *subject) {
    stage_call(method, path, stage_token(role, subject, NULL), NULL);
}

/* Mum is Alice's guardian. */
static void have_a_guardian(void) {
    stage_call("PUT", "/api/profiles/alice", stage_token("admin", "ada", NULL),
        "{\"displayName\":\"Alice\",\"guardians\":[{\"subject\":\"mum\"}]}");
    assert_int_equal(stage.status / 100, 2);
}

static void everybody_gets_what_the_policy_says(void **state) {
    static const struct {
        const char *role, *subject;
        unsigned get, download, clip, restore, delete;
        bool plays;
    } cases[] = {
        {NULL, NULL, 404, 404, 404, 404, 404, false},
        {"viewer", "eve", 404, 404, 404, 404, 404, false},
        {"streamer", "bob", 404, 404, 404, 404, 404, false},
        {"operator", "olga", 200, 403, 403, 403, 403, false},
        {"viewer", "mum", 200, 302, 201, 202, 403, true},
        {"streamer", "mum", 200, 302, 201, 202, 403, true},
        {"streamer", "alice", 200, 302, 201, 202, 204, true},
        {"admin", "ada", 200, 302, 201, 202, 204, true},
    };
    (void)state;
    have_a_guardian();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        add_ready("Castle");
#define TOKEN (cases[i].role ? stage_token(cases[i].role, cases[i].subject, NULL) : NULL)
        stage_call("GET", at(""), TOKEN, NULL);
        assert_int_equal(stage.status, cases[i].get);
        assert_int_equal(json_is_object(stage_member("playback")), cases[i].plays);
        assert_int_equal(json_is_string(stage_member("posterUrl")), cases[i].plays);
        stage_call("GET", at("/download"), TOKEN, NULL);
        assert_int_equal(stage.status, cases[i].download);
        stage_call("POST", at("/clips"), TOKEN, "{\"fromMs\":1000,\"toMs\":5000}");
        assert_int_equal(stage.status, cases[i].clip);
        stage_call("POST", at("/restore"), TOKEN, NULL);
        assert_int_equal(stage.status, cases[i].restore);
        stage_call("DELETE", at(""), TOKEN, NULL);
        assert_int_equal(stage.status, cases[i].delete);
    }
    stage_call("GET", "/api/recordings", NULL, NULL);
    assert_int_equal(stage.status, 401);
}

static void a_narrowed_token_sees_its_own_sessions_recording_alone(void **state) {
    char first[PH_SESSION_ID_BYTES];
    (void)state;
    add_ready("One");
    memcpy(first, id, sizeof(first));
    add_ready("Two");
    stage_call("GET", "/api/recordings", stage_token("streamer", "alice", first), NULL);
    assert_int_equal(stage.status, 200);
    assert_int_equal(json_array_size(stage_member("recordings")), 1);
    stage_call("GET", at(""), stage_token("streamer", "alice", first), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("GET", at(""), stage_token("viewer", "link:x", id), NULL);
    assert_int_equal(stage.status, 404);
}

static void one_is_told_whole(void **state) {
    char expected[128];
    (void)state;
    add_ready("Castle");
    call("GET", at(""), "streamer", "alice");
    assert_string_equal(stage_text("id"), id);
    assert_string_equal(stage_text("sessionId"), id);
    assert_string_equal(stage_text("owner"), "alice");
    assert_string_equal(stage_text("title"), "Castle");
    assert_string_equal(stage_text("kind"), "session");
    assert_string_equal(stage_text("state"), "ready");
    assert_string_equal(stage_text("storage"), "standard");
    assert_true(json_is_null(stage_member("reason")));
    assert_true(json_is_null(stage_member("storyboardUrl")));
    assert_int_equal(json_integer_value(stage_member("durationMs")), 3600000);
    assert_int_equal(json_integer_value(stage_member("bytes")), 9);
    assert_int_equal(json_integer_value(stage_member("width")), 1280);
    assert_int_equal(json_integer_value(stage_member("createdAt")), INT64_C(1795269959999));
    assert_true(json_integer_value(stage_member("readyAt")) > 0);
    snprintf(expected, sizeof(expected), "/vod/%s/index.m3u8", id);
    assert_string_equal(stage_text("playback.hls"), expected);
    snprintf(expected, sizeof(expected), "/vod/%s/poster.jpg?token=", id);
    assert_memory_equal(stage_text("posterUrl"), expected, strlen(expected));
    int64_t expires_ms = json_integer_value(stage_member("playback.expiresAt"));
    assert_true(expires_ms > now_ms() && expires_ms <= now_ms() + 300 * 1000);
    call("GET", "/api/recordings/session/zzz", "streamer", "alice");
    assert_int_equal(stage.status, 404);
    call("GET", "/api/recordings/zzz", "streamer", "alice");
    assert_int_equal(stage.status, 404);
}

static void pages_follow_by_cursor(void **state) {
    char path[128];
    (void)state;
    for (int i = 0; i < 3; i++)
        add_ready("Castle");
    call("GET", "/api/recordings?limit=2", "streamer", "alice");
    assert_int_equal(json_array_size(stage_member("recordings")), 2);
    snprintf(path, sizeof(path), "/api/recordings?limit=2&cursor=%s", stage_text("next"));
    call("GET", path, "streamer", "alice");
    assert_int_equal(json_array_size(stage_member("recordings")), 1);
    assert_true(json_is_null(stage_member("next")));
    call("GET", "/api/recordings?cursor=x", "streamer", "alice");
    assert_int_equal(stage.status, 400);
    call("GET", "/api/recordings?session=x", "streamer", "alice");
    assert_int_equal(stage.status, 400);
    snprintf(path, sizeof(path), "/api/recordings/session/%s", id);
    call("GET", path, "streamer", "alice");
    assert_int_equal(json_array_size(stage_member("recordings")), 1);
}

static void download_as_json(void) {
    char authorization[2048], *token = stage_alice();
    snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
    stage_call_headers(at("/download"), (const char *[]){authorization, "Accept: application/json", NULL});
    free(token);
}

static void a_download_waits_until_it_is_ready(void **state) {
    (void)state;
    add(PH_RECORDING_RECORDING, "Castle");
    call("GET", at("/download"), "streamer", "alice");
    assert_int_equal(stage.status, 409);
    add(PH_RECORDING_PROCESSING, "Castle");
    call("GET", at("/download"), "streamer", "alice");
    assert_int_equal(stage.status, 409);
    assert_true(json_is_null(json_object_get(stage.answer, "restore")) || !stage_member("restore"));
    assert_int_equal(ph_recordings_failed(stage_db(), id, "lost", now_ms()), 0);
    call("GET", at("/download"), "streamer", "alice");
    assert_int_equal(stage.status, 409);
}

static void a_download_has_its_titles_name(void **state) {
    (void)state;
    add_ready("Burg: \"Löwenstein\"/..");
    put("recording.mp4");
    download_as_json();
    assert_int_equal(stage.status, 200);
    assert_string_equal(stage_text("filename"), "Burg Löwenstein 2026-11-21 14-05.mp4");
    assert_non_null(strstr(stage_text("url"), "https://live.example.org:8443/p/archive/recordings/"));
    int64_t expires_ms = json_integer_value(stage_member("expiresAt"));
    assert_true(expires_ms > now_ms() + 590 * 1000 && expires_ms <= now_ms() + 600 * 1000);
}

static void what_lies_in_the_deep_archive_is_restored_first(void **state) {
    (void)state;
    add_ready("Castle");
    run("UPDATE recordings SET storage = 'archived'");
    call("GET", at(""), "streamer", "alice");
    assert_string_equal(stage_text("storage"), "archived");
    assert_true(json_is_null(stage_member("playback")));
    call("GET", at("/download"), "streamer", "alice");
    assert_int_equal(stage.status, 409);
    assert_string_equal(stage_text("restore"), at("/restore"));
    stage_call("POST", at("/clips"), stage_alice(), "{\"fromMs\":0,\"toMs\":1000}");
    assert_int_equal(stage.status, 409);
    assert_string_equal(stage_text("restore"), at("/restore"));
    for (int i = 0; i < 2; i++) {
        call("POST", at("/restore"), "streamer", "alice");
        assert_int_equal(stage.status, 202);
        assert_string_equal(stage_text("storage"), "restoring");
    }
    call("GET", at("/download"), "streamer", "alice");
    assert_int_equal(stage.status, 409);
    add(PH_RECORDING_PROCESSING, "Castle");
    call("POST", at("/restore"), "streamer", "alice");
    assert_int_equal(stage.status, 409);
}

static void clips_stay_within_their_recording(void **state) {
    static const char *const refused[][2] = {
        {"{}", "/fromMs"},
        {"{\"fromMs\":0}", "/toMs"},
        {"{\"fromMs\":-1,\"toMs\":5000}", "/fromMs"},
        {"{\"fromMs\":0,\"toMs\":999}", "/toMs"},
        {"{\"fromMs\":5000,\"toMs\":1000}", "/toMs"},
        {"{\"fromMs\":3599500,\"toMs\":3600001}", "/toMs"},
        {"{\"fromMs\":0.5,\"toMs\":5000}", "/fromMs"},
        {"{\"fromMs\":0,\"toMs\":5000,\"title\":7}", "/title"},
        {"{\"fromMs\":0,\"toMs\":5000,\"mood\":7}", "/mood"},
    };
    (void)state;
    add_ready("Castle");
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        stage_call("POST", at("/clips"), stage_alice(), refused[i][0]);
        assert_int_equal(stage.status, 400);
        assert_string_equal(stage_text("field"), refused[i][1]);
    }
    stage_call("POST", at("/clips"), stage_alice(), "{\"fromMs\":0,\"toMs\":3600000}");
    assert_int_equal(stage.status, 201);
    stage_call("POST", at("/clips"), stage_alice(), "{\"fromMs\":2000,\"toMs\":3000,\"title\":\"Jump\"}");
    assert_int_equal(stage.status, 201);
    assert_string_equal(stage_text("kind"), "clip");
    assert_string_equal(stage_text("state"), "processing");
    assert_string_equal(stage_text("title"), "Jump");
    assert_string_equal(stage_text("owner"), "alice");
    assert_string_equal(stage_text("clipOf.recordingId"), id);
    assert_int_equal(json_integer_value(stage_member("clipOf.fromMs")), 2000);
    assert_int_equal(json_integer_value(stage_member("durationMs")), 1000);
    for (int i = 0; i < 18; i++) {
        stage_call("POST", at("/clips"), stage_alice(), "{\"fromMs\":2000,\"toMs\":3000}");
        assert_int_equal(stage.status, 201);
    }
    stage_call("POST", at("/clips"), stage_alice(), "{\"fromMs\":2000,\"toMs\":3000}");
    assert_int_equal(stage.status, 409);
}

static void a_clip_of_a_live_session_ends_before_now(void **state) {
    char sql[160];
    (void)state;
    add(PH_RECORDING_RECORDING, "Castle");
    snprintf(sql, sizeof(sql), "UPDATE recordings SET created_ms = %lld", (long long)now_ms() - 60000);
    run(sql);
    stage_call("POST", at("/clips"), stage_alice(), "{\"fromMs\":1000,\"toMs\":9000}");
    assert_int_equal(stage.status, 201);
    stage_call("POST", at("/clips"), stage_alice(), "{\"fromMs\":1000,\"toMs\":900000}");
    assert_int_equal(stage.status, 400);
}

static void a_session_tells_of_its_recording(void **state) {
    char session[PH_SESSION_ID_BYTES];
    struct ph_recording recording = {.kind = PH_RECORDING_SESSION, .created_ms = 5};
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    stage_call("GET", stage_path("/api/sessions/", session), stage_alice(), NULL);
    assert_true(json_is_null(stage_member("recording")));
    memcpy(recording.id, session, sizeof(recording.id));
    memcpy(recording.session, session, sizeof(recording.session));
    strcpy(recording.owner, "alice");
    assert_int_equal(ph_recordings_insert(stage_db(), &recording), 0);
    stage_call("GET", stage_path("/api/sessions/", session), stage_alice(), NULL);
    assert_string_equal(stage_text("recording.state"), "recording");
    assert_string_equal(stage_text("recording.id"), session);
    stage_call("GET", stage_path("/api/sessions/", session), NULL, NULL);
    assert_int_equal(stage.status, 200);
    assert_true(json_is_null(stage_member("recording")));
}

/* The recording that the origin of the process was told to forget last; read once the keeper has stopped. */
static char forgotten[PH_SESSION_ID_BYTES];

static void forget_recording(struct ph_api_runtime *runtime, const char *recording) {
    (void)runtime;
    snprintf(forgotten, sizeof(forgotten), "%s", recording);
}

static struct ph_recordings_keeper *begin_keeping(void) {
    static const struct ph_api_runtime_impl impl = {.forget_recording = forget_recording};
    static struct ph_api_runtime runtime = {&impl};
    static struct ph_metrics *metrics;
    struct ph_recordings_keeper *keeper;
    if (!metrics)
        assert_int_equal(ph_metrics_create(&metrics), 0);
    assert_int_equal(
        ph_recordings_keeper_create(&keeper, &(struct ph_recordings_keeper_options){.db = stage_db(),
                                                 .store = stage.store,
                                                 .runtime = &runtime,
                                                 .clock = ph_clock_system(),
                                                 .metrics = metrics,
                                                 .upload_folder = "/nowhere"}),
        0);
    assert_int_equal(ph_recordings_keeper_start(keeper), 0);
    return keeper;
}

static void await_status(unsigned status) {
    const struct timespec pause = {.tv_nsec = 10000000};
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    do {
        call("GET", at(""), "streamer", "alice");
        if (stage.status == status)
            return;
        nanosleep(&pause, NULL);
    } while (ph_now_us() < deadline_us);
    fail_msg("the recording is answered %u, not %u", stage.status, status);
}

static void a_deleted_recording_is_gone_with_all_its_objects(void **state) {
    (void)state;
    add(PH_RECORDING_RECORDING, "Castle");
    call("DELETE", at(""), "streamer", "alice");
    assert_int_equal(stage.status, 409);
    add_ready("Other");
    put("recording.mp4");
    char other[PH_SESSION_ID_BYTES];
    memcpy(other, id, sizeof(other));
    add_ready("Castle");
    put("recording.mp4");
    put("v1080/1.m4s");
    call("DELETE", at(""), "streamer", "alice");
    assert_int_equal(stage.status, 204);
    call("GET", at("/download"), "streamer", "alice");
    assert_int_equal(stage.status, 409);
    assert_true(is_kept("recording.mp4"));
    struct ph_recordings_keeper *keeper = begin_keeping();
    await_status(410);
    ph_recordings_keeper_destroy(keeper);
    assert_false(is_kept("recording.mp4"));
    assert_false(is_kept("v1080/1.m4s"));
    assert_string_equal(forgotten, id);
    call("DELETE", at(""), "streamer", "alice");
    assert_int_equal(stage.status, 204);
    call("GET", at("/download"), "streamer", "alice");
    assert_int_equal(stage.status, 410);
    memcpy(id, other, sizeof(id));
    assert_true(is_kept("recording.mp4"));
}

static void what_was_brought_back_is_noticed(void **state) {
    const struct timespec pause = {.tv_nsec = 10000000};
    (void)state;
    add_ready("Castle");
    put("recording.mp4");
    run("UPDATE recordings SET storage = 'restoring', storage_ms = 1");
    struct ph_recordings_keeper *keeper = begin_keeping();
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    do {
        call("GET", at(""), "streamer", "alice");
        nanosleep(&pause, NULL);
    } while (strcmp(stage_text("storage"), "standard") != 0 && ph_now_us() < deadline_us);
    ph_recordings_keeper_destroy(keeper);
    assert_string_equal(stage_text("storage"), "standard");
    assert_true(json_is_object(stage_member("playback")));
}

#define test(f) cmocka_unit_test_setup_teardown(f, stage_open, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(everybody_gets_what_the_policy_says),
        test(a_narrowed_token_sees_its_own_sessions_recording_alone),
        test(one_is_told_whole),
        test(pages_follow_by_cursor),
        test(a_download_waits_until_it_is_ready),
        test(a_download_has_its_titles_name),
        test(what_lies_in_the_deep_archive_is_restored_first),
        test(clips_stay_within_their_recording),
        test(a_clip_of_a_live_session_ends_before_now),
        test(a_session_tells_of_its_recording),
        test(a_deleted_recording_is_gone_with_all_its_objects),
        test(what_was_brought_back_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
