/* Uploads in the database and on disk. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/recordings/recordings_jobs.h"
#include "api/recordings/upload_file.h"
#include "api/recordings/uploads_store.h"
#include "tests/unit/api/tables.h"

static struct ph_db *db;
static char folder[512];

static int open_store(void **state) {
    (void)state;
    if (tables_open(&db) < 0)
        return -1;
    snprintf(folder, sizeof(folder), "%s/uploads", ph_test_database_folder());
    return ph_upload_folder_make(folder);
}

static int close_store(void **state) {
    (void)state;
    return tables_close(db);
}

static struct ph_upload begin(const char *owner, int64_t bytes) {
    struct ph_upload upload = {.bytes = bytes};
    snprintf(upload.owner, sizeof(upload.owner), "%s", owner);
    strcpy(upload.title, "Castle");
    assert_int_equal(ph_uploads_begin(db, &upload, 1000), 0);
    return upload;
}

static void an_upload_becomes_a_recordings_job(void **state) {
    (void)state;
    struct ph_upload upload = begin("alice", 100), found, stale = upload;
    struct ph_recording recording;
    struct ph_recording_job job;
    assert_int_equal(ph_uploads_advance(db, &upload, 60, 2000), 0);
    assert_int_equal(ph_uploads_advance(db, &stale, 50, 2000), -ESTALE);
    assert_int_equal(ph_uploads_find(db, upload.id, 2000, &found), 0);
    assert_int_equal(found.received, 60);
    assert_string_equal(found.owner, "alice");
    assert_int_equal(ph_uploads_next_whole(db, "", &found), 0);
    assert_int_equal(ph_recordings_find_for(db, upload.id, "", &recording), -ENOENT);
    assert_int_equal(ph_uploads_advance(db, &upload, 100, 3000), 0);
    assert_int_equal(ph_uploads_end(db, upload.id), -EEXIST);
    assert_int_equal(ph_uploads_next_whole(db, "", &found), 1);
    assert_string_equal(found.id, upload.id);
    assert_int_equal(ph_uploads_next_whole(db, upload.id, &found), 0);
    assert_int_equal(ph_recordings_find_for(db, upload.id, "", &recording), 0);
    assert_int_equal(recording.kind, PH_RECORDING_UPLOAD);
    assert_int_equal(recording.state, PH_RECORDING_PROCESSING);
    assert_string_equal(recording.title, "Castle");
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 9000, 9999, &job), 0);
    assert_int_equal(ph_uploads_stored(db, upload.id, 5000), 0);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 9000, 9999, &job), 1);
    assert_string_equal(job.id, upload.id);
    assert_int_equal(ph_uploads_next_whole(db, "", &found), 0);
    /* Who missed the last answer is told that all is there, until it expires; its recording stays. */
    assert_int_equal(ph_uploads_find(db, upload.id, 5000, &found), 0);
    assert_int_equal(found.received, 100);
    assert_int_equal(ph_uploads_stored(db, upload.id, 6000), 0);
    assert_int_equal(ph_uploads_expire(db, 3000 + PH_UPLOAD_KEPT_MS), 0);
    assert_int_equal(ph_uploads_find(db, upload.id, 5000, &found), -ENOENT);
    assert_int_equal(ph_recordings_find_for(db, upload.id, "", &recording), 0);
    assert_int_equal(recording.state, PH_RECORDING_PROCESSING);
}

static void three_of_one_subject_go_on_at_once(void **state) {
    (void)state;
    struct ph_upload upload = {.bytes = 5, .owner = "alice"}, one = begin("alice", 5);
    begin("alice", 5);
    begin("alice", 5);
    begin("bob", 5);
    assert_int_equal(ph_uploads_begin(db, &upload, 1000), -EDQUOT);
    assert_int_equal(ph_uploads_end(db, one.id), 0);
    assert_int_equal(ph_uploads_begin(db, &upload, 1000), 0);
    assert_int_equal(ph_uploads_begin(db, &upload, 1000), -EDQUOT);
    assert_int_equal(ph_uploads_begin(db, &upload, 1000 + PH_UPLOAD_KEPT_MS), 0);
}

/* Its client never learned where they are, and cannot end them. */
static void those_whose_creation_was_never_heard_of_stop_nobody_for_long(void **state) {
    (void)state;
    enum { hour_ms = 3600 * 1000 };
    struct ph_upload upload = {.bytes = 5, .owner = "alice"}, partly = begin("alice", 5);
    begin("alice", 5);
    begin("alice", 5);
    assert_int_equal(ph_uploads_advance(db, &partly, 1, 2000), 0);
    assert_int_equal(ph_uploads_begin(db, &upload, 999 + hour_ms), -EDQUOT);
    assert_int_equal(ph_uploads_begin(db, &upload, 1000 + hour_ms), 0);
    assert_int_equal(ph_uploads_begin(db, &upload, 1000 + hour_ms), 0);
    assert_int_equal(ph_uploads_begin(db, &upload, 1000 + hour_ms), -EDQUOT);
}

