/* Recordings from a session's first picture to a tombstone, in the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/recordings/recording_removal.h"
#include "api/recordings/recording_states.h"
#include "tests/unit/api/tables.h"

static struct ph_db *db;
static struct ph_sessions *sessions;
static struct ph_recording_observer observer;
static const struct ph_caller alice = {.role = PH_CALLER_STREAMER, .subject = "alice"};
static const struct ph_recording_outcome outcome = {.duration_ms = 61234,
    .bytes = 5000,
    .total_bytes = 12000,
    .width = 1920,
    .height = 1080,
    .has_poster = true,
    .has_storyboard = true};

static int open_store(void **state) {
    (void)state;
    if (tables_open(&db) < 0)
        return -1;
    int code = ph_sessions_create(&sessions, db, "720p30@2500k");
    ph_recording_observer_init(&observer);
    if (code == 0)
        ph_sessions_observe(sessions, &observer.observer);
    return code;
}

static int close_store(void **state) {
    (void)state;
    ph_sessions_destroy(sessions);
    return tables_close(db);
}

static struct ph_session_birth start(const char *owner, bool record) {
    struct ph_session_birth birth;
    struct ph_session_wish wish = {.record = record};
    strcpy(wish.title, "Castle");
    assert_int_equal(ph_sessions_start(sessions, owner, &wish, 1000, &birth), 0);
    return birth;
}

static void apply(const char *id, enum ph_session_event event, int64_t now_ms) {
    assert_int_equal(ph_sessions_apply(sessions, id, event, "because", now_ms), 0);
}

/* A session that was live from 2000 to 9000. */
static struct ph_session_birth play(const char *owner) {
    struct ph_session_birth birth = start(owner, true);
    apply(birth.id, PH_SESSION_CONNECTED, 1500);
    apply(birth.id, PH_SESSION_PUBLISHED, 2000);
    apply(birth.id, PH_SESSION_END, 9000);
    return birth;
}

static struct ph_recording find(const char *id) {
    struct ph_recording recording;
    assert_int_equal(ph_recordings_find_for(db, id, "", &recording), 0);
    return recording;
}

static void have_a_guardian_and_a_webhook(void) {
    tables_run(db,
        "INSERT INTO profiles (subject, display_name, avatar_url, changed_ms) VALUES ('alice', 'Alice', '', "
        "1)");
    tables_run(db, "INSERT INTO guardians (profile, subject, mail_address, language, wants_started, "
                   "wants_ended, wants_recording) VALUES ('alice', 'mum', 'mum@example.org', 'en', 0, 0, 1)");
    tables_run(db,
        "INSERT INTO webhooks (id, url, events, secret, state, reason, created_by, created_ms, failures, "
        "retry_ms) VALUES ('hook', 'https://x', 'recording.*', 's', 'active', '', 'ada', 1, 0, 0)");
}

static void a_recording_follows_its_session(void **state) {
    (void)state;
    struct ph_recording recording;
    struct ph_session_birth birth = start("alice", true);
    apply(birth.id, PH_SESSION_CONNECTED, 1500);
    assert_int_equal(ph_recordings_find_for(db, birth.id, "", &recording), -ENOENT);
    apply(birth.id, PH_SESSION_PUBLISHED, 2000);
    recording = find(birth.id);
    assert_int_equal(recording.state, PH_RECORDING_RECORDING);
    assert_int_equal(recording.kind, PH_RECORDING_SESSION);
    assert_string_equal(recording.session, birth.id);
    assert_string_equal(recording.owner, "alice");
    char title[PH_TITLE_BYTES];
    assert_int_equal(ph_recordings_title(db, birth.id, title), 0);
    assert_string_equal(title, "Castle");
    assert_int_equal(ph_recordings_title(db, "nobody", title), 0);
    assert_string_equal(title, "");
    assert_int_equal(recording.created_ms, 2000);
    apply(birth.id, PH_SESSION_LOST, 3000);
    apply(birth.id, PH_SESSION_PUBLISHED, 4000);
    assert_int_equal(find(birth.id).state, PH_RECORDING_RECORDING);
    assert_int_equal(ph_recordings_is_unmade(db, birth.id), 1);
    apply(birth.id, PH_SESSION_END, 9000);
    recording = find(birth.id);
    assert_int_equal(recording.state, PH_RECORDING_PROCESSING);
    assert_int_equal(ph_recordings_is_unmade(db, birth.id), 0);
    assert_int_equal(recording.duration_ms, 7000);
}

