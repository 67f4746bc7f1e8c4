/* GET /api/events over real HTTP on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/events.h"
#include "api/recordings/recordings_store.h"
#include "tests/unit/api/listener.h"
#include "tests/unit/api/stage.h"
#include "tests/unit/http/raw_peer.h"

static struct listener listener;
static char skipped[sizeof(listener.heard)];

static const char *query_of(const char *id) {
    static char query[64];
    snprintf(query, sizeof(query), "?session=%s", id);
    return query;
}

/* Puts a chat event that says `text`; its number. */
static int64_t say(const char *id, const char *text) {
    struct ph_db_transaction *transaction;
    char key[PH_EVENTS_KEY_BYTES], body[256];
    struct ph_event event = {.type = PH_EVENT_CHAT, .body = body, .at_ms = ph_utc_now_us() / 1000};
    snprintf(body, sizeof(body), "{\"text\":\"%s\"}", text);
    strcpy(event.session, id);
    ph_events_key(id, key);
    assert_int_equal(ph_db_begin_keyed(stage_database(), key, &transaction), 0);
    assert_int_equal(ph_events_number(transaction, id, &event.sequence), 0);
    assert_int_equal(ph_events_put(transaction, &event), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
    return event.sequence;
}

static void a_follower_hears_how_things_stand_and_then_what_happens(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{\"visibility\":\"public\",\"record\":false}", id);
    listener_open(&listener, query_of(id), NULL, NULL);
    listener_await(&listener, "id: 1\nevent: state\ndata: {", NULL);
    listener_await(&listener, "\"state\":\"created\"", NULL);
    ph_session_feed_connected(ph_api_feed(stage.api), id, 0, "srt");
    ph_session_feed_live(ph_api_feed(stage.api), id);
    listener_await(&listener, "id: 2\nevent: state\n", NULL);
    listener_await(&listener, "\"state\":\"live\"", NULL);
    say(id, "hello");
    listener_await(&listener, "id: 3\nevent: chat\ndata: {\"text\":\"hello\"}\n\n", NULL);
    struct ph_link_stats stats = {.speed = 1.5, .source_fps = 30};
    ph_session_feed_stats(ph_api_feed(stage.api), id, &stats);
    listener_await(&listener, "event: health\ndata: {", skipped);
    assert_null(strstr(skipped, "id: "));
    listener_await(&listener, "\"speed\":1.5", NULL);
    stage_call("POST", stage_path("/api/sessions/end/", id), stage_alice(), NULL);
    listener_await(&listener, "id: 4\nevent: state\n", NULL);
    listener_await(&listener, "\"state\":\"ended\"", NULL);
    listener_close(&listener);
}

static void who_comes_back_hears_exactly_what_it_missed(void **state) {
    char id[PH_SESSION_ID_BYTES], last[32];
    (void)state;
    stage_start("{\"visibility\":\"public\",\"record\":false}", id);
    snprintf(last, sizeof(last), "%lld", (long long)say(id, "zero"));
    say(id, "one");
    say(id, "two");
    listener_open(&listener, query_of(id), NULL, last);
    listener_await(&listener, "id: 3\nevent: chat\ndata: {\"text\":\"one\"}\n\n", skipped);
    assert_null(strstr(skipped, "event:"));
    listener_await(&listener, "id: 4\nevent: chat\ndata: {\"text\":\"two\"}\n\n", skipped);
    assert_null(strstr(skipped, "event:"));
    say(id, "three");
    listener_await(&listener, "id: 5\n", skipped);
    assert_null(strstr(skipped, "event:"));
    listener_close(&listener);
    /* Nothing missed: nothing repeated. */
    listener_open(&listener, query_of(id), NULL, "5");
    say(id, "four");
    listener_await(&listener, "\"four\"", skipped);
    assert_null(strstr(skipped, "event: state"));
    assert_null(strstr(skipped, "\"three\""));
    listener_close(&listener);
}

static void a_number_that_is_unknown_begins_anew(void **state) {
    static const char *const ids[] = {"99", "-1", "nonsense", "9999999999999999999999", "1; 2"};
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{\"visibility\":\"public\",\"record\":false}", id);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        listener_open(&listener, query_of(id), NULL, ids[i]);
        listener_await(&listener, "id: 1\nevent: reset\ndata: {}\n\nid: 1\nevent: state\n", NULL);
        listener_close(&listener);
    }
}

