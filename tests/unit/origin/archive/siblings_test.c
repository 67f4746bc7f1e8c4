/* What an origin makes of what others of the same session have put into the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "origin/archive/siblings.h"
#include "origin/archive/verify_bytes.h"
#include "origin/archive/verify_mp4.h"
#include "origin/spool_files.h"
#include "tests/unit/origin/archive/spool_folder.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/store.h"

static struct ph_store *store;
static struct ph_metrics *metrics;
static struct ph_archive archive;
static struct ph_archive_session session;
static struct ph_manifest ours, theirs;

static void put(const char *name, const char *text) {
    char key[PH_STORE_KEY_BYTES];
    snprintf(key, sizeof(key), "%s/%s", session.prefix, name);
    const struct ph_store_put put = {.key = key, .bytes = {(const uint8_t *)text, strlen(text)}};
    assert_int_equal(ph_store_put(store, &put, NULL), 0);
}

/* Segments `from` up to `to` of every track; where `is_put`, in the store too. */
static void add(struct ph_manifest *manifest, uint64_t from, uint64_t to, bool is_put) {
    char name[64];
    for (uint32_t i = 0; i < session.publication.track_count; i++) {
        for (uint64_t n = from; n < to; n++) {
            const struct ph_manifest_segment segment = {
                .number = n, .start_ticks = (int64_t)n * 1000, .duration_ticks = 1000, .bytes = 1};
            assert_int_equal(ph_manifest_add_segment(manifest, i, &segment), 0);
            snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", session.publication.tracks[i].name, n);
            if (is_put)
                put(name, "x");
        }
    }
}

static void put_theirs(uint64_t mp4_bytes) {
    theirs.mp4_bytes = mp4_bytes;
    struct ph_bytes *json = ph_manifest_to_json(&theirs);
    assert_non_null(json);
    char text[16384];
    assert_true(ph_bytes_size(json) < sizeof(text));
    memcpy(text, ph_bytes_data(json), ph_bytes_size(json));
    text[ph_bytes_size(json)] = '\0';
    ph_bytes_unref(&json);
    put("recording.json", text);
}

static void assert_view(enum ph_siblings_view view, bool has_manifest) {
    struct ph_siblings siblings;
    assert_int_equal(ph_archive_look_at_siblings(&session, &ours, &siblings), 0);
    assert_int_equal(siblings.view, view);
    assert_int_equal(siblings.has_manifest, has_manifest);
    if (view == PH_SIBLINGS_ARE_DONE)
        assert_int_equal(siblings.theirs.mp4_bytes, theirs.mp4_bytes);
    ph_siblings_finish(&siblings);
}

static int begin(void **state) {
    (void)state;
    if (ph_test_store_make() || !(store = ph_test_store_open()) || ph_metrics_create(&metrics))
        return -1;
    archive.options.store = store;
    session = (struct ph_archive_session){.archive = &archive, .id = "a"};
    snprintf(session.prefix, sizeof(session.prefix), "recordings/a");
    example_media_publication(&session.publication);
    return ph_manifest_init(&ours, "a", &session.publication) ||
                   ph_manifest_init(&theirs, "a", &session.publication)
               ? -1
               : 0;
}

static int end(void **state) {
    (void)state;
    ph_manifest_finish(&ours);
    ph_manifest_finish(&theirs);
    ph_metrics_destroy(metrics);
    ph_store_destroy(store);
    return ph_test_store_remove();
}

static void who_is_alone_has_it_all(void **state) {
    (void)state;
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, false);
    add(&ours, 0, 3, true);
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, false);
    add(&ours, 5, 7, true); /* a hole that nobody fills */
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, false);
}

static void others_may_have_what_is_missing(void **state) {
    (void)state;
    add(&ours, 0, 3, true);
    add(&ours, 5, 7, true);
    put("audio/4.m4s", "x");
    assert_view(PH_SIBLINGS_HAVE_MORE, false);
}

