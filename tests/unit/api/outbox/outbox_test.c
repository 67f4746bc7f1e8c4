#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/outbox/events.h"
#include "api/outbox/outbox.h"
#include "api/sessions_store.h"
#include "tests/unit/api/tables.h"

static struct ph_db *db;

static int open_outbox(void **state) {
    (void)state;
    return tables_open(&db);
}

static int close_outbox(void **state) {
    (void)state;
    return tables_close(db);
}

static void add(enum ph_outbox_kind kind, const char *key, const char *recipient, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(
        ph_outbox_add(transaction,
            &(struct ph_outbox_note){kind, key, recipient, "session.started", "{\"a\":1}"}, now_ms),
        0);
    assert_int_equal(ph_db_commit(transaction), 0);
}

static size_t lease(
    enum ph_outbox_kind kind, const char *owner, int64_t now_ms, struct ph_outbox_row *rows, size_t most) {
    size_t count;
    assert_int_equal(ph_outbox_lease(db, kind, owner, now_ms, now_ms + 100, rows, most, &count), 0);
    return count;
}

static void an_event_makes_one_row_for_each_recipient(void **state) {
    struct ph_outbox_row rows[8];
    (void)state;
    add(PH_OUTBOX_MAIL, "k", "a@b", 1);
    add(PH_OUTBOX_MAIL, "k", "a@b", 2);
    add(PH_OUTBOX_MAIL, "k", "c@d", 3);
    add(PH_OUTBOX_MAIL, "l", "a@b", 4);
    assert_int_equal(lease(PH_OUTBOX_MAIL, "me", 10, rows, 8), 3);
    assert_string_equal(rows[0].recipient, "a@b");
    assert_string_equal(rows[0].payload, "{\"a\":1}");
    assert_int_equal(rows[0].attempts, 1);
    assert_int_equal(rows[0].created_ms, 1);
    struct ph_outbox_result sent = {.outcome = PH_OUTBOX_SENT};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ph_outbox_settle(db, &rows[i], "me", &sent, 20), 0);
        ph_outbox_row_finish(&rows[i]);
    }
    add(PH_OUTBOX_MAIL, "k", "a@b", 30);
    assert_int_equal(lease(PH_OUTBOX_MAIL, "me", 40, rows, 8), 0);
}

static void a_leased_row_is_its_owners_alone(void **state) {
    struct ph_outbox_row row, other;
    struct ph_outbox_result again = {.outcome = PH_OUTBOX_AGAIN, .next_ms = 500, .reason = "later"};
    int64_t next_ms;
    (void)state;
    add(PH_OUTBOX_MAIL, "k", "a@b", 1);
    assert_int_equal(lease(PH_OUTBOX_MAIL, "me", 10, &row, 1), 1);
    assert_int_equal(lease(PH_OUTBOX_MAIL, "you", 10, &other, 1), 0);
    assert_int_equal(ph_outbox_mark(db, row.id, "you", 999), -ESTALE);
    assert_int_equal(ph_outbox_settle(db, &row, "you", &again, 20), -ESTALE);
    assert_int_equal(ph_outbox_mark(db, row.id, "me", 999), 0);
    assert_int_equal(ph_outbox_settle(db, &row, "me", &again, 20), 0);
    assert_int_equal(ph_outbox_next_turn(db, PH_OUTBOX_MAIL, &next_ms), 0);
    assert_int_equal(next_ms, 500);
    assert_int_equal(lease(PH_OUTBOX_MAIL, "you", 499, &other, 1), 0);
    assert_int_equal(lease(PH_OUTBOX_MAIL, "you", 500, &other, 1), 1);
    assert_int_equal(other.attempts, 2);
    ph_outbox_row_finish(&row);
    ph_outbox_row_finish(&other);
}