static void what_is_kept_no_more_begins_anew(void **state) {
    struct ph_db_transaction *transaction;
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start("{\"visibility\":\"public\",\"record\":false}", id);
    for (int i = 0; i < 5; i++)
        say(id, "gone");
    assert_int_equal(ph_db_begin(stage_database(), PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, "DELETE FROM events WHERE sequence <= 4"), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
    listener_open(&listener, query_of(id), NULL, "2");
    listener_await(&listener, "id: 6\nevent: reset\n", NULL);
    listener_close(&listener);
    listener_open(&listener, query_of(id), NULL, "4");
    listener_await(&listener, "id: 5\nevent: chat\n", skipped);
    assert_null(strstr(skipped, "reset"));
    listener_close(&listener);
}

static void more_than_a_stream_holds_begins_anew(void **state) {
    char id[PH_SESSION_ID_BYTES], text[200];
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    stage_start("{\"visibility\":\"public\",\"record\":false}", id);
    for (int i = 0; i < 200; i++)
        say(id, text);
    listener_open(&listener, query_of(id), NULL, "1");
    listener_await(&listener, "id: 201\nevent: reset\n", NULL);
    listener_close(&listener);
    listener_open(&listener, query_of(id), NULL, "101");
    listener_await(&listener, "id: 102\nevent: chat\n", skipped);
    assert_null(strstr(skipped, "reset"));
    listener_await(&listener, "id: 201\n", NULL);
    listener_close(&listener);
}

static unsigned status_of(const char *query, char *token) {
    char headers[2048] = "", target[128];
    if (token)
        snprintf(headers, sizeof(headers), "Authorization: Bearer %s\r\n", token);
    snprintf(target, sizeof(target), "/api/events%s", query);
    struct answer answer = raw_ask(stage_port(), "GET", target, headers);
    unsigned status = answer.status;
    answer_finish(&answer);
    free(token);
    return status;
}

static void a_session_is_followed_by_who_may_see_it(void **state) {
    char id[PH_SESSION_ID_BYTES];
    (void)state;
    stage_start(NULL, id);
    assert_int_equal(status_of(query_of(id), NULL), 404);
    assert_int_equal(status_of(query_of(id), stage_token("viewer", "stranger", NULL)), 404);
    assert_int_equal(status_of(query_of(id), strdup("no.to.ken")), 401);
    assert_int_equal(status_of("?session=../../etc", NULL), 400);
    assert_int_equal(status_of("?session=", NULL), 400);
    listener_open(&listener, query_of(id), stage_token("viewer", "grandmother", id), NULL);
    listener_await(&listener, "\"created\"", NULL);
    listener_close(&listener);
    listener_open(&listener, query_of(id), stage_alice(), NULL);
    listener_await(&listener, "\"created\"", NULL);
    listener_close(&listener);
}

static void who_follows_all_hears_the_states_it_may_see_listed(void **state) {
    static struct listener anybody, alice;
    char hidden[PH_SESSION_ID_BYTES], open[PH_SESSION_ID_BYTES];
    (void)state;
    listener_open(&anybody, "", NULL, NULL);
    listener_open(&alice, "", stage_alice(), NULL);
    stage_start(NULL, hidden);
    stage_start("{\"visibility\":\"public\",\"record\":false}", open);
    listener_await(&alice, hidden, NULL);
    listener_await(&alice, open, NULL);
    listener_await(&anybody, open, skipped);
    assert_null(strstr(skipped, hidden));
    stage_call("POST", stage_path("/api/sessions/end/", open), stage_alice(), NULL);
    listener_await(&anybody, "\"ended\"", NULL);
    listener_close(&anybody);
    listener_close(&alice);
}

static void who_follows_all_hears_of_recordings_it_may_see(void **state) {
    static struct listener anybody, stranger, alice;
    struct ph_recording recording = {.kind = PH_RECORDING_UPLOAD,
        .state = PH_RECORDING_PROCESSING,
        .created_ms = ph_utc_now_us() / PH_MILLISECOND_US};
    char open[PH_SESSION_ID_BYTES];
    (void)state;
    listener_open(&anybody, "", NULL, NULL);
    listener_open(&stranger, "", stage_token("streamer", "bob", NULL), NULL);
    listener_open(&alice, "", stage_alice(), NULL);
    ph_random_id(recording.id, PH_SESSION_ID_CHARACTERS);
    strcpy(recording.owner, "alice");
    assert_int_equal(ph_recordings_insert(stage_db(), &recording), 0);
    listener_await(&alice, "event: recording\ndata: {\"recordingId\":\"", NULL);
    listener_await(&alice, recording.id, NULL);
    stage_start("{\"visibility\":\"public\",\"record\":false}", open);
    listener_await(&anybody, open, skipped);
    assert_null(strstr(skipped, recording.id));
    listener_await(&stranger, open, skipped);
    assert_null(strstr(skipped, recording.id));
    listener_close(&anybody);
    listener_close(&stranger);
    listener_close(&alice);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_follower_hears_how_things_stand_and_then_what_happens),
        ON_STAGE(who_comes_back_hears_exactly_what_it_missed),
        ON_STAGE(a_number_that_is_unknown_begins_anew),
        ON_STAGE(what_is_kept_no_more_begins_anew),
        ON_STAGE(more_than_a_stream_holds_begins_anew),
        ON_STAGE(a_session_is_followed_by_who_may_see_it),
        ON_STAGE(who_follows_all_hears_the_states_it_may_see_listed),
        ON_STAGE(who_follows_all_hears_of_recordings_it_may_see),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
