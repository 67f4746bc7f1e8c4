#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/sessions_store.h"
#include "tests/unit/api/tables.h"

static struct ph_db *db;
static struct ph_sessions *sessions;
static const struct ph_caller admin = {.role = PH_CALLER_ADMIN};

static int open_store(void **state) {
    (void)state;
    if (tables_open(&db) < 0)
        return -1;
    return ph_sessions_create(&sessions, db, "720p30@2500k");
}

static int close_store(void **state) {
    (void)state;
    ph_sessions_destroy(sessions);
    return tables_close(db);
}

static struct ph_session_birth start(const char *owner, enum ph_visibility visibility, int64_t now_ms) {
    struct ph_session_birth birth;
    struct ph_session_wish wish = {.visibility = visibility, .record = true};
    strcpy(wish.title, "A title");
    assert_int_equal(ph_sessions_start(sessions, owner, &wish, now_ms, &birth), 0);
    return birth;
}

static void apply(const char *id, enum ph_session_event event, int64_t now_ms) {
    assert_int_equal(ph_sessions_apply(sessions, id, event, "because", now_ms), 0);
}

static struct ph_session find(const char *id) {
    struct ph_session session;
    assert_int_equal(ph_sessions_find(sessions, id, &session), 0);
    return session;
}

/* Remembers what it heard, and refuses when told to. */
struct witness {
    struct ph_session_observer base;
    char heard[512];
    int refusal;
};

static int hear(struct ph_session_observer *observer, struct ph_db_transaction *transaction,
    const struct ph_session_change *change) {
    struct witness *witness = (struct witness *)observer;
    size_t size = strlen(witness->heard);
    assert_non_null(transaction);
    snprintf(witness->heard + size, sizeof(witness->heard) - size, "%s%s>%s%s ", change->is_new ? "new " : "",
        change->is_new ? "" : ph_session_state_name(change->before),
        ph_session_state_name(change->session->state), change->is_first_live ? " first" : "");
    return witness->refusal;
}

static const struct ph_session_observer_impl witness_impl = {.changed = hear};

static void observers_hear_each_change_once_and_can_undo_it(void **state) {
    (void)state;
    struct witness witness = {.base.impl = &witness_impl};
    ph_sessions_observe(sessions, &witness.base);
    struct ph_session_birth birth = start("alice", PH_VISIBILITY_PUBLIC, 1000);
    apply(birth.id, PH_SESSION_CONNECTED, 1500);
    apply(birth.id, PH_SESSION_PUBLISHED, 2000);
    apply(birth.id, PH_SESSION_PUBLISHED, 2100);
    apply(birth.id, PH_SESSION_LOST, 3000);
    apply(birth.id, PH_SESSION_CONNECTED, 3500);
    assert_int_equal(ph_sessions_recover(sessions, 3600), 0);
    assert_int_equal(ph_sessions_sweep(sessions, 9000, 5000), 0);
    apply(birth.id, PH_SESSION_END, 9500);
    assert_string_equal(witness.heard, "new >created created>live first live>reconnecting reconnecting>live "
                                       "live>reconnecting reconnecting>ended ");
    birth = start("bob", PH_VISIBILITY_PUBLIC, 10000);
    witness.refusal = -ENOSPC;
    assert_int_equal(ph_sessions_apply(sessions, birth.id, PH_SESSION_PUBLISHED, "", 11000), -ENOSPC);
    assert_int_equal(find(birth.id).state, PH_SESSION_CREATED);
}