static void a_session_that_is_not_to_be_recorded_or_had_no_media_has_none(void **state) {
    (void)state;
    struct ph_recording recording;
    struct ph_session_birth birth = start("alice", false);
    apply(birth.id, PH_SESSION_PUBLISHED, 2000);
    apply(birth.id, PH_SESSION_END, 3000);
    assert_int_equal(ph_recordings_find_for(db, birth.id, "", &recording), -ENOENT);
    assert_int_equal(ph_recordings_ready(db, birth.id, &outcome, 4000), -ENOENT);
    birth = start("alice", true);
    apply(birth.id, PH_SESSION_END, 3000);
    assert_int_equal(ph_recordings_find_for(db, birth.id, "", &recording), -ENOENT);
    assert_int_equal(ph_recordings_failed(db, birth.id, "x", 4000), -ENOENT);
    assert_int_equal(ph_recordings_is_deleted(db, birth.id), 0);
    assert_int_equal(ph_recordings_ready(db, "nobodys", &outcome, 4000), -ENOENT);
}

/* It was over before its first part was known of, or nobody could say that it was live: the archive has it.
 */
static void what_the_archive_has_of_a_session_is_its_recording(void **state) {
    (void)state;
    have_a_guardian_and_a_webhook();
    struct ph_session_birth birth = start("alice", true);
    apply(birth.id, PH_SESSION_CONNECTED, 1500);
    apply(birth.id, PH_SESSION_END, 3000);
    assert_int_equal(ph_recordings_ready(db, birth.id, &outcome, 4000), 0);
    apply(birth.id, PH_SESSION_PUBLISHED, 5000);
    struct ph_recording recording = find(birth.id);
    assert_int_equal(recording.state, PH_RECORDING_READY);
    assert_int_equal(recording.kind, PH_RECORDING_SESSION);
    assert_string_equal(recording.session, birth.id);
    assert_string_equal(recording.owner, "alice");
    assert_string_equal(recording.title, "Castle");
    assert_int_equal(recording.created_ms, 1000);
    assert_int_equal(recording.duration_ms, outcome.duration_ms);
    assert_true(tables_number(db, "SELECT COUNT(*) FROM outbox") > 0);
    birth = start("alice", true);
    assert_int_equal(ph_recordings_ready(db, birth.id, &outcome, 4000), 0);
    apply(birth.id, PH_SESSION_CONNECTED, 5000);
    apply(birth.id, PH_SESSION_PUBLISHED, 5000);
    apply(birth.id, PH_SESSION_END, 5000);
    assert_int_equal(find(birth.id).state, PH_RECORDING_READY);
}

static void ready_is_told_once(void **state) {
    (void)state;
    have_a_guardian_and_a_webhook();
    struct ph_session_birth birth = play("alice");
    assert_int_equal(ph_recordings_ready(db, birth.id, &outcome, 10000), 0);
    struct ph_recording_outcome repaired = outcome;
    repaired.bytes = 6000;
    assert_int_equal(ph_recordings_ready(db, birth.id, &repaired, 11000), 0);
    struct ph_recording recording = find(birth.id);
    assert_int_equal(recording.state, PH_RECORDING_READY);
    assert_int_equal(recording.bytes, 6000);
    assert_int_equal(recording.total_bytes, 12000);
    assert_int_equal(recording.duration_ms, 61234);
    assert_int_equal(recording.width, 1920);
    assert_int_equal(recording.height, 1080);
    assert_true(recording.has_poster && recording.has_storyboard);
    assert_int_equal(recording.ready_ms, 10000);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE event = 'recording.ready'"), 2);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM events WHERE type = 'recording'"), 3);
    assert_int_equal(ph_recordings_failed(db, birth.id, "too late", 12000), 0);
    assert_int_equal(find(birth.id).state, PH_RECORDING_READY);
}

static void ready_may_come_before_the_end_is_told(void **state) {
    (void)state;
    struct ph_session_birth birth = start("alice", true);
    apply(birth.id, PH_SESSION_PUBLISHED, 2000);
    assert_int_equal(ph_recordings_ready(db, birth.id, &outcome, 10000), 0);
    apply(birth.id, PH_SESSION_END, 11000);
    assert_int_equal(find(birth.id).state, PH_RECORDING_READY);
    assert_int_equal(find(birth.id).duration_ms, 61234);
}