static void leases_that_run_out_are_taken_up_unless_given(void **state) {
    struct ph_outbox_row rows[4];
    int64_t unconfirmed;
    (void)state;
    add(PH_OUTBOX_MAIL, "k", "leased@b", 1);
    add(PH_OUTBOX_MAIL, "k", "handing@b", 2);
    assert_int_equal(lease(PH_OUTBOX_MAIL, "dead", 10, rows, 4), 2);
    assert_int_equal(ph_outbox_mark(db, rows[1].id, "dead", 200), 0);
    assert_int_equal(ph_outbox_sweep(db, 110, 0, &unconfirmed), 0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE state = 'queued'"), 0);
    assert_int_equal(ph_outbox_sweep(db, 111, 0, &unconfirmed), 0);
    assert_int_equal(unconfirmed, 0);
    assert_int_equal(
        tables_number(db, "SELECT COUNT(*) FROM outbox WHERE state = 'queued' AND recipient = 'leased@b'"),
        1);
    assert_int_equal(ph_outbox_sweep(db, 201, 0, &unconfirmed), 0);
    assert_int_equal(unconfirmed, 1);
    assert_int_equal(
        tables_number(
            db, "SELECT COUNT(*) FROM outbox WHERE state = 'unconfirmed' AND recipient = 'handing@b'"),
        1);
    struct ph_outbox_result sent = {.outcome = PH_OUTBOX_SENT};
    assert_int_equal(ph_outbox_settle(db, &rows[0], "dead", &sent, 300), -ESTALE);
    ph_outbox_row_finish(&rows[0]);
    ph_outbox_row_finish(&rows[1]);
}

static void a_dead_owners_rows_are_settled_by_what_it_gave(void **state) {
    struct ph_outbox_row rows[4];
    (void)state;
    for (int i = 0; i < 3; i++)
        add(PH_OUTBOX_MAIL, (const char *[]){"k", "l", "m"}[i], "a@b", i);
    assert_int_equal(lease(PH_OUTBOX_MAIL, "dead", 10, rows, 4), 3);
    assert_int_equal(ph_outbox_mark(db, rows[0].id, "dead", 200), 0);
    assert_int_equal(ph_outbox_mark(db, rows[1].id, "dead", 200), 0);
    char given[1][PH_SESSION_ID_BYTES];
    memcpy(given[0], rows[0].id, PH_SESSION_ID_BYTES);
    assert_int_equal(ph_outbox_settle_owner(db, "dead", (const char(*)[PH_SESSION_ID_BYTES])given, 1, 50), 0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE state = 'sent'"), 1);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE state = 'queued'"), 2);
    for (int i = 0; i < 3; i++)
        ph_outbox_row_finish(&rows[i]);
}

