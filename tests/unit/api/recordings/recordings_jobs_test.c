/* Clips and uploads in the database: the jobs that make them, and what follows when they are ready. */
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
#include "api/recordings/recordings_jobs.h"
#include "tests/unit/api/tables.h"

static struct ph_db *db;
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
    return tables_open(&db);
}

static int close_store(void **state) {
    (void)state;
    return tables_close(db);
}

static struct ph_recording find(const char *id) {
    struct ph_recording recording;
    assert_int_equal(ph_recordings_find_for(db, id, "", &recording), 0);
    return recording;
}

static void add(enum ph_recording_kind kind, const char *id, int64_t now_ms) {
    struct ph_recording recording = {
        .kind = kind, .state = PH_RECORDING_PROCESSING, .from_ms = 1000, .to_ms = 3000, .created_ms = now_ms};
    snprintf(recording.id, sizeof(recording.id), "%s", id);
    strcpy(recording.owner, "alice");
    strcpy(recording.title, "Jump");
    if (kind == PH_RECORDING_CLIP)
        memset(recording.source, 'a', sizeof(recording.source) - 1);
    assert_int_equal(ph_recordings_insert(db, &recording), 0);
}

static const char clip[] = "cccccccccccccccccccccccccc", upload[] = "dddddddddddddddddddddddddd";

static void a_job_is_one_nodes_at_a_time(void **state) {
    (void)state;
    struct ph_recording_job job;
    tables_run(db,
        "INSERT INTO webhooks (id, url, events, secret, state, reason, created_by, created_ms, failures, "
        "retry_ms) VALUES ('hook', 'https://x', 'recording.*', 's', 'active', '', 'ada', 1, 0, 0)");
    add(PH_RECORDING_UPLOAD, upload, 1000);
    add(PH_RECORDING_CLIP, clip, 1001);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 999, 2000, &job), 0);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_CLIP, "a", 1001, 2000, &job), 1);
    assert_string_equal(job.id, clip);
    assert_int_equal(job.kind, PH_RECORDING_CLIP);
    assert_string_equal(job.source, "aaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_int_equal(job.from_ms, 1000);
    assert_int_equal(job.to_ms, 3000);
    assert_string_equal(job.title, "Jump");
    assert_int_equal(job.attempts, 1);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "b", 1002, 2000, &job), 1);
    assert_string_equal(job.id, upload);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "c", 1003, 2000, &job), 0);
    assert_int_equal(ph_recording_jobs_renew(db, clip, "a", 5000), 0);
    assert_int_equal(ph_recording_jobs_renew(db, clip, "b", 5000), -ESTALE);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "c", 2001, 3000, &job), 1);
    assert_string_equal(job.id, upload);
    assert_int_equal(job.attempts, 2);
    assert_int_equal(ph_recording_jobs_done(db, upload, "b", NULL, 2002), -ESTALE);
    assert_int_equal(ph_recording_jobs_done(db, upload, "c", NULL, 2003), 0);
    assert_int_equal(find(upload).state, PH_RECORDING_PROCESSING);
    assert_int_equal(ph_recording_jobs_done(db, clip, "a", &outcome, 2004), 0);
    assert_int_equal(find(clip).state, PH_RECORDING_READY);
    assert_int_equal(
        tables_number(db, "SELECT COUNT(*) FROM outbox WHERE event = 'recording.ready' AND kind = 'mail'"),
        0);
    assert_int_equal(tables_number(db, "SELECT COUNT(*) FROM outbox WHERE event = 'recording.ready'"), 1);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "c", 99999, 99999, &job), 0);
}

static void an_upload_that_is_ready_loses_its_source(void **state) {
    (void)state;
    struct ph_recording_removal removal;
    add(PH_RECORDING_UPLOAD, upload, 1000);
    assert_int_equal(ph_recordings_ready(db, upload, &outcome, 5000), 0);
    assert_int_equal(ph_recording_removal_lease(db, "a", 5000, 6000, &removal), 1);
    assert_false(removal.is_all);
    assert_int_equal(ph_recording_removal_done(db, upload, "a", 5001), 0);
    assert_int_equal(find(upload).state, PH_RECORDING_READY);
    assert_int_equal(ph_recording_removal_lease(db, "a", 99999, 99999, &removal), 0);
}

static void a_job_is_tried_five_times(void **state) {
    (void)state;
    struct ph_recording_job job;
    int64_t now_ms = 1000;
    add(PH_RECORDING_CLIP, clip, now_ms);
    for (int i = 1; i <= PH_RECORDING_JOB_ATTEMPTS; i++) {
        assert_int_equal(find(clip).state, PH_RECORDING_PROCESSING);
        assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", now_ms, now_ms + 500, &job), 1);
        assert_int_equal(job.attempts, i);
        assert_int_equal(ph_recording_jobs_fail(db, clip, "a", "no room", true, now_ms), 0);
        assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", now_ms, now_ms + 500, &job), 0);
        now_ms += 1000000;
    }
    assert_int_equal(find(clip).state, PH_RECORDING_FAILED);
    assert_string_equal(find(clip).reason, "no room");
}