static void a_session_lives_and_ends(void **state) {
    (void)state;
    struct ph_session_birth birth = start("alice", PH_VISIBILITY_UNLISTED, 1000);
    assert_int_equal(strlen(birth.id), PH_SESSION_ID_CHARACTERS);
    assert_int_equal(strlen(birth.stream_key), PH_STREAM_KEY_CHARACTERS);
    assert_string_equal(birth.passphrase, "");
    struct ph_session session = find(birth.id);
    assert_string_equal(session.owner, "alice");
    assert_string_equal(session.title, "A title");
    assert_string_equal(session.ladder, "720p30@2500k");
    assert_int_equal(session.visibility, PH_VISIBILITY_UNLISTED);
    assert_int_equal(session.state, PH_SESSION_CREATED);
    assert_int_equal(session.created_ms, 1000);
    assert_int_equal(session.started_ms, 0);
    apply(birth.id, PH_SESSION_CONNECTED, 1500);
    apply(birth.id, PH_SESSION_PUBLISHED, 2000);
    apply(birth.id, PH_SESSION_LOST, 3000);
    assert_int_equal(find(birth.id).state, PH_SESSION_RECONNECTING);
    apply(birth.id, PH_SESSION_CONNECTED, 4000);
    session = find(birth.id);
    assert_int_equal(session.state, PH_SESSION_LIVE);
    assert_int_equal(session.started_ms, 2000);
    apply(birth.id, PH_SESSION_END, 5000);
    assert_int_equal(ph_sessions_apply(sessions, birth.id, PH_SESSION_FAIL, "later", 6000), 0);
    session = find(birth.id);
    assert_int_equal(session.state, PH_SESSION_ENDED);
    assert_int_equal(session.ended_ms, 5000);
    assert_string_equal(session.reason, "because");
    assert_int_equal(
        ph_sessions_apply(sessions, "aaaaaaaaaaaaaaaaaaaaaaaaaa", PH_SESSION_END, "", 1), -ENOENT);
}

static void keys_admit_until_the_end(void **state) {
    struct ph_session_admission admission;
    struct ph_session_birth birth;
    struct ph_session_wish wish = {.encryption = true};
    (void)state;
    assert_int_equal(ph_sessions_start(sessions, "alice", &wish, 1, &birth), 0);
    assert_int_equal(strlen(birth.passphrase), PH_PASSPHRASE_CHARACTERS);
    assert_int_equal(ph_sessions_admit(sessions, birth.stream_key, &admission), 0);
    assert_string_equal(admission.session, birth.id);
    assert_string_equal(admission.passphrase, birth.passphrase);
    assert_string_equal(admission.ladder, "720p30@2500k");
    assert_false(admission.record);
    assert_int_equal(ph_sessions_admit(sessions, "", &admission), -ENOENT);
    assert_int_equal(ph_sessions_admit(sessions, birth.id, &admission), -ENOENT);
    assert_int_equal(ph_sessions_admit(sessions, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &admission), -ENOENT);
    assert_int_equal(ph_sessions_admit(sessions, "' OR 1=1 OR '1'='1' OR '1'='1' --", &admission), -ENOENT);
    apply(birth.id, PH_SESSION_END, 2);
    assert_int_equal(ph_sessions_admit(sessions, birth.stream_key, &admission), -ESHUTDOWN);
    assert_string_equal(admission.passphrase, "");
}

static void keys_are_not_in_the_database(void **state) {
    (void)state;
    struct ph_session_birth birth = start("alice", PH_VISIBILITY_PUBLIC, 1);
    assert_false(ph_test_database_holds(birth.stream_key));
    assert_true(ph_test_database_holds(birth.id));
}

static void pages_follow_each_other_without_gap_or_repeat(void **state) {
    enum { SESSIONS = 15, PAGE = 4 };
    char seen[SESSIONS + PAGE][PH_SESSION_ID_BYTES];
    struct ph_session_cursor cursor, *after = NULL;
    size_t total = 0;
    (void)state;
    for (int i = 0; i < SESSIONS; i++) /* three begin in each millisecond */
        apply(start("alice", PH_VISIBILITY_PUBLIC, 100 + i / 3).id, PH_SESSION_PUBLISHED, 200);
    for (;;) {
        struct ph_session *list;
        size_t count;
        assert_int_equal(ph_sessions_list(sessions, &admin, after, PAGE, &list, &count), 0);
        for (size_t i = 0; i < count; i++) {
            for (size_t s = 0; s < total; s++)
                assert_string_not_equal(seen[s], list[i].id);
            assert_true(!after || list[i].created_ms <= cursor.created_ms);
            strcpy(seen[total++], list[i].id);
            cursor.created_ms = list[i].created_ms;
            strcpy(cursor.id, list[i].id);
        }
        after = &cursor;
        free(list);
        if (count < PAGE)
            break;
    }
    assert_int_equal(total, SESSIONS);
}