static void old_rows_are_given_up_and_settled_ones_forgotten(void **state) {
    struct ph_outbox_figures figures[PH_OUTBOX_KINDS];
    int64_t unconfirmed, day_ms = INT64_C(24) * 3600 * 1000;
    (void)state;
    add(PH_OUTBOX_MAIL, "k", "old@b", 1);
    add(PH_OUTBOX_MAIL, "k", "new@b", 1000);
    assert_int_equal(ph_outbox_sweep(db, day_ms + 500, 0, &unconfirmed), 0);
    assert_int_equal(
        tables_number(db, "SELECT COUNT(*) FROM outbox WHERE state = 'failed' AND recipient = 'old@b'"), 1);
    assert_int_equal(ph_outbox_measure(db, figures), 0);
    assert_int_equal(figures[PH_OUTBOX_MAIL].waiting, 1);
    assert_int_equal(figures[PH_OUTBOX_MAIL].oldest_ms, 1000);
    assert_int_equal(figures[PH_OUTBOX_WEBHOOK].waiting, 0);
    assert_int_equal(ph_outbox_sweep(db, day_ms + 501, day_ms + 501, &unconfirmed), 0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox"), 1);
}

static void a_webhook_gets_one_delivery_at_a_time_and_none_while_it_rests(void **state) {
    struct ph_outbox_row rows[8];
    (void)state;
    tables_run(db,
        "INSERT INTO webhooks (id, url, events, secret, state, reason, created_by, created_ms, failures, "
        "retry_ms) "
        "VALUES ('a', 'u', 'session.*', 's', 'active', '', 'x', 1, 0, 0), "
        "('b', 'u', 'session.*', 's', 'active', '', 'x', 1, 0, 900), "
        "('c', 'u', 'session.*', 's', 'disabled', '', 'x', 1, 0, 0)");
    add(PH_OUTBOX_WEBHOOK, "k", "a", 1);
    add(PH_OUTBOX_WEBHOOK, "l", "a", 2);
    add(PH_OUTBOX_WEBHOOK, "k", "b", 3);
    add(PH_OUTBOX_WEBHOOK, "k", "c", 4);
    assert_int_equal(lease(PH_OUTBOX_WEBHOOK, "me", 10, rows, 8), 1);
    assert_string_equal(rows[0].recipient, "a");
    assert_int_equal(lease(PH_OUTBOX_WEBHOOK, "you", 20, rows + 1, 8), 0);
    struct ph_outbox_result sent = {.outcome = PH_OUTBOX_SENT};
    assert_int_equal(ph_outbox_settle(db, &rows[0], "me", &sent, 20), 0);
    assert_int_equal(lease(PH_OUTBOX_WEBHOOK, "you", 900, rows + 1, 7), 2);
    for (int i = 0; i < 3; i++)
        ph_outbox_row_finish(&rows[i]);
}

static void guardians(void) {
    tables_run(db,
        "INSERT INTO profiles (subject, display_name, avatar_url, changed_ms) VALUES ('kid', 'Zoë', '', 1)");
    tables_run(db,
        "INSERT INTO guardians (profile, subject, mail_address, language, wants_started, wants_ended, "
        "wants_recording) VALUES ('kid', 'mum', 'Mum@b', 'de', 1, 1, 0), ('kid', 'dad', 'dad@b', 'en', 0, "
        "1, 1), "
        "('kid', 'gran', '', 'en', 1, 1, 1)");
}

static void tell(int (*event)(struct ph_db_transaction *, const struct ph_session *, int64_t), int expected) {
    struct ph_db_transaction *transaction;
    struct ph_session session = {.id = "aaaaaaaaaaaaaaaaaaaaaaaaaa",
        .owner = "kid",
        .title = "T",
        .state = PH_SESSION_LIVE,
        .started_ms = 5};
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(event(transaction, &session, 10), expected);
    assert_int_equal(ph_db_commit(transaction), 0);
}

static void events_reach_who_wants_them_once(void **state) {
    (void)state;
    guardians();
    tell(ph_outbox_session_started, 0);
    tell(ph_outbox_session_started, 0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox"), 1);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE recipient = 'Mum@b'"), 1);
    tell(ph_outbox_session_ended, 0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE event = 'session.ended'"), 2);
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_outbox_recording_ready(transaction,
                         &(struct ph_recording_note){
                             .id = "r", .session = "s", .owner = "kid", .title = "", .thumbnail = ""},
                         1),
        0);
    assert_int_equal(ph_db_commit(transaction), 0);
    assert_int_equal(
        tables_number(
            db, "SELECT COUNT(*) FROM outbox WHERE event = 'recording.ready' AND recipient = 'dad@b'"),
        1);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE event = 'recording.ready'"), 1);
}

static void what_is_rolled_back_is_not_told(void **state) {
    struct ph_db_transaction *transaction;
    (void)state;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(
        ph_outbox_add(transaction, &(struct ph_outbox_note){PH_OUTBOX_MAIL, "k", "a@b", "e", "{}"}, 1), 0);
    ph_db_rollback(transaction);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox"), 0);
}

