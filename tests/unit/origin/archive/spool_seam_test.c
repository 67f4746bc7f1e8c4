/* The spool and the archive together: what waits for the store stays on disk and out of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "origin/archive/archive.h"
#include "origin/spool.h"
#include "tests/unit/origin/example.h"
#include "tests/unit/support/store.h"

enum { segments = 60, parts = 3 };

static struct ph_store *store;
static struct ph_metrics *metrics;
static struct ph_test_clock test_clock;
static struct ph_origin_sessions *sessions;
static struct ph_archive *archive;
static struct ph_spool *spool;

static void open_spool(void) {
    const struct ph_archive_options archive_options = {.store = store, .metrics = metrics};
    assert_int_equal(ph_archive_create(&archive, &archive_options), 0);
    assert_int_equal(ph_origin_sessions_create(&sessions, 0), 0);
    const struct ph_spool_options options = {.data_dir = ph_test_store_folder(),
        .most_bytes = 1 << 20,
        .keep_ended_us = 300 * PH_SECOND_US,
        .clock = &test_clock.base,
        .sessions = sessions,
        .metrics = example_metrics(),
        .archive = archive};
    assert_int_equal(ph_spool_create(&spool, &options, NULL), 0);
}

static void close_spool(void) {
    ph_spool_destroy(spool);
    ph_archive_destroy(archive);
    ph_origin_sessions_destroy(sessions);
}

static int begin(void **state) {
    (void)state;
    ph_test_clock_init(&test_clock, INT64_C(1767323045678000));
    ph_test_clock_advance(&test_clock, 1000 * PH_SECOND_US);
    if (ph_test_store_make() || ph_metrics_create(&metrics))
        return -1;
    store = ph_test_store_open();
    return store ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    ph_store_destroy(store);
    ph_metrics_destroy(metrics);
    return ph_test_store_remove();
}

static void add_parts(struct ph_session *session, uint32_t from, uint32_t below) {
    for (uint32_t i = from; i < below; i++) {
        struct ph_part_position next;
        struct ph_part *part = example_part(&session->publication, i / parts, i % parts, false);
        assert_int_equal(
            ph_session_add_part(session, 0, part, test_clock.monotonic_us, &next, NULL), PH_WINDOW_ADDED);
        ph_part_unref(&part);
    }
}

static struct ph_session *publish(uint32_t count) {
    struct ph_publication publication = example_publication(parts);
    struct ph_session *session =
        ph_session_create("s", &publication, example_metrics(), test_clock.monotonic_us);
    struct ph_bytes *init = ph_bytes_copy("init", 4);
    assert_int_equal(ph_origin_sessions_insert(sessions, session), 0);
    assert_int_equal(ph_session_set_init(session, 0, init, 0), 0);
    ph_bytes_unref(&init);
    add_parts(session, 0, count);
    return session;
}

static void write_all(struct ph_session *session) {
    assert_int_equal(ph_spool_start(spool), 0);
    ph_spool_poke(spool, session);
    ph_spool_drain(spool, ph_now_us() + 20 * PH_SECOND_US);
}

static bool in_spool(int segment) {
    char path[512];
    snprintf(path, sizeof(path), "%s/spool/s/v720/%d.m4s", ph_test_store_folder(), segment);
    return access(path, F_OK) == 0;
}

static bool in_store(int segment) {
    char key[64];
    struct ph_store_object object;
    snprintf(key, sizeof(key), "live/s/v720/%d.m4s", segment);
    return ph_store_head(store, key, &object) == 0;
}

static void await_store(int segment) {
    const struct timespec moment = {.tv_nsec = 2000000};
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    while (!in_store(segment) && ph_now_us() < deadline_us)
        nanosleep(&moment, NULL);
    assert_true(in_store(segment));
}

static struct ph_session *restore(void) {
    bool gone;
    open_spool();
    assert_int_equal(ph_spool_restore(spool, NULL), 0);
    return ph_origin_sessions_find(sessions, "s", &gone);
}

static void what_waits_for_the_store_stays_on_disk_and_out_of_memory(void **state) {
    (void)state;
    open_spool();
    struct ph_session *session = publish(segments * parts);
    write_all(session);
    ph_session_unref(&session);
    close_spool();
    assert_true(in_spool(0) && in_spool(segments - 1));
    assert_false(in_store(0));

    session = restore();
    assert_non_null(session);
    assert_true(session->window.tracks[0].segments->number >= 10);
    assert_int_equal(session->durable_segments[0], segments);
    assert_true(in_spool(0));

    assert_int_equal(ph_archive_start(archive), 0);
    for (int n = 0; n < segments; n++)
        await_store(n);
    ph_archive_drain(archive, ph_now_us() + 20 * PH_SECOND_US);
    write_all(session);
    assert_false(in_spool(0));
    assert_true(in_spool(segments - 1));
    ph_session_unref(&session);
    close_spool();
}

/* Where a session ends is seldom the end of a segment. The archive may make its recording before the spool
 * has come to the session. */