static size_t listed(enum ph_caller_role role, const char *subject, const char *session) {
    struct ph_caller caller = {.role = role};
    struct ph_session *list;
    size_t count;
    strcpy(caller.subject, subject);
    strcpy(caller.session, session);
    assert_int_equal(ph_sessions_list(sessions, &caller, NULL, 100, &list, &count), 0);
    for (size_t i = 0; i < count; i++)
        assert_true(ph_policy_allows(role, PH_ACTION_SESSION_LIST,
            ph_policy_relations(
                &caller, &(struct ph_policy_session){list[i].id, list[i].owner, list[i].visibility, false})));
    free(list);
    return count;
}

static void the_list_agrees_with_the_policy(void **state) {
    static const char *const owners[] = {"alice", "bob"};
    char hidden[PH_SESSION_ID_BYTES] = "";
    (void)state;
    for (int owner = 0; owner < 2; owner++) {
        for (int visibility = 0; visibility < PH_VISIBILITIES; visibility++) {
            struct ph_session_birth birth = start(owners[owner], visibility, 1);
            apply(birth.id, PH_SESSION_PUBLISHED, 2);
            if (visibility == PH_VISIBILITY_PRIVATE)
                strcpy(hidden, birth.id); /* bob's in the end */
        }
        start(owners[owner], PH_VISIBILITY_PUBLIC, 1); /* never live */
    }
    assert_int_equal(listed(PH_CALLER_ANONYMOUS, "", ""), 2);
    assert_int_equal(listed(PH_CALLER_VIEWER, "alice", ""), 2);
    assert_int_equal(listed(PH_CALLER_VIEWER, "carol", hidden), 3);
    assert_int_equal(listed(PH_CALLER_STREAMER, "alice", ""), 4);
    assert_int_equal(listed(PH_CALLER_STREAMER, "alice", hidden), 2);
    assert_int_equal(listed(PH_CALLER_STREAMER, "bob", hidden), 3);
    assert_int_equal(listed(PH_CALLER_OPERATOR, "olga", ""), 6);
    assert_int_equal(listed(PH_CALLER_OPERATOR, "olga", hidden), 3);
    assert_int_equal(listed(PH_CALLER_ADMIN, "ada", ""), 6);
}

static void an_owner_has_only_so_many_open_sessions(void **state) {
    struct ph_session_birth births[PH_MOST_OPEN_SESSIONS], extra;
    struct ph_session_wish wish = {.record = true};
    (void)state;
    for (int i = 0; i < PH_MOST_OPEN_SESSIONS; i++)
        births[i] = start("alice", PH_VISIBILITY_PRIVATE, i);
    apply(births[0].id, PH_SESSION_PUBLISHED, 50);
    extra = start("alice", PH_VISIBILITY_PRIVATE, 100);
    assert_string_equal(extra.displaced, births[1].id);
    assert_int_equal(find(births[0].id).state, PH_SESSION_LIVE);
    assert_int_equal(find(births[1].id).state, PH_SESSION_ENDED);
    assert_string_equal(start("bob", PH_VISIBILITY_PRIVATE, 100).displaced, "");
    for (int i = 2; i < PH_MOST_OPEN_SESSIONS; i++)
        apply(births[i].id, PH_SESSION_PUBLISHED, 101);
    apply(extra.id, PH_SESSION_PUBLISHED, 101);
    assert_int_equal(ph_sessions_start(sessions, "alice", &wish, 102, &extra), -EDQUOT);
    apply(births[3].id, PH_SESSION_END, 103);
    assert_int_equal(ph_sessions_start(sessions, "alice", &wish, 104, &extra), 0);
    assert_string_equal(extra.displaced, "");
}

