#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/events.h"
#include "tests/unit/api/tables.h"

#define SESSION "abcdefghijklmnopqrstuvwxyz"
#define OTHER "zbcdefghijklmnopqrstuvwxyz"

static struct ph_db *db;
static char taken[8192];

static int open_log(void **state) {
    (void)state;
    return tables_open(&db);
}

static int close_log(void **state) {
    (void)state;
    return tables_close(db);
}

static int64_t put(const char *session, enum ph_event_type type, const char *body, int64_t at_ms) {
    struct ph_db_transaction *transaction;
    char key[PH_EVENTS_KEY_BYTES];
    struct ph_event event = {.type = type, .body = body, .at_ms = at_ms};
    ph_events_key(session, key);
    strcpy(event.session, session);
    assert_int_equal(ph_db_begin_keyed(db, key, &transaction), 0);
    if (type == PH_EVENT_STATE || type == PH_EVENT_CHAT)
        assert_int_equal(ph_events_number(transaction, session, &event.sequence), 0);
    assert_int_equal(ph_events_put(transaction, &event), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
    return event.sequence;
}

static void note(void *opaque, const struct ph_event *event) {
    size_t size = strlen(taken);
    (void)opaque;
    snprintf(taken + size, sizeof(taken) - size, "%.1s%lld%s ", event->session, (long long)event->sequence,
        event->body);
}

static void kept_events_are_numbered_and_read_in_order(void **state) {
    (void)state;
    int64_t oldest, newest;
    taken[0] = '\0';
    assert_int_equal(ph_events_range(db, SESSION, &oldest, &newest), 0);
    assert_true(oldest == 0 && newest == 0);
    assert_int_equal(put(SESSION, PH_EVENT_STATE, "{}", 1000), 1);
    assert_int_equal(put(OTHER, PH_EVENT_STATE, "{}", 1000), 1);
    assert_int_equal(put(SESSION, PH_EVENT_VIEWERS, "{}", 1500), 0);
    assert_int_equal(put(SESSION, PH_EVENT_CHAT, "[two]", 2000), 2);
    assert_int_equal(put(SESSION, PH_EVENT_CHAT, "[three]", 3000), 3);
    assert_int_equal(ph_events_range(db, SESSION, &oldest, &newest), 0);
    assert_true(oldest == 1 && newest == 3);
    assert_int_equal(ph_events_read(db, SESSION, 1, 10, note, NULL), 2);
    assert_string_equal(taken, "a2[two] a3[three] ");
    taken[0] = '\0';
    assert_int_equal(ph_events_read(db, SESSION, 0, 1, note, NULL), 1);
    assert_int_equal(ph_events_since(db, 2000, 10, note, NULL), 2);
    assert_string_equal(taken, "a1{} a3 a2 ");
}

static void what_is_taken_back_is_not_read_again(void **state) {
    (void)state;
    struct ph_db_transaction *transaction;
    taken[0] = '\0';
    put(SESSION, PH_EVENT_CHAT, "\"rude\"", 1000);
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_events_replace(transaction, SESSION, 1, "null"), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
    assert_int_equal(ph_events_read(db, SESSION, 0, 10, note, NULL), 1);
    assert_string_equal(taken, "a1null ");
}

static void old_events_go_and_numbers_go_on(void **state) {
    (void)state;
    int64_t oldest, newest, now_ms = 10 * PH_EVENTS_KEPT_MS;
    for (int i = 0; i < PH_EVENTS_KEPT + 5; i++)
        put(SESSION, PH_EVENT_CHAT, "{}", now_ms);
    put(OTHER, PH_EVENT_CHAT, "{}", 1);
    assert_int_equal(ph_events_range(db, SESSION, &oldest, &newest), 0);
    assert_true(oldest == 6 && newest == PH_EVENTS_KEPT + 5);
    assert_int_equal(ph_events_prune(db, now_ms), 0);
    assert_int_equal(ph_events_range(db, SESSION, &oldest, &newest), 0);
    assert_int_equal(oldest, 6);
    assert_int_equal(ph_events_range(db, OTHER, &oldest, &newest), 0);
    assert_true(oldest == 0 && newest == 1);
    assert_int_equal(put(OTHER, PH_EVENT_CHAT, "{}", now_ms), 2);
}

static void a_rolled_back_event_never_was(void **state) {
    (void)state;
    struct ph_db_transaction *transaction;
    struct ph_event event = {.session = SESSION, .type = PH_EVENT_CHAT, .body = "{}"};
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_events_number(transaction, SESSION, &event.sequence), 0);
    assert_int_equal(ph_events_put(transaction, &event), 0);
    ph_db_rollback(transaction);
    assert_int_equal(put(SESSION, PH_EVENT_CHAT, "{}", 1), 1);
}