static void a_job_that_cannot_go_better_fails_at_once(void **state) {
    (void)state;
    struct ph_recording_job job;
    struct ph_recording_removal removal;
    add(PH_RECORDING_UPLOAD, upload, 1000);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 1000, 2000, &job), 1);
    assert_int_equal(ph_recording_jobs_fail(db, upload, "a", "no video in it", false, 1001), 0);
    assert_int_equal(find(upload).state, PH_RECORDING_FAILED);
    /* Whoever keeps recordings takes its source away, though the job's node dies here. */
    assert_int_equal(ph_recording_removal_lease(db, "b", 1001, 6000, &removal), 1);
    assert_false(removal.is_all);
    assert_int_equal(ph_recording_removal_done(db, upload, "b", 1002), 0);
    assert_int_equal(find(upload).state, PH_RECORDING_FAILED);
    assert_string_equal(find(upload).reason, "no video in it");
    assert_int_equal(ph_recording_removal_lease(db, "b", 99999, 99999, &removal), 0);
}

static void a_job_that_kills_its_nodes_fails(void **state) {
    (void)state;
    struct ph_recording_job job;
    add(PH_RECORDING_UPLOAD, upload, 1000);
    for (int i = 1; i <= PH_RECORDING_JOB_ATTEMPTS; i++)
        assert_int_equal(
            ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 1000 * i, 1000 * i + 500, &job), 1);
    assert_int_equal(ph_recording_jobs_sweep(db, 5400), 0);
    assert_int_equal(find(upload).state, PH_RECORDING_PROCESSING);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 9000, 9999, &job), 0);
    assert_int_equal(ph_recording_jobs_sweep(db, 9000), 0);
    assert_int_equal(find(upload).state, PH_RECORDING_FAILED);
}

static void a_job_that_is_put_off_was_no_attempt(void **state) {
    (void)state;
    struct ph_recording_job job;
    add(PH_RECORDING_CLIP, clip, 1000);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 1000 + i, 2000, &job), 1);
        assert_int_equal(job.attempts, 1);
        assert_int_equal(ph_recording_jobs_put_off(db, clip, "a", 1001 + i), 0);
    }
}

static enum ph_clip_source judge(const struct ph_recording_job *job, int64_t now_ms) {
    enum ph_clip_source source;
    assert_int_equal(ph_recording_jobs_judge_source(db, job, now_ms, &source), 0);
    return source;
}

/* A clip of a clip; a session's recording goes the same way. */
static void a_clip_waits_for_its_source_while_that_may_come(void **state) {
    (void)state;
    enum { day_ms = 24 * 3600 * 1000 };
    struct ph_recording_job job = {.kind = PH_RECORDING_CLIP, .created_ms = 1000};
    memcpy(job.source, clip, sizeof(clip));
    assert_int_equal(judge(&job, 2000), PH_CLIP_SOURCE_GONE);
    add(PH_RECORDING_CLIP, clip, 500);
    assert_int_equal(judge(&job, 2000), PH_CLIP_SOURCE_GROWS);
    assert_int_equal(judge(&job, 1001 + day_ms), PH_CLIP_SOURCE_GONE);
    tables_run(db, "UPDATE recordings SET state = 'deleting'");
    assert_int_equal(judge(&job, 2000), PH_CLIP_SOURCE_GROWS);
    tables_run(db, "UPDATE recordings SET ready_ms = 1500");
    assert_int_equal(judge(&job, 2000), PH_CLIP_SOURCE_WHOLE);
    tables_run(db, "UPDATE recordings SET state = 'ready'");
    assert_int_equal(judge(&job, 2000), PH_CLIP_SOURCE_WHOLE);
    tables_run(db, "UPDATE recordings SET state = 'failed'");
    assert_int_equal(judge(&job, 2000), PH_CLIP_SOURCE_GONE);
}

static void what_a_job_makes_is_ready_when_it_says_so(void **state) {
    (void)state;
    struct ph_recording_job job;
    add(PH_RECORDING_CLIP, clip, 1000);
    assert_int_equal(ph_recordings_is_unmade(db, clip), 1);
    assert_int_equal(ph_recordings_ready(db, clip, &outcome, 1100), -ESTALE);
    assert_int_equal(find(clip).state, PH_RECORDING_PROCESSING);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_CLIP, "a", 1000, 2000, &job), 1);
    assert_int_equal(ph_recording_jobs_done(db, clip, "a", &outcome, 1200), 0);
    assert_int_equal(ph_recordings_is_unmade(db, clip), 0);
    assert_int_equal(ph_recordings_ready(db, clip, &outcome, 1300), 0);
}