static void what_waits_too_long_ends(void **state) {
    const int64_t day = PH_SESSION_UNUSED_MS;
    (void)state;
    struct ph_session_birth unused = start("alice", PH_VISIBILITY_PRIVATE, 1000);
    struct ph_session_birth lost = start("alice", PH_VISIBILITY_PRIVATE, 1000);
    struct ph_session_birth live = start("alice", PH_VISIBILITY_PRIVATE, 1000);
    apply(lost.id, PH_SESSION_PUBLISHED, 1000);
    apply(lost.id, PH_SESSION_LOST, 2000);
    apply(live.id, PH_SESSION_PUBLISHED, 1000);
    assert_int_equal(ph_sessions_sweep(sessions, 1000 + day, 2000), 0);
    assert_int_equal(find(unused.id).state, PH_SESSION_CREATED);
    assert_int_equal(find(lost.id).state, PH_SESSION_RECONNECTING);
    assert_int_equal(ph_sessions_sweep(sessions, 1001 + day, 2001), 0);
    assert_int_equal(find(unused.id).state, PH_SESSION_ENDED);
    assert_int_equal(find(unused.id).ended_ms, 1001 + day);
    assert_string_equal(find(lost.id).reason, "the publisher did not come back");
    assert_int_equal(find(live.id).state, PH_SESSION_LIVE);
}

static void live_sessions_that_nobody_carries_are_missed(void **state) {
    char ids[1][PH_SESSION_ID_BYTES];
    (void)state;
    struct ph_session_birth carried = start("alice", PH_VISIBILITY_PUBLIC, 1000);
    struct ph_session_birth missed = start("alice", PH_VISIBILITY_PUBLIC, 1000);
    struct ph_session_birth fresh = start("alice", PH_VISIBILITY_PUBLIC, 1000);
    apply(carried.id, PH_SESSION_PUBLISHED, 2000);
    apply(missed.id, PH_SESSION_PUBLISHED, 2000);
    apply(fresh.id, PH_SESSION_PUBLISHED, 9000);
    memcpy(ids[0], carried.id, sizeof(ids[0]));
    assert_int_equal(ph_sessions_carry(sessions, ids, 1, 9000), 0);
    assert_int_equal(ph_sessions_carry(sessions, ids, 0, 9000), 0);
    assert_int_equal(ph_sessions_miss(sessions, 10000, 5000), 0);
    assert_int_equal(find(carried.id).state, PH_SESSION_LIVE);
    assert_int_equal(find(fresh.id).state, PH_SESSION_LIVE);
    assert_int_equal(find(missed.id).state, PH_SESSION_RECONNECTING);
}

static void live_sessions_of_a_dead_process_wait_for_their_publisher(void **state) {
    int64_t counts[PH_SESSION_STATES];
    (void)state;
    struct ph_session_birth live = start("alice", PH_VISIBILITY_PRIVATE, 1000);
    struct ph_session_birth created = start("alice", PH_VISIBILITY_PRIVATE, 1000);
    struct ph_session_birth ended = start("alice", PH_VISIBILITY_PRIVATE, 1000);
    apply(live.id, PH_SESSION_PUBLISHED, 1000);
    apply(ended.id, PH_SESSION_END, 1000);
    assert_int_equal(ph_sessions_recover(sessions, 9000), 0);
    assert_int_equal(ph_sessions_count(sessions, counts), 0);
    assert_int_equal(counts[PH_SESSION_CREATED], 1);
    assert_int_equal(counts[PH_SESSION_LIVE], 0);
    assert_int_equal(counts[PH_SESSION_RECONNECTING], 1);
    assert_int_equal(ph_sessions_sweep(sessions, 9001, 9000), 0);
    assert_int_equal(find(live.id).state, PH_SESSION_RECONNECTING);
    apply(live.id, PH_SESSION_CONNECTED, 9002);
    assert_int_equal(find(live.id).state, PH_SESSION_LIVE);
    assert_int_equal(find(created.id).state, PH_SESSION_CREATED);
}

#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STORE(a_session_lives_and_ends),
        ON_STORE(observers_hear_each_change_once_and_can_undo_it),
        ON_STORE(keys_admit_until_the_end),
        ON_STORE(keys_are_not_in_the_database),
        ON_STORE(pages_follow_each_other_without_gap_or_repeat),
        ON_STORE(the_list_agrees_with_the_policy),
        ON_STORE(an_owner_has_only_so_many_open_sessions),
        ON_STORE(what_waits_too_long_ends),
        ON_STORE(live_sessions_that_nobody_carries_are_missed),
        ON_STORE(live_sessions_of_a_dead_process_wait_for_their_publisher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