static void the_archive_finds_the_short_segment_at_a_sessions_end_by_itself(void **state) {
    (void)state;
    struct ph_archive_segment listed[segments];
    open_spool();
    struct ph_session *session = publish(3 * parts + 1);
    ph_session_end(session, test_clock.monotonic_us);
    write_all(session);
    ph_session_unref(&session);
    close_spool();
    assert_true(in_spool(3));

    open_spool();
    assert_int_equal(ph_spool_restore(spool, NULL), 0);
    assert_int_equal(ph_archive_list_segments(archive, "s", 0, 0, listed, segments), 4);
    assert_int_equal(ph_archive_start(archive), 0);
    await_store(3);
    close_spool();
}

/* A disk that took the beginning of a segment, and then nothing for longer than memory lasts. */
static void a_segment_whose_rest_was_lost_is_not_archived_as_if_it_were_whole(void **state) {
    (void)state;
    struct ph_archive_segment listed[segments];
    open_spool();
    struct ph_session *session = publish(parts + 1);
    write_all(session);
    ph_session_unref(&session);
    close_spool();
    session = restore();
    for (uint32_t i = parts + 1; i < 40 * parts; i++) {
        add_parts(session, i, i + 1);
        ph_test_clock_advance(&test_clock, 200 * PH_MILLISECOND_US);
    }
    write_all(session);
    assert_int_equal(session->durable_segments[0], 40);
    uint64_t oldest = session->window.tracks[0].segments->number;
    assert_true(oldest > 2);
    ph_session_unref(&session);
    close_spool();
    assert_true(in_spool(0) && !in_spool(1));

    session = restore();
    size_t count = ph_archive_list_segments(archive, "s", 0, 0, listed, segments);
    assert_int_equal(count, 1 + 40 - oldest);
    assert_int_equal(listed[0].number, 0);
    assert_int_equal(listed[1].number, oldest);
    ph_session_unref(&session);
    close_spool();
}

static void run_in_folder(const char *commands) {
    char line[600];
    snprintf(line, sizeof(line), "cd '%s/spool/s' && %s", ph_test_store_folder(), commands);
    assert_int_equal(system(line), 0);
}

/* A session that nobody is served from any more, and of which nothing is in the store. */
static void publish_what_is_over(void) {
    open_spool();
    struct ph_session *session = publish(parts);
    ph_session_end(session, test_clock.monotonic_us);
    write_all(session);
    ph_session_unref(&session);
    close_spool();
    ph_test_clock_advance(&test_clock, 301 * PH_SECOND_US);
}

/* One read that fails is no reason to take what it would have told of for nothing. */
static void what_cannot_be_read_stays_for_the_next_start(void **state) {
    (void)state;
    publish_what_is_over();
    run_in_folder("mv v720/index aside && mkdir v720/index");
    assert_null(restore());
    assert_int_equal(ph_archive_start(archive), 0);
    ph_archive_drain(archive, ph_now_us() + 20 * PH_SECOND_US);
    close_spool();
    assert_true(in_spool(0));

    run_in_folder("rmdir v720/index && mv aside v720/index");
    assert_null(restore());
    assert_int_equal(ph_archive_start(archive), 0);
    await_store(0);
    close_spool();
}

/* Its publisher is there, and is not kept waiting. */
static void what_cannot_be_read_is_not_written_over(void **state) {
    (void)state;
    open_spool();
    struct ph_session *session = publish(2 * parts);
    write_all(session);
    ph_session_unref(&session);
    close_spool();
    run_in_folder("cp v720/index before && mv v720/1.m4s aside && mkdir v720/1.m4s");
    session = restore();
    assert_null(session);
    session = publish(parts);
    write_all(session);
    assert_int_equal(session->durable_segments[0], 1);
    ph_session_unref(&session);
    close_spool();
    run_in_folder(
        "test ! -e aside && cd .. && test $(ls -d s.* | wc -l) = 1 && cmp s.*/before s.*/v720/index");
    session = restore();
    assert_non_null(session);
    ph_session_unref(&session);
    close_spool();
}

/* Killed while it removed the folder of a session that is over. */
static void what_was_being_removed_goes(void **state) {
    (void)state;
    publish_what_is_over();
    run_in_folder("rm publication.json");
    struct ph_session *session = restore();
    assert_null(session);
    assert_false(in_spool(0));
    close_spool();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_waits_for_the_store_stays_on_disk_and_out_of_memory, begin, end),
        cmocka_unit_test_setup_teardown(
            the_archive_finds_the_short_segment_at_a_sessions_end_by_itself, begin, end),
        cmocka_unit_test_setup_teardown(
            a_segment_whose_rest_was_lost_is_not_archived_as_if_it_were_whole, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_stays_for_the_next_start, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_not_written_over, begin, end),
        cmocka_unit_test_setup_teardown(what_was_being_removed_goes, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