static void what_expires_is_forgotten_and_told(void **state) {
    (void)state;
    struct ph_upload partly = begin("alice", 100), whole = begin("alice", 100), found;
    struct ph_recording recording;
    assert_int_equal(ph_uploads_advance(db, &whole, 100, 2000), 0);
    assert_int_equal(ph_uploads_expire(db, 999 + PH_UPLOAD_KEPT_MS), 0);
    assert_int_equal(ph_uploads_find(db, partly.id, 999 + PH_UPLOAD_KEPT_MS, &found), 0);
    assert_int_equal(ph_uploads_find(db, partly.id, 1000 + PH_UPLOAD_KEPT_MS, &found), -ENOENT);
    assert_int_equal(ph_uploads_expire(db, 1000 + PH_UPLOAD_KEPT_MS), 0);
    assert_int_equal(ph_uploads_find(db, partly.id, 1000, &found), -ENOENT);
    assert_int_equal(ph_recordings_find_for(db, whole.id, "", &recording), 0);
    assert_int_equal(recording.state, PH_RECORDING_PROCESSING);
    assert_int_equal(ph_uploads_expire(db, 2000 + PH_UPLOAD_KEPT_MS), 0);
    assert_int_equal(ph_uploads_next_whole(db, "", &found), 0);
    assert_int_equal(ph_recordings_find_for(db, whole.id, "", &recording), 0);
    assert_int_equal(recording.state, PH_RECORDING_FAILED);
}

/* Its last bytes come a moment before it expires, and the store takes its time. */
static void a_whole_one_is_kept_for_a_day_more(void **state) {
    (void)state;
    struct ph_upload upload = begin("alice", 100), found;
    int64_t late_ms = 999 + PH_UPLOAD_KEPT_MS;
    assert_int_equal(ph_uploads_advance(db, &upload, 100, late_ms), 0);
    assert_int_equal(upload.expires_ms, late_ms + PH_UPLOAD_KEPT_MS);
    assert_int_equal(ph_uploads_expire(db, late_ms + 1000), 0);
    assert_int_equal(ph_uploads_next_whole(db, "", &found), 1);
    assert_int_equal(found.expires_ms, late_ms + PH_UPLOAD_KEPT_MS);
    assert_int_equal(ph_uploads_stored(db, upload.id, late_ms + 2000), 0);
}

/* A chunk is on its way while the upload expires: nobody is told that it counts. */
static void what_has_expired_takes_no_more(void **state) {
    (void)state;
    struct ph_upload upload = begin("alice", 100);
    struct ph_recording recording;
    assert_int_equal(ph_uploads_advance(db, &upload, 100, 1000 + PH_UPLOAD_KEPT_MS), -ENOENT);
    assert_int_equal(ph_recordings_find_for(db, upload.id, "", &recording), -ENOENT);
}

/* Another call, or another node, is faster than who wants to forget it. */
static void only_what_is_not_whole_is_given_up(void **state) {
    (void)state;
    struct ph_upload partly = begin("alice", 100), whole = begin("alice", 100);
    assert_int_equal(ph_uploads_advance(db, &partly, 50, 2000), 0);
    assert_int_equal(ph_uploads_advance(db, &whole, 100, 2000), 0);
    assert_int_equal(ph_uploads_end(db, partly.id), 0);
    assert_int_equal(ph_uploads_end(db, partly.id), 0);
    assert_int_equal(ph_uploads_end(db, whole.id), -EEXIST);
}

static struct ph_slice text(const char *bytes) {
    return (struct ph_slice){(const uint8_t *)bytes, strlen(bytes)};
}

static void a_file_grows_behind_what_was_acknowledged(void **state) {
    static const char id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
    uint8_t bytes[16];
    int fd, other;
    (void)state;
    assert_int_equal(ph_upload_file_create(folder, id, &fd), 0);
    assert_int_equal(ph_upload_file_open(folder, id, &other), -EBUSY);
    assert_int_equal(ph_upload_file_append(fd, 0, text("abcdef")), 0);
    assert_int_equal(ph_upload_file_append(fd, 3, text("XY")), 0);
    assert_int_equal(ph_upload_file_begin(fd, bytes, sizeof(bytes)), 5);
    assert_memory_equal(bytes, "abcXY", 5);
    assert_int_equal(ph_upload_file_append(fd, 6, text("Z")), -ENOENT);
    close(fd);
    assert_int_equal(ph_upload_file_open(folder, id, &other), 0);
    close(other);
    ph_upload_folder_sweep(folder, 1000);
    assert_int_equal(ph_upload_file_open(folder, id, &other), 0);
    close(other);
    ph_upload_folder_sweep(folder, INT64_MAX);
    assert_int_equal(ph_upload_file_open(folder, id, &other), -ENOENT);
}

#define test(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(an_upload_becomes_a_recordings_job),
        test(three_of_one_subject_go_on_at_once),
        test(those_whose_creation_was_never_heard_of_stop_nobody_for_long),
        test(what_expires_is_forgotten_and_told),
        test(a_whole_one_is_kept_for_a_day_more),
        test(what_has_expired_takes_no_more),
        test(only_what_is_not_whole_is_given_up),
        test(a_file_grows_behind_what_was_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
