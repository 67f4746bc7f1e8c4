/* Figures of sessions and viewers over real HTTP on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/api/stage.h"

static void run(const char *sql) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(stage_db(), PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, sql), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
}

/* Who watched from minute `joined` to minute `left` of a session that began at 1,000,000. */
static void watched(const char *session, const char *id, const char *subject, const char *device,
    const char *country, int joined, int left) {
    char sql[512];
    snprintf(sql, sizeof(sql),
        "INSERT INTO viewers (id, session, subject, device, browser, country, joined_ms, seen_ms, left_ms) "
        "VALUES ('%s', '%s', '%s', '%s', 'firefox', '%s', %d, %d, %d)",
        id, session, subject, device, country, 1000000 + joined * 60000, 1000000 + left * 60000,
        1000000 + left * 60000);
    run(sql);
}

static void over(const char *session, int minutes) {
    char sql[256];
    snprintf(sql, sizeof(sql),
        "UPDATE sessions SET state = 'ended', started_ms = 1000000, ended_ms = %d WHERE id = '%s'",
        1000000 + minutes * 60000, session);
    run(sql);
}

static json_int_t number(const char *path) {
    return json_integer_value(stage_member(path));
}

static json_int_t at(const char *list, size_t index, const char *member) {
    return json_integer_value(json_object_get(json_array_get(stage_member(list), index), member));
}

