/* Viewers over real HTTP on loopback, and their count in the database. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/viewers_store.h"
#include "core/base/clock.h"
#include "tests/unit/api/listener.h"
#include "tests/unit/api/stage.h"
#include "tests/unit/http/raw_peer.h"

enum { CROWD = 500, CALLERS = 8 };

static char session[PH_SESSION_ID_BYTES];

static char *joins_at(const char *id) {
    static char path[128];
    snprintf(path, sizeof(path), "/api/sessions/%s/viewers", id);
    return path;
}

static char *viewer_at(const char *id) {
    static char path[128];
    snprintf(path, sizeof(path), "/api/sessions/%s/viewers/%s", session, id);
    return path;
}

static void join(char id[PH_SESSION_ID_BYTES]) {
    stage_call("POST", joins_at(session), NULL, NULL);
    assert_int_equal(stage.status, 201);
    snprintf(id, PH_SESSION_ID_BYTES, "%s", stage_text("viewerId"));
}

static void await_viewers(json_int_t count) {
    const struct timespec pause = {.tv_nsec = 5000000};
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    do {
        stage_call("GET", stage_path("/api/sessions/", session), stage_alice(), NULL);
        if (json_integer_value(stage_member("viewers")) == count)
            return;
        nanosleep(&pause, NULL);
    } while (ph_now_us() < deadline_us);
    fail_msg(
        "%lld viewers, not %lld", (long long)json_integer_value(stage_member("viewers")), (long long)count);
}

static void a_viewer_joins_beats_and_leaves(void **state) {
    char viewer[PH_SESSION_ID_BYTES], expected[128];
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    join(viewer);
    assert_int_equal(strlen(viewer), PH_SESSION_ID_CHARACTERS);
    snprintf(expected, sizeof(expected), "/live/%s/index.m3u8", session);
    assert_string_equal(stage_text("playback.hls"), expected);
    assert_true(json_is_null(stage_member("playback.token")));
    assert_int_equal(json_integer_value(stage_member("heartbeatSeconds")), PH_VIEWER_BEAT_S);
    await_viewers(1);
    stage_call("PUT", viewer_at(viewer), NULL, NULL);
    assert_int_equal(stage.status, 204);
    stage_call("DELETE", viewer_at(viewer), NULL, NULL);
    assert_int_equal(stage.status, 204);
    stage_call("DELETE", viewer_at(viewer), NULL, NULL);
    assert_int_equal(stage.status, 204);
    stage_call("PUT", viewer_at(viewer), NULL, NULL);
    assert_int_equal(stage.status, 404);
    await_viewers(0);
}

static int64_t seen_ms_of(const char *viewer) {
    struct ph_viewer list[1];
    size_t count;
    assert_int_equal(ph_viewers_list(stage_database(), session, NULL, 1, list, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].id, viewer);
    return list[0].seen_ms;
}

static void a_beat_that_comes_early_is_not_written(void **state) {
    char viewer[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    join(viewer);
    int64_t first_ms = seen_ms_of(viewer);
    assert_int_equal(ph_viewers_beat(stage_database(), session, viewer, NULL, first_ms + 9999), 0);
    assert_int_equal(seen_ms_of(viewer), first_ms);
    assert_int_equal(ph_viewers_beat(stage_database(), session, viewer, NULL, first_ms + 10000), 0);
    assert_int_equal(seen_ms_of(viewer), first_ms + 10000);
}

/* As if what happened to the viewers had happened so long before. */
static void pass(int ms) {
    char sql[96];
    struct ph_db_transaction *transaction;
    snprintf(sql, sizeof(sql), "UPDATE viewers SET seen_ms = seen_ms - %d", ms);
    assert_int_equal(ph_db_begin(stage_database(), PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, sql), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
}

static void a_beat_tells_how_the_watching_goes(void **state) {
    char viewer[PH_SESSION_ID_BYTES];
    static const char *const refused[][2] = {{"{\"cmcd\":{\"msd\":-1}}", "/cmcd/msd"},
        {"{\"cmcd\":{\"br\":\"2400\"}}", "/cmcd/br"}, {"{\"cmcd\":{\"sid\":\"x\"}}", "/cmcd/sid"},
        {"{\"cmcd\":[]}", "/cmcd"}, {"{\"mood\":1}", "/mood"}};
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    join(viewer);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        stage_call("PUT", viewer_at(viewer), NULL, refused[i][0]);
        assert_int_equal(stage.status, 400);
        assert_string_equal(stage_text("field"), refused[i][1]);
    }
    pass(30000);
    stage_call("PUT", viewer_at(viewer), NULL, "{\"cmcd\":{\"msd\":640,\"br\":2400,\"dfa\":3}}");
    assert_int_equal(stage.status, 204);
    stage_call("PUT", viewer_at(viewer), NULL, "{\"cmcd\":{\"msd\":1}}"); /* too early */
    pass(30000);
    stage_call("PUT", viewer_at(viewer), NULL, "{\"cmcd\":{\"br\":1200,\"bsa\":1,\"ltc\":0}}");
    assert_int_equal(stage.status, 204);
    stage_call("PUT", viewer_at("aaaaaaaaaaaaaaaaaaaaaaaaaa"), NULL, "{\"cmcd\":{\"bsa\":50}}");
    assert_int_equal(stage.status, 404);
    stage_call("GET", stage_path("/api/analytics/sessions/", session), stage_alice(), NULL);
    assert_int_equal(json_integer_value(stage_member("quality.viewers")), 1);
    assert_int_equal(json_integer_value(stage_member("quality.startupMs")), 640);
    assert_int_equal(json_integer_value(stage_member("quality.bitrateKbps")), 1200);
    assert_int_equal(json_integer_value(stage_member("quality.rebuffers")), 1);
    assert_int_equal(json_integer_value(stage_member("quality.droppedFrames")), 3);
    assert_true(json_is_integer(stage_member("quality.latencyMs")));
    assert_true(json_is_null(stage_member("quality.throughputKbps")));
}