static void the_newest_take_of_an_upload_counts(void **state) {
    (void)state;
    struct ph_recording_job first, second;
    struct ph_recording_outcome of_first = outcome, of_second = outcome;
    add(PH_RECORDING_UPLOAD, upload, 1000);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 1000, 2000, &first), 1);
    assert_int_equal(ph_recording_jobs_is_wanted(db, upload, first.take, false, 1500), 1);
    assert_int_equal(ph_recording_jobs_put_off(db, upload, "a", 1600), 0);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "b", 2001, 3000, &second), 1);
    assert_int_equal(second.attempts, 1);
    assert_int_equal(second.take, first.take + 1);
    assert_int_equal(ph_recording_jobs_is_wanted(db, upload, first.take, true, 2100), 0);
    assert_int_equal(ph_recording_jobs_is_wanted(db, upload, second.take, true, 2100), 1);
    of_first.take = first.take;
    of_second.take = second.take;
    assert_int_equal(ph_recordings_ready(db, upload, &of_first, 2200), -ESTALE);
    assert_int_equal(find(upload).state, PH_RECORDING_PROCESSING);
    assert_int_equal(ph_recordings_ready(db, upload, &of_second, 2300), 0);
    assert_int_equal(find(upload).state, PH_RECORDING_READY);
    assert_int_equal(ph_recording_jobs_is_wanted(db, upload, second.take, false, 2400), 0);
    /* The archive comes by again, since it was killed before it could note that this is done: it keeps all.
     */
    assert_int_equal(ph_recording_jobs_is_wanted(db, upload, second.take, true, 2400), 1);
    assert_int_equal(ph_recording_jobs_is_wanted(db, upload, first.take, true, 2400), 0);
    assert_int_equal(find(upload).state, PH_RECORDING_READY);
}

static void an_upload_that_the_archive_still_makes_is_not_begun_again(void **state) {
    (void)state;
    const int64_t hour_ms = 3600 * INT64_C(1000);
    struct ph_recording_job job;
    add(PH_RECORDING_UPLOAD, upload, 1000);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 1000, 2000, &job), 1);
    assert_int_equal(ph_recording_jobs_done(db, upload, "a", NULL, 1500), 0);
    assert_int_equal(ph_recording_jobs_is_wanted(db, upload, job.take, true, 5 * hour_ms), 1);
    assert_int_equal(
        ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "b", 10 * hour_ms, 11 * hour_ms, &job), 0);
    assert_int_equal(
        ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "b", 12 * hour_ms, 13 * hour_ms, &job), 1);
}

static void a_deleted_recordings_job_is_over(void **state) {
    (void)state;
    struct ph_recording_job job;
    add(PH_RECORDING_CLIP, clip, 1000);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_KINDS, "a", 1000, 2000, &job), 1);
    assert_int_equal(ph_recordings_delete(db, clip, &alice, 1500), 1);
    assert_int_equal(ph_recording_jobs_renew(db, clip, "a", 9000), -ESTALE);
    assert_int_equal(ph_recording_jobs_done(db, clip, "a", &outcome, 1600), -ESTALE);
    assert_int_equal(ph_recording_jobs_fail(db, clip, "a", "x", false, 1600), -ESTALE);
    assert_int_equal(find(clip).state, PH_RECORDING_DELETING);
}

static int remember(void *opaque, const char *id) {
    char *seen = opaque;
    strcat(seen, id);
    return strlen(seen) >= 2 * (size_t)PH_SESSION_ID_CHARACTERS ? 7 : 0;
}

static void those_that_are_ready_are_visited(void **state) {
    (void)state;
    char seen[256] = "", expected[64];
    struct ph_recording_job job;
    add(PH_RECORDING_CLIP, clip, 1000);
    add(PH_RECORDING_UPLOAD, upload, 1000);
    assert_int_equal(ph_recording_jobs_lease(db, PH_RECORDING_CLIP, "a", 1000, 2000, &job), 1);
    assert_int_equal(ph_recording_jobs_done(db, clip, "a", &outcome, 1500), 0);
    assert_int_equal(ph_recordings_each_ready(db, NULL, remember, seen), 0);
    assert_string_equal(seen, clip);
    assert_int_equal(ph_recordings_ready(db, upload, &outcome, 5000), 0);
    seen[0] = '\0';
    assert_int_equal(ph_recordings_each_ready(db, NULL, remember, seen), 7);
    snprintf(expected, sizeof(expected), "%s%s", clip, upload);
    assert_string_equal(seen, expected);
    seen[0] = '\0';
    assert_int_equal(ph_recordings_each_ready(db, upload, remember, seen), 0);
    assert_string_equal(seen, upload);
}

#define test(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_job_is_one_nodes_at_a_time),
        test(an_upload_that_is_ready_loses_its_source),
        test(a_job_is_tried_five_times),
        test(a_job_that_cannot_go_better_fails_at_once),
        test(a_job_that_kills_its_nodes_fails),
        test(a_job_that_is_put_off_was_no_attempt),
        test(a_deleted_recordings_job_is_over),
        test(a_clip_waits_for_its_source_while_that_may_come),
        test(what_a_job_makes_is_ready_when_it_says_so),
        test(the_newest_take_of_an_upload_counts),
        test(an_upload_that_the_archive_still_makes_is_not_begun_again),
        test(those_that_are_ready_are_visited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