static void others_may_have_gone_on(void **state) {
    (void)state;
    add(&ours, 0, 3, true);
    put("audio/3.m4s", "x");
    assert_view(PH_SIBLINGS_HAVE_MORE, false);
}

static void who_has_nothing_sees_what_others_have(void **state) {
    (void)state;
    add(&theirs, 0, 2, true);
    assert_view(PH_SIBLINGS_HAVE_MORE, false);
    put("recording.mp4", "moov");
    put_theirs(4);
    assert_view(PH_SIBLINGS_ARE_DONE, true);
}

static void recording_that_lacks_nothing_of_ours_stays(void **state) {
    (void)state;
    add(&ours, 1, 3, true);
    add(&theirs, 0, 4, true);
    put("recording.mp4", "moov");
    put_theirs(4);
    assert_view(PH_SIBLINGS_ARE_DONE, true);
    put("recording.mp4", "ours, shorter"); /* put by who was at it at the same time */
    assert_view(PH_SIBLINGS_HAVE_MORE, true);
}

static void recording_that_lacks_something_of_ours_is_replaced(void **state) {
    (void)state;
    add(&ours, 0, 4, true);
    add(&theirs, 0, 2, false);
    add(&theirs, 3, 4, false);
    put("recording.mp4", "moov");
    put_theirs(4);
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, true);
}

static void recordings_that_lack_something_of_each_other_are_joined(void **state) {
    (void)state;
    add(&ours, 0, 2, true);
    add(&ours, 3, 4, true);
    add(&theirs, 1, 4, true);
    put("recording.mp4", "moov");
    put_theirs(4);
    assert_view(PH_SIBLINGS_HAVE_MORE, true);
}

static void recording_that_cannot_be_read_is_replaced(void **state) {
    (void)state;
    add(&ours, 0, 2, true);
    put("recording.json", "{");
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, true);
}

/* Two whole archives on one store, with a spool's folder each. */
static const char id[] = "abcdefghijklmnopqrstuvwxyz";
enum { segments = 6, missed_from = 2, missed_below = 4 };

struct origin {
    struct ph_archive *archive;
    struct ph_archive_session *session;
    char dir[PH_ARCHIVE_PATH_BYTES];
};

static void open_origin(struct origin *origin, const char *name) {
    const struct ph_publication *publication = &session.publication;
    uint64_t below[PH_MOST_TRACKS] = {0};
    snprintf(origin->dir, sizeof(origin->dir), "%s/%s/%s", ph_test_store_folder(), name, id);
    spool_folder_make(origin->dir, publication);
    assert_int_equal(ph_spool_write_file(origin->dir, PH_ARCHIVE_POSTER,
                         (struct ph_slice){(const uint8_t *)name, strlen(name)}),
        0);
    const struct ph_archive_options options = {.store = store, .metrics = metrics, .retry_us = 20000};
    assert_int_equal(ph_archive_create(&origin->archive, &options), 0);
    origin->session = ph_archive_open(origin->archive, id, origin->dir, publication, below);
    assert_non_null(origin->session);
    assert_int_equal(ph_archive_start(origin->archive), 0);
}

static void take(struct origin *origin, uint64_t number, bool is_missed) {
    for (uint32_t i = 0; i < session.publication.track_count; i++) {
        int64_t ticks = (int64_t)session.publication.tracks[i].timescale * 2;
        const struct ph_archive_segment segment = {
            number, (int64_t)number * ticks, ticks, is_missed ? 0 : 1000};
        if (!is_missed)
            spool_folder_add_segment(origin->dir, &session.publication, i, number);
        ph_archive_take(origin->session, i, &segment);
    }
}

static void await_complete(const struct origin *origin) {
    const struct timespec moment = {.tv_nsec = 2000000};
    char path[PH_ARCHIVE_PATH_BYTES + 16];
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    snprintf(path, sizeof(path), "%s/complete", origin->dir);
    while (access(path, F_OK) && ph_now_us() < deadline_us)
        nanosleep(&moment, NULL);
    assert_int_equal(access(path, F_OK), 0);
}