static void a_failed_one_may_be_repaired(void **state) {
    (void)state;
    struct ph_session_birth birth = play("alice");
    assert_int_equal(ph_recordings_failed(db, birth.id, "the disk was full", 10000), 0);
    assert_int_equal(find(birth.id).state, PH_RECORDING_FAILED);
    assert_string_equal(find(birth.id).reason, "the disk was full");
    assert_int_equal(ph_recordings_ready(db, birth.id, &outcome, 11000), 0);
    assert_int_equal(find(birth.id).state, PH_RECORDING_READY);
    assert_string_equal(find(birth.id).reason, "");
}

static size_t listed(const struct ph_caller *caller, const char *session) {
    struct ph_recording *list;
    size_t number;
    struct ph_recordings_filter filter = {.session = session, .after_ms = INT64_MAX, .after_id = ""};
    assert_int_equal(ph_recordings_list(db, caller, &filter, 10, &list, &number), 0);
    free(list);
    return number;
}

static void a_list_shows_what_its_caller_may_see(void **state) {
    (void)state;
    have_a_guardian_and_a_webhook();
    struct ph_session_birth first = play("alice"), second = play("alice");
    play("bob");
    struct ph_caller narrowed = alice;
    strcpy(narrowed.session, first.id);
    assert_int_equal(listed(&alice, ""), 2);
    assert_int_equal(listed(&alice, second.id), 1);
    assert_int_equal(listed(&narrowed, ""), 1);
    assert_int_equal(listed(&(struct ph_caller){.role = PH_CALLER_VIEWER, .subject = "mum"}, ""), 2);
    assert_int_equal(listed(&(struct ph_caller){.role = PH_CALLER_VIEWER, .subject = "eve"}, ""), 0);
    assert_int_equal(listed(&(struct ph_caller){.role = PH_CALLER_OPERATOR, .subject = "o"}, ""), 3);
    assert_int_equal(listed(&(struct ph_caller){.role = PH_CALLER_ADMIN, .subject = "a"}, ""), 3);
    assert_int_equal(listed(&(struct ph_caller){.role = PH_CALLER_ANONYMOUS}, ""), 0);
}

static void pages_go_from_the_newest_on(void **state) {
    (void)state;
    struct ph_recording *list;
    size_t number;
    for (int i = 0; i < 3; i++)
        play("alice");
    struct ph_recordings_filter filter = {.session = "", .after_ms = INT64_MAX, .after_id = ""};
    assert_int_equal(ph_recordings_list(db, &alice, &filter, 2, &list, &number), 0);
    assert_int_equal(number, 2);
    assert_true(strcmp(list[0].id, list[1].id) > 0);
    filter.after_ms = list[1].created_ms;
    filter.after_id = list[1].id;
    struct ph_recording *rest;
    assert_int_equal(ph_recordings_list(db, &alice, &filter, 2, &rest, &number), 0);
    assert_int_equal(number, 1);
    assert_true(strcmp(list[1].id, rest[0].id) > 0);
    free(list);
    free(rest);
}