static void a_session_tells_who_watched_when_and_with_what(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{}", id);
    watched(id, "v1", "mum", "phone", "DE", 0, 3);
    watched(id, "v2", "mum", "phone", "DE", 2, 3);
    watched(id, "v3", "", "desktop", "", 1, 1);
    watched(id, "v4", "", "desktop", "FR", 3, 3);
    over(id, 4);
    run("INSERT INTO viewer_counts (session, watching, most, counted_ms) VALUES ('other', 0, 99, 0)");
    stage_call("GET", stage_path("/api/analytics/sessions/", id), stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    assert_int_equal(number("liveMs"), 240000);
    assert_int_equal(number("viewers.total"), 4);
    assert_int_equal(number("viewers.people"), 3);
    assert_int_equal(number("viewers.watchedMs"), 240000);
    assert_int_equal(number("viewers.mostAtOnce"), 0);
    assert_int_equal(json_array_size(stage_member("viewers.devices")), 2);
    assert_int_equal(at("viewers.devices", 0, "viewers"), 2);
    assert_int_equal(at("viewers.countries", 0, "viewers"), 2);
    assert_int_equal(json_array_size(stage_member("viewers.countries")), 3);
    assert_int_equal(number("spanMs"), 60000);
    static const json_int_t expected[] = {1, 2, 2, 3, 0};
    assert_int_equal(json_array_size(stage_member("timeline")), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(at("timeline", i, "viewers"), expected[i]);
    assert_int_equal(at("timeline", 1, "at"), 1060000);
}

static void a_long_session_has_few_spans(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{}", id);
    watched(id, "v1", "mum", "phone", "DE", 0, 1000);
    over(id, 1000);
    stage_call("GET", stage_path("/api/analytics/sessions/", id), stage_alice(), NULL);
    assert_int_equal(number("spanMs"), 540000);
    assert_int_equal(json_array_size(stage_member("timeline")), 112);
    assert_int_equal(at("timeline", 111, "viewers"), 1);
}

static void a_session_that_was_never_live_has_no_timeline(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{}", id);
    stage_call("GET", stage_path("/api/analytics/sessions/", id), stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    assert_int_equal(json_array_size(stage_member("timeline")), 0);
    assert_int_equal(number("viewers.total"), 0);
    assert_int_equal(number("liveMs"), 0);
}

static void the_summary_is_ones_own_or_everybodys(void **state) {
    char hers[PH_SESSION_ID_BYTES], path[128];
    (void)state;
    stage_start("{}", hers);
    watched(hers, "v1", "mum", "phone", "DE", 0, 3);
    over(hers, 3);
    stage_call("POST", "/api/sessions/start", stage_token("streamer", "bob", NULL), "{}");
    assert_int_equal(stage.status, 201);
    stage_call("GET", "/api/analytics/summary", stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    assert_int_equal(number("sessions"), 1);
    assert_int_equal(number("viewers.total"), 1);
    assert_int_equal(number("liveMs"), 180000);
    stage_call("GET", "/api/analytics/summary", stage_token("operator", "o", NULL), NULL);
    assert_int_equal(number("sessions"), 2);
    stage_call("GET", "/api/analytics/summary?owner=bob", stage_token("operator", "o", NULL), NULL);
    assert_int_equal(number("sessions"), 1);
    assert_int_equal(number("viewers.total"), 0);
    snprintf(path, sizeof(path), "/api/analytics/summary?to=%lld",
        (long long)(ph_utc_now_us() / PH_MILLISECOND_US) - 3600000);
    stage_call("GET", path, stage_token("operator", "o", NULL), NULL);
    assert_int_equal(number("sessions"), 0);
}

static void told(const char *session, const char *viewer, const char *figures) {
    char sql[512];
    snprintf(sql, sizeof(sql),
        "INSERT INTO qoe (viewer, session, told_ms, startup_ms, stalls, stalled_ms, bitrate_kbps, "
        "latency_ms, "
        "throughput_kbps, dropped_frames) VALUES ('%s', '%s', 1, %s)",
        viewer, session, figures);
    run(sql);
}

static void nobody_told_of_nothing(void) {
    assert_int_equal(number("quality.viewers"), 0);
    assert_int_equal(number("quality.rebuffers"), 0);
    assert_true(json_is_null(stage_member("quality.startupMs")));
    assert_true(json_is_null(stage_member("quality.rebufferRatio")));
    assert_int_equal(number("delivered.mediaBytes"), 0);
}

static void how_the_watching_went_is_of_those_who_told(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{}", id);
    stage_call("GET", stage_path("/api/analytics/sessions/", id), stage_alice(), NULL);
    nobody_told_of_nothing();
    watched(id, "v1", "mum", "phone", "DE", 0, 2);
    watched(id, "v2", "dad", "phone", "DE", 0, 1);
    watched(id, "v3", "dad", "phone", "DE", 0, 5);
    watched(id, "v4", "dad", "phone", "DE", 0, 50);
    told(id, "v1", "400, 2, 9000, 3000, 2000, 30000, 7");
    told(id, "v2", "601, 1, 999999, 1000, NULL, NULL, 1");
    told(id, "v3", "NULL, NULL, NULL, NULL, 1000, NULL, NULL");
    stage_call("GET", stage_path("/api/analytics/sessions/", id), stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    assert_int_equal(number("quality.viewers"), 3);
    assert_int_equal(number("quality.startupMs"), 500);
    assert_int_equal(number("quality.rebuffers"), 3);
    assert_int_equal(number("quality.rebufferMs"), 69000); /* nobody stalls longer than it watches */
    double ratio = json_real_value(stage_member("quality.rebufferRatio"));
    assert_true(ratio > 0.3832 && ratio < 0.3834);
    assert_int_equal(number("quality.bitrateKbps"), 2000);
    assert_int_equal(number("quality.latencyMs"), 1500);
    assert_int_equal(number("quality.throughputKbps"), 30000);
    assert_int_equal(number("quality.droppedFrames"), 8);
    stage_call("GET", "/api/analytics/summary", stage_alice(), NULL);
    assert_int_equal(number("quality.viewers"), 3);
    stage_call("GET", "/api/analytics/summary?owner=bob", stage_token("operator", "o", NULL), NULL);
    nobody_told_of_nothing();
}

static void figures_are_not_for_others(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{\"visibility\":\"public\"}", id);
    stage_call("GET", stage_path("/api/analytics/sessions/", id), stage_token("streamer", "bob", NULL), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("GET", stage_path("/api/analytics/sessions/", id), NULL, NULL);
    assert_int_equal(stage.status, 401);
    stage_call("GET", "/api/analytics/summary?owner=alice", stage_token("streamer", "bob", NULL), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("GET", "/api/analytics/summary", stage_token("viewer", "mum", NULL), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("GET", "/api/analytics/summary?from=yesterday", stage_alice(), NULL);
    assert_int_equal(stage.status, 400);
    assert_string_equal(stage_text("field"), "from");
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_session_tells_who_watched_when_and_with_what),
        ON_STAGE(a_long_session_has_few_spans),
        ON_STAGE(a_session_that_was_never_live_has_no_timeline),
        ON_STAGE(the_summary_is_ones_own_or_everybodys),
        ON_STAGE(how_the_watching_went_is_of_those_who_told),
        ON_STAGE(figures_are_not_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