static void bodies_are_bounded(void **state) {
    (void)state;
    static char body[PH_MOST_EVENT_BODY_BYTES + 2];
    struct ph_db_transaction *transaction;
    memset(body, 'x', sizeof(body) - 1);
    struct ph_event event = {.session = SESSION, .type = PH_EVENT_HEALTH, .body = body};
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_events_put(transaction, &event), -EINVAL);
    event.body = body + 1;
    assert_int_equal(ph_events_put(transaction, &event), 0);
    ph_db_rollback(transaction);
}

static void notifications_are_parsed_strictly(void **state) {
    (void)state;
    struct ph_event event;
    assert_true(ph_events_parse("health " SESSION " 0 {\"a\": 1}", &event));
    assert_int_equal(event.type, PH_EVENT_HEALTH);
    assert_string_equal(event.session, SESSION);
    assert_int_equal(event.sequence, 0);
    assert_string_equal(event.body, "{\"a\": 1}");
    assert_true(ph_events_parse("state " SESSION " 17 ", &event));
    assert_true(event.type == PH_EVENT_STATE && event.sequence == 17 && !*event.body);
    static const char *const wrong[] = {"", "state", "state ", ("stat " SESSION " 1 "),
        ("state " SESSION " 1"), ("state " SESSION "  "), ("state " SESSION " 1234567890123456789 "),
        "state ABCDEFGHIJKLMNOPQRSTUVWXYZ 1 ", "state short 1 ", ("state " SESSION)};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(ph_events_parse(wrong[i], &event));
}

static void each_change_of_state_is_an_event(void **state) {
    (void)state;
    struct ph_sessions *sessions;
    struct ph_state_events events;
    struct ph_session_birth birth;
    struct ph_session_wish wish = {.record = true};
    taken[0] = '\0';
    assert_int_equal(ph_sessions_create(&sessions, db, "720p30@2500k"), 0);
    ph_state_events_init(&events);
    ph_sessions_observe(sessions, &events.observer);
    assert_int_equal(ph_sessions_start(sessions, "alice", &wish, 1000, &birth), 0);
    assert_int_equal(ph_sessions_apply(sessions, birth.id, PH_SESSION_PUBLISHED, "", 2000), 0);
    assert_int_equal(ph_sessions_apply(sessions, birth.id, PH_SESSION_END, "\"<over>\"", 3000), 0);
    assert_int_equal(ph_events_read(db, birth.id, 1, 10, note, NULL), 2);
    assert_non_null(strstr(taken, "\"state\":\"live\",\"reason\":null,\"startedAt\":2000,\"endedAt\":null}"));
    assert_non_null(
        strstr(taken, "\"ended\",\"reason\":\"\\\"<over>\\\"\",\"startedAt\":2000,\"endedAt\":3000}"));
    ph_sessions_destroy(sessions);
}

#define ON_LOG(test) cmocka_unit_test_setup_teardown(test, open_log, close_log)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_LOG(kept_events_are_numbered_and_read_in_order),
        ON_LOG(what_is_taken_back_is_not_read_again),
        ON_LOG(old_events_go_and_numbers_go_on),
        ON_LOG(a_rolled_back_event_never_was),
        ON_LOG(bodies_are_bounded),
        ON_LOG(notifications_are_parsed_strictly),
        ON_LOG(each_change_of_state_is_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