static void nobody_joins_what_it_may_not_watch(void **state) {
    char viewer[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start(NULL, session);
    stage_call("POST", joins_at(session), NULL, NULL);
    assert_int_equal(stage.status, 404);
    stage_call("POST", joins_at(session), stage_token("viewer", "stranger", NULL), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("POST", stage_path("/api/stream/join/", session),
        stage_token("viewer", "grandmother", session), "{\"device\":\"tv\"}");
    assert_int_equal(stage.status, 201);
    snprintf(viewer, sizeof(viewer), "%s", stage_text("viewerId"));
    assert_true(json_is_string(stage_member("playback.token")));
    stage_call("POST", joins_at(session), stage_alice(), "{\"device\":\"toaster\"}");
    assert_int_equal(stage.status, 400);
    assert_string_equal(stage_text("field"), "/device");
    stage_call("PUT", viewer_at("aaaaaaaaaaaaaaaaaaaaaaaaaa"), stage_alice(), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("PUT", viewer_at("x'%20OR%201=1"), stage_alice(), NULL);
    assert_true(stage.status == 404 || stage.status == 400);
    stage_call("PUT", viewer_at(viewer), NULL, NULL);
    assert_int_equal(stage.status, 204);
}

static void await_next_millisecond(void) {
    int64_t now_ms = ph_utc_now_us() / PH_MILLISECOND_US;
    while (ph_utc_now_us() / PH_MILLISECOND_US == now_ms)
        ;
}

static void the_owner_sees_who_watched_and_with_what(void **state) {
    char viewer[PH_SESSION_ID_BYTES], cursor[128];
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    join(viewer);
    await_next_millisecond(); /* the list is in the order of the times */
    struct answer answer = raw_ask(stage_port(), "POST", joins_at(session),
        "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 "
        "Version/17.6 "
        "Mobile/15E148 Safari/604.1\r\nContent-Length: 0\r\n");
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer_header(&answer, "Cache-Control"), "no-store");
    assert_string_equal(answer_header(&answer, "X-Content-Type-Options"), "nosniff");
    answer_finish(&answer);
    stage_call("GET", joins_at(session), stage_token("viewer", "nosy", NULL), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("GET", strcat(joins_at(session), "?limit=1"), stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    json_t *first = json_array_get(stage_member("viewers"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "device")), "phone");
    assert_string_equal(json_string_value(json_object_get(first, "browser")), "safari");
    assert_true(json_is_null(json_object_get(first, "subject")));
    assert_true(json_is_null(json_object_get(first, "leftAt")));
    snprintf(cursor, sizeof(cursor), "?limit=1&cursor=%s", stage_text("next"));
    stage_call("GET", strcat(joins_at(session), cursor), stage_alice(), NULL);
    assert_int_equal(json_array_size(stage_member("viewers")), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(stage_member("viewers"), 0), "viewerId")), viewer);
    assert_true(json_is_null(stage_member("next")));
    stage_call("POST", stage_path("/api/sessions/end/", session), stage_alice(), NULL);
    await_viewers(0);
    stage_call("GET", joins_at(session), stage_alice(), NULL);
    assert_true(json_is_integer(json_object_get(json_array_get(stage_member("viewers"), 1), "leftAt")));
    stage_call("POST", joins_at(session), NULL, NULL);
    assert_int_equal(stage.status, 409);
}

static void *join_many(void *opaque) {
    size_t *joined = opaque;
    for (int i = 0; i < CROWD / CALLERS; i++) {
        struct ph_viewer viewer = {.joined_ms = ph_utc_now_us() / 1000};
        strcpy(viewer.session, session);
        *joined += ph_viewers_join(stage_database(), &viewer) == 0;
    }
    return NULL;
}

static void many_join_at_once_and_are_counted_in_a_few_events(void **state) {
    static struct listener listener;
    static char skipped[sizeof(listener.heard)];
    pthread_t threads[CALLERS];
    size_t joined[CALLERS] = {0}, all = 0, events = 1;
    char query[64], viewer[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    snprintf(query, sizeof(query), "?session=%s", session);
    listener_open(&listener, query, NULL, NULL);
    int64_t began_us = ph_now_us();
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, join_many, &joined[i]), 0);
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        all += joined[i];
    }
    int64_t lasted_us = ph_now_us() - began_us;
    assert_int_equal(all, CROWD / CALLERS * CALLERS);
    print_message("%d joins in %lld ms\n", CROWD, (long long)(lasted_us / 1000));
    join(viewer);
    snprintf(query, sizeof(query), "\"viewers\":%d}", CROWD / CALLERS * CALLERS + 1);
    listener_await(&listener, query, skipped);
    for (const char *next = skipped; (next = strstr(next, "event: viewers")); next++)
        events++;
    assert_true(events <= 3 + (size_t)(lasted_us / PH_SECOND_US));
    listener_close(&listener);
}