static void deleting_ends_as_a_tombstone(void **state) {
    (void)state;
    struct ph_recording_removal removal;
    have_a_guardian_and_a_webhook();
    struct ph_session_birth birth = start("alice", true);
    apply(birth.id, PH_SESSION_PUBLISHED, 2000);
    assert_int_equal(ph_recordings_delete(db, birth.id, &alice, 5000), -EBUSY);
    apply(birth.id, PH_SESSION_END, 9000);
    assert_int_equal(ph_recordings_delete(db, birth.id, &alice, 10000), 1);
    assert_int_equal(ph_recordings_delete(db, birth.id, &alice, 10001), 0);
    assert_int_equal(ph_recordings_is_deleted(db, birth.id), 1);
    assert_int_equal(listed(&alice, ""), 0);
    assert_int_equal(
        tables_number(db, "SELECT COUNT(*) FROM audit_log WHERE action = 'recordings.delete'"), 1);
    assert_int_equal(ph_recordings_ready(db, birth.id, &outcome, 10002), 0);
    assert_int_equal(find(birth.id).state, PH_RECORDING_DELETING);

    assert_int_equal(ph_recording_removal_lease(db, "a", 11000, 12000, &removal), 1);
    assert_true(removal.is_all);
    assert_string_equal(removal.id, birth.id);
    assert_int_equal(ph_recording_removal_lease(db, "b", 11500, 12500, &removal), 0);
    assert_int_equal(ph_recording_removal_lease(db, "b", 12001, 13000, &removal), 1);
    assert_int_equal(removal.attempts, 2);
    assert_int_equal(ph_recording_removal_done(db, birth.id, "a", 12002), -ESTALE);
    assert_int_equal(ph_recording_removal_again(db, birth.id, "b", 20000), 0);
    assert_int_equal(ph_recording_removal_lease(db, "b", 19999, 21000, &removal), 0);
    assert_int_equal(ph_recording_removal_lease(db, "b", 20000, 21000, &removal), 1);
    assert_int_equal(ph_recording_removal_done(db, birth.id, "b", 20001), 0);
    assert_int_equal(find(birth.id).state, PH_RECORDING_DELETED);
    assert_string_equal(find(birth.id).title, "");
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE event = 'recording.deleted'"), 1);
    assert_int_equal(ph_recordings_delete(db, birth.id, &alice, 30000), 0);
    assert_int_equal(ph_recordings_is_deleted(db, birth.id), 1);

    int64_t late_ms = 20001 + PH_LATE_REMOVAL_MS;
    assert_int_equal(ph_recording_removal_lease(db, "b", late_ms - 1, late_ms, &removal), 0);
    assert_int_equal(ph_recording_removal_lease(db, "b", late_ms, late_ms + 1, &removal), 1);
    assert_true(removal.is_all);
    assert_int_equal(ph_recording_removal_done(db, birth.id, "b", late_ms), 0);
    assert_int_equal(ph_recording_removal_lease(db, "b", 10 * late_ms, 10 * late_ms, &removal), 0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE event = 'recording.deleted'"), 1);
}

/* The highlight is cut out, and the rest deleted. */
static void what_a_clip_is_being_made_of_is_removed_when_that_is_done(void **state) {
    (void)state;
    enum { day_ms = 24 * 3600 * 1000 };
    struct ph_recording_removal removal;
    struct ph_session_birth birth = start("alice", true);
    apply(birth.id, PH_SESSION_PUBLISHED, 2000);
    apply(birth.id, PH_SESSION_END, 9000);
    assert_int_equal(ph_recordings_ready(db, birth.id, &outcome, 9500), 0);
    struct ph_recording clip = {
        .kind = PH_RECORDING_CLIP, .state = PH_RECORDING_PROCESSING, .created_ms = 10000};
    memset(clip.id, 'c', PH_SESSION_ID_CHARACTERS);
    memcpy(clip.source, birth.id, sizeof(clip.source));
    strcpy(clip.owner, "alice");
    assert_int_equal(ph_recordings_insert(db, &clip), 0);
    assert_int_equal(ph_recordings_delete(db, birth.id, &alice, 11000), 1);
    assert_int_equal(ph_recordings_is_deleted(db, birth.id), 1);
    assert_int_equal(ph_recording_removal_lease(db, "a", 12000, 13000, &removal), 0);
    assert_int_equal(ph_recordings_is_being_cut(db, birth.id, 12000), 1);
    assert_int_equal(ph_recordings_is_being_cut(db, clip.id, 12000), 0);
    assert_int_equal(ph_recordings_is_being_cut(db, birth.id, 10000 + day_ms), 0);
    assert_int_equal(ph_recording_removal_lease(db, "a", 10000 + day_ms, 14000, &removal), 1);
    assert_int_equal(ph_recording_removal_again(db, birth.id, "a", 12000), 0);
    assert_int_equal(ph_recordings_failed(db, clip.id, "it cannot be read", 15000), 0);
    assert_int_equal(ph_recordings_is_being_cut(db, birth.id, 12000), 0);
    assert_int_equal(ph_recording_removal_lease(db, "a", 16000, 17000, &removal), 1);
    assert_string_equal(removal.id, birth.id);
}

#define test(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_recording_follows_its_session),
        test(a_session_that_is_not_to_be_recorded_or_had_no_media_has_none),
        test(what_the_archive_has_of_a_session_is_its_recording),
        test(ready_is_told_once),
        test(ready_may_come_before_the_end_is_told),
        test(a_failed_one_may_be_repaired),
        test(a_list_shows_what_its_caller_may_see),
        test(pages_go_from_the_newest_on),
        test(deleting_ends_as_a_tombstone),
        test(what_a_clip_is_being_made_of_is_removed_when_that_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