/* Each origin has one of its own; the manifest tells of the one that is there. */
static void assert_poster(const struct ph_manifest *made) {
    bool is_same;
    assert_true(made->has_poster && made->poster.bytes == strlen("rich"));
    assert_int_equal(ph_verify_bytes(store, "recordings/abcdefghijklmnopqrstuvwxyz/poster.jpg",
                         made->poster.hash, &is_same),
        0);
    assert_true(is_same);
}

static void assert_whole(void) {
    struct ph_bytes *json;
    struct ph_manifest made;
    struct ph_store_object mp4;
    bool is_same;
    assert_int_equal(
        ph_store_get(store, "recordings/abcdefghijklmnopqrstuvwxyz/recording.json", 0, UINT64_MAX, &json), 0);
    assert_int_equal(ph_manifest_from_json(ph_bytes_slice(json), &made, NULL), 0);
    ph_bytes_unref(&json);
    for (uint32_t i = 0; i < made.publication.track_count; i++) {
        assert_int_equal(made.tracks[i].count, segments);
        for (uint32_t n = 0; n < segments; n++)
            assert_int_equal(made.tracks[i].segments[n].flags & PH_MANIFEST_GAP, 0);
    }
    assert_int_equal(ph_store_head(store, "recordings/abcdefghijklmnopqrstuvwxyz/recording.mp4", &mp4), 0);
    assert_int_equal(mp4.bytes, made.mp4_bytes);
    assert_poster(&made);
    ph_manifest_finish(&made);
    assert_int_equal(ph_verify_mp4(store, id, &is_same), 0);
    assert_true(is_same);
}

/* The one that missed something ends first, last, or with the other. */
enum order { POOR_FIRST, POOR_LAST, AT_ONCE };

static void end_in(enum order order) {
    struct origin rich, poor;
    session.publication.is_recorded = true;
    open_origin(&rich, "rich");
    open_origin(&poor, "poor");
    for (uint64_t n = 0; n < segments; n++) {
        take(&rich, n, false);
        take(&poor, n, n >= missed_from && n < missed_below);
    }
    const struct origin *first = order == POOR_FIRST ? &poor : &rich;
    ph_archive_end(first->session);
    if (order != AT_ONCE)
        await_complete(first);
    ph_archive_end(first == &poor ? rich.session : poor.session);
    await_complete(&rich);
    await_complete(&poor);
    assert_whole();
    ph_archive_destroy(rich.archive);
    ph_archive_destroy(poor.archive);
}

static void who_missed_something_and_ends_first_takes_nothing_away(void **state) {
    (void)state;
    end_in(POOR_FIRST);
}

static void who_missed_something_and_ends_last_takes_nothing_away(void **state) {
    (void)state;
    end_in(POOR_LAST);
}

static void who_end_at_once_make_one_whole_recording(void **state) {
    (void)state;
    char command[PH_ARCHIVE_PATH_BYTES];
    snprintf(command, sizeof(command), "rm -rf '%s/rich' '%s/poor'", ph_test_store_folder(),
        ph_test_store_folder());
    for (int round = 0; round < 3; round++) {
        end_in(AT_ONCE);
        assert_int_equal(system(command), 0);
        assert_int_equal(ph_store_remove_all(store, "recordings/abcdefghijklmnopqrstuvwxyz"), 0);
    }
}

int main(void) {
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        ON_STORE(who_is_alone_has_it_all),
        ON_STORE(others_may_have_what_is_missing),
        ON_STORE(others_may_have_gone_on),
        ON_STORE(who_has_nothing_sees_what_others_have),
        ON_STORE(recording_that_lacks_nothing_of_ours_stays),
        ON_STORE(recording_that_lacks_something_of_ours_is_replaced),
        ON_STORE(recordings_that_lack_something_of_each_other_are_joined),
        ON_STORE(recording_that_cannot_be_read_is_replaced),
        ON_STORE(who_missed_something_and_ends_first_takes_nothing_away),
        ON_STORE(who_missed_something_and_ends_last_takes_nothing_away),
        ON_STORE(who_end_at_once_make_one_whole_recording),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