static void take(void *opaque, const char *id) {
    strcpy(opaque, id);
}

static void who_stops_beating_has_left(void **state) {
    char viewer[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    join(viewer);
    await_viewers(1);
    pass(76000);
    char gone[PH_SESSION_ID_BYTES] = "";
    int64_t now_ms = ph_utc_now_us() / 1000;
    assert_int_equal(ph_viewers_expire(stage_database(), now_ms, take, gone), 0);
    assert_string_equal(gone, session);
    assert_int_equal(ph_viewers_count(stage_database(), session, now_ms), 0);
    await_viewers(0);
    stage_call("PUT", viewer_at(viewer), NULL, NULL);
    assert_int_equal(stage.status, 404);
}

static void a_clock_that_is_set_back_keeps_nobody(void **state) {
    char viewer[PH_SESSION_ID_BYTES], gone[PH_SESSION_ID_BYTES] = "";
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    join(viewer);
    await_viewers(1);
    int64_t earlier_ms = ph_utc_now_us() / 1000 - 3600000;
    assert_int_equal(ph_viewers_expire(stage_database(), earlier_ms, take, gone), 0);
    assert_string_equal(gone, session);
    assert_int_equal(ph_viewers_count(stage_database(), session, earlier_ms), 0);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_viewer_joins_beats_and_leaves),
        ON_STAGE(a_beat_that_comes_early_is_not_written),
        ON_STAGE(a_beat_tells_how_the_watching_goes),
        ON_STAGE(nobody_joins_what_it_may_not_watch),
        ON_STAGE(the_owner_sees_who_watched_and_with_what),
        ON_STAGE(many_join_at_once_and_are_counted_in_a_few_events),
        ON_STAGE(who_stops_beating_has_left),
        ON_STAGE(a_clock_that_is_set_back_keeps_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