static void suppressed_and_unsubscribed_guardians_are_left_alone(void **state) {
    struct ph_outbox_row row;
    struct ph_outbox_result dead = {.outcome = PH_OUTBOX_FAILED, .reason = "550", .suppress = true};
    (void)state;
    guardians();
    assert_int_equal(ph_outbox_is_wanted(db, "session.started", "kid", "mum"), 1);
    tell(ph_outbox_session_started, 0);
    assert_int_equal(lease(PH_OUTBOX_MAIL, "me", 10, &row, 1), 1);
    assert_int_equal(ph_outbox_settle(db, &row, "me", &dead, 20), 0);
    ph_outbox_row_finish(&row);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM mail_suppressions WHERE address = 'mum@b'"), 1);
    tell(ph_outbox_session_ended, 0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE event = 'session.ended'"), 1);
    assert_int_equal(ph_outbox_unsubscribe(db, "session.ended", "kid", "dad"), 0);
    assert_int_equal(ph_outbox_is_wanted(db, "session.ended", "kid", "dad"), 0);
    assert_int_equal(ph_outbox_is_wanted(db, "recording.ready", "kid", "dad"), 1);
    assert_int_equal(ph_outbox_unsubscribe(db, "session.ended", "kid", "stranger"), -ENOENT);
    assert_int_equal(ph_outbox_unsubscribe(db, "worker.died", "kid", "dad"), -ENOENT);
}

static void a_suppressed_address_is_tried_again_after_months(void **state) {
    int64_t unconfirmed;
    (void)state;
    tables_run(
        db, "INSERT INTO mail_suppressions (address, reason, created_ms) VALUES ('mum@b', '550', 1000)");
    assert_int_equal(ph_outbox_sweep(db, 1000 + PH_SUPPRESSION_KEPT_MS, 0, &unconfirmed), 0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM mail_suppressions"), 1);
    assert_int_equal(ph_outbox_sweep(db, 1001 + PH_SUPPRESSION_KEPT_MS, 0, &unconfirmed), 0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM mail_suppressions"), 0);
}

static void event_names_are_known(void **state) {
    (void)state;
    assert_true(ph_outbox_is_event("session.started") && ph_outbox_is_event("session.*") &&
                ph_outbox_is_event("recording.*") && ph_outbox_is_event("worker.died"));
    assert_false(ph_outbox_is_event("*") || ph_outbox_is_event(".*") || ph_outbox_is_event("session") ||
                 ph_outbox_is_event("session.nothing") || ph_outbox_is_event("s.*") ||
                 ph_outbox_is_event(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_makes_one_row_for_each_recipient, open_outbox, close_outbox),
        cmocka_unit_test_setup_teardown(a_leased_row_is_its_owners_alone, open_outbox, close_outbox),
        cmocka_unit_test_setup_teardown(
            leases_that_run_out_are_taken_up_unless_given, open_outbox, close_outbox),
        cmocka_unit_test_setup_teardown(
            a_dead_owners_rows_are_settled_by_what_it_gave, open_outbox, close_outbox),
        cmocka_unit_test_setup_teardown(
            old_rows_are_given_up_and_settled_ones_forgotten, open_outbox, close_outbox),
        cmocka_unit_test_setup_teardown(
            a_webhook_gets_one_delivery_at_a_time_and_none_while_it_rests, open_outbox, close_outbox),
        cmocka_unit_test_setup_teardown(events_reach_who_wants_them_once, open_outbox, close_outbox),
        cmocka_unit_test_setup_teardown(what_is_rolled_back_is_not_told, open_outbox, close_outbox),
        cmocka_unit_test_setup_teardown(
            suppressed_and_unsubscribed_guardians_are_left_alone, open_outbox, close_outbox),
        cmocka_unit_test_setup_teardown(
            a_suppressed_address_is_tried_again_after_months, open_outbox, close_outbox),
        cmocka_unit_test(event_names_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
