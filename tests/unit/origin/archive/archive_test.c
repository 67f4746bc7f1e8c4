/* The archive with a spool's folder on one side and a real store on the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "origin/archive/verify.h"
#include "origin/spool_files.h"
#include "tests/unit/origin/archive/archive_scene.h"

/* Whether the MP4 says what it is called. */
static bool has_title(void) {
    struct ph_bytes *mp4 = NULL;
    char key[PH_STORE_KEY_BYTES];
    snprintf(key, sizeof(key), "recordings/%s/recording.mp4", scene_id);
    assert_int_equal(ph_store_get(scene.store, key, 0, UINT64_MAX, &mp4), 0);
    const char *at = memmem(ph_bytes_data(mp4), ph_bytes_size(mp4), scene_title, strlen(scene_title));
    ph_bytes_unref(&mp4);
    return at != NULL;
}

static bool was_freed(void) {
    return ph_archive_take_freed(scene.archive) > 0;
}
static bool first_may_go(void) {
    return ph_archive_release(scene.session, 0, 0);
}
static bool last_may_go(void) {
    return ph_archive_release(scene.session, 0, SCENE_SEGMENTS - 1);
}
static double lost(void) {
    struct ph_metric *metric =
        ph_metrics_counter(scene.metrics, "porthole_archive_lost_segments_total", "", NULL);
    return ph_metric_value(metric);
}

static bool one_was_lost(void) {
    return lost() == 1;
}

static void a_session_becomes_a_recording_and_its_folder_goes(void **state) {
    (void)state;
    scene_write_folder(true, 0);
    scene_open(0);
    scene_take_all();
    assert_int_equal(ph_spool_write_file(scene.dir, "end", (struct ph_slice){(const uint8_t *)"1\n", 2}), 0);
    scene_await(scene_all_put);
    assert_false(scene_has("recording.json"));
    ph_archive_end(scene.session);
    scene_await(scene_is_complete);
    assert_int_equal(scene.list.ready, 1);
    assert_int_equal(scene.list.duration_us / 1000, 2000 * SCENE_SEGMENTS);
    assert_true(scene_has("recording.json") && scene_has("recording.mp4") && scene_has("publication.json"));
    assert_true(scene_has("v1080/init.mp4") && scene_has("v1080/3.m4s") && scene_has("audio/3.m4s"));
    assert_true(has_title());
    scene_await(last_may_go);
    ph_archive_retire(scene.session);
    scene_await(scene_is_gone);
    scene_await(was_freed);
    assert_true(scene_in_folder("end"));
    assert_int_equal(ph_archive_take_freed(scene.archive), 0);
}

static void a_file_may_go_once_it_is_archived_and_recorded(void **state) {
    (void)state;
    struct ph_archive_place place;
    scene_write_folder(true, 0);
    atomic_store(&scene.put_code, -EAGAIN);
    scene_open(0);
    scene_take_all();
    assert_false(ph_archive_release(scene.session, 0, 0));
    assert_int_equal(ph_archive_find_segment(scene.archive, scene_id, 0, 0, &place), 0);
    assert_string_equal(place.key, "");
    assert_int_equal(access(place.path, R_OK), 0);
    atomic_store(&scene.put_code, 0);
    scene_await(scene_all_put);
    ph_archive_end(scene.session);
    scene_await(scene_was_told);
    assert_int_equal(scene.list.ready, 1);
    scene_await(first_may_go);
    assert_int_equal(ph_archive_find_segment(scene.archive, scene_id, 0, 0, &place), 0);
    assert_string_equal(place.path, "");
    assert_string_equal(place.key, "recordings/abcdefghijklmnopqrstuvwxyz/v1080/0.m4s");
    assert_int_equal(ph_archive_find_segment(scene.archive, scene_id, 0, 99, &place), -ENOENT);
    struct ph_archive_segment listed[8];
    assert_int_equal(ph_archive_list_segments(scene.archive, scene_id, 0, 1, listed, 8), SCENE_SEGMENTS - 1);
    assert_int_equal(listed[0].number, 1);
    assert_true(lost() == 0);
}

static void a_new_process_goes_on_and_puts_nothing_twice(void **state) {
    (void)state;
    scene_write_folder(true, 0);
    scene_open(0);
    for (uint64_t n = 0; n < 2; n++)
        scene_take(n);
    ph_archive_drain(scene.archive, ph_now_us() + 10 * PH_SECOND_US);
    ph_archive_destroy(scene.archive);
    assert_int_equal(atomic_load(&scene.segments_put), 2 * 3);
    for (uint64_t n = 2; n < SCENE_SEGMENTS; n++) {
        for (uint32_t i = 0; i < scene.publication.track_count; i++)
            scene_write_segment(i, n);
    }
    scene_open(UINT64_MAX);
    ph_archive_end(scene.session);
    ph_archive_retire(scene.session);
    scene_await(scene_is_gone);
    assert_int_equal(atomic_load(&scene.segments_put), SCENE_SEGMENTS * 3);
    assert_int_equal(scene.list.ready, 1);
    assert_int_equal(scene.list.duration_us / 1000, 2000 * SCENE_SEGMENTS);
}

static _Atomic(bool) loss_is_told, failure_is_told;

static void hear_error(void *opaque, const char *message, const struct ph_log_field *fields) {
    (void)opaque, (void)fields;
    if (strstr(message, "the spool is full"))
        atomic_store(&loss_is_told, true);
    if (strstr(message, "cannot be put"))
        atomic_store(&failure_is_told, true);
}

static bool failure_was_told(void) {
    return atomic_load(&failure_is_told);
}
static bool loss_was_told(void) {
    return atomic_load(&loss_is_told);
}

/* However often it was told before that the store takes nothing. */
static void a_full_spool_drops_the_oldest_and_says_so(void **state) {
    (void)state;
    struct ph_archive_place place;
    scene_write_folder(true, 0);
    atomic_store(&scene.put_code, -EIO);
    ph_log_observe_errors(hear_error, NULL);
    scene_open(0);
    scene_take_all();
    scene_await(failure_was_told);
    ph_archive_end(scene.session);
    assert_int_equal(ph_archive_shed(scene.archive, false), 0);
    assert_true(ph_archive_shed(scene.archive, true) > 0);
    scene_await(one_was_lost); /* at once, or when what was on its way has failed */
    scene_await(loss_was_told);
    int gone = 0;
    for (uint32_t i = 0; i < scene.publication.track_count; i++)
        gone += ph_archive_find_segment(scene.archive, scene_id, i, 0, &place) == -ENOENT;
    assert_int_equal(gone, 1);
    atomic_store(&scene.put_code, 0);
    scene_await(scene_is_complete);
    assert_int_equal(atomic_load(&scene.segments_put), SCENE_SEGMENTS * 3 - 1);
    assert_int_equal(scene.list.ready, 1);
}

/* A session that goes on, all of which is in the store. */
static void open_with_all_put(void) {
    scene_write_folder(true, 0);
    scene_open(0);
    scene_take_all();
    scene_await(scene_all_put);
}

/* One that has ended, and its recording is there. */
static void make_whole(void) {
    scene_write_folder(true, 0);
    scene_open(0);
    scene_take_all();
    ph_archive_end(scene.session);
    scene_await(scene_is_complete);
}

static void a_deleted_recording_leaves_nothing(void **state) {
    (void)state;
    open_with_all_put();
    atomic_store(&scene.list.deleted, 1);
    ph_archive_end(scene.session);
    ph_archive_retire(scene.session);
    scene_await(scene_is_gone);
    assert_false(scene_has("publication.json") || scene_has("v1080/0.m4s") || scene_has("recording.json"));
    assert_int_equal(scene.list.ready, 0);
}

/* Whoever removes what was deleted does so when the clip is there. */
static void a_deleted_one_is_made_whole_for_its_clip(void **state) {
    (void)state;
    open_with_all_put();
    atomic_store(&scene.list.deleted, 1);
    atomic_store(&scene.list.being_cut, 1);
    ph_archive_end(scene.session);
    scene_await(scene_is_complete);
    assert_true(scene_has("publication.json") && scene_has("v1080/0.m4s") && scene_has("recording.json"));
}

static void a_session_that_is_not_recorded_keeps_its_segments_alone(void **state) {
    (void)state;
    scene_write_folder(false, 0);
    scene_open(0);
    scene_take_all();
    ph_archive_end(scene.session);
    scene_await(scene_is_complete);
    assert_true(scene_has("v720/3.m4s") && scene_has("v720/init.mp4"));
    assert_false(scene_has("recording.json") || scene_has("recording.mp4"));
    assert_false(scene_was_told());
}

static void nothing_published_is_no_recording(void **state) {
    (void)state;
    scene_write_folder(true, 0);
    scene_open(0);
    ph_archive_end(scene.session);
    scene_await(scene_is_complete);
    assert_int_equal(scene.list.failed, 1);
    assert_int_equal(scene.list.ready, 0);
}

/* A request of a process that was killed may come to the store after those of the next. */
static void an_mp4_whose_parts_were_replaced_is_made_anew(void **state) {
    (void)state;
    atomic_store(&scene.spoilt, 1);
    open_with_all_put();
    ph_archive_end(scene.session);
    scene_await(scene_is_complete);
    assert_int_equal(atomic_load(&scene.compositions), 2);
    assert_int_equal(scene.list.ready, 1);
    assert_true(has_title());
}

/* The disk took nothing for so long that nobody waits for its end any more. */
static void a_session_that_is_retired_has_ended(void **state) {
    (void)state;
    open_with_all_put();
    ph_archive_retire(scene.session);
    scene_await(scene_is_gone);
    assert_int_equal(scene.list.ready, 1);
}

static char differences[512];

static void note_difference(void *opaque, const struct ph_archive_difference *difference) {
    (void)opaque;
    size_t size = strlen(differences);
    snprintf(differences + size, sizeof(differences) - size, "%s%s;", difference->object,
        difference->repaired ? " repaired" : "");
}

static struct ph_archive_verification verify_by(struct ph_archive_catalogue *catalogue, bool repair) {
    struct ph_archive_verification verification = {.store = scene.store,
        .catalogue = catalogue,
        .spool = scene.spool,
        .repair = repair,
        .report = note_difference};
    *differences = '\0';
    assert_int_equal(ph_archive_verify(&verification), 0);
    return verification;
}

static struct ph_archive_verification verify(bool repair) {
    return verify_by(&scene.list.catalogue, repair);
}

static void what_is_missing_is_found_and_mended(void **state) {
    (void)state;
    make_whole();
    assert_int_equal(verify(false).differences, 0);
    assert_int_equal(ph_store_remove(scene.store, "recordings/abcdefghijklmnopqrstuvwxyz/v720/2.m4s"), 0);
    assert_int_equal(ph_store_remove(scene.store, "recordings/abcdefghijklmnopqrstuvwxyz/recording.mp4"), 0);
    assert_int_equal(verify(false).differences, 2);
    assert_string_equal(differences, "v720/2.m4s;recording.mp4;");
    struct ph_archive_verification mended = verify(true);
    assert_string_equal(differences, "v720/2.m4s repaired;recording.mp4 repaired;");
    assert_int_equal(mended.repaired, 2);
    assert_true(has_title());
    assert_int_equal(verify(false).differences, 0);
    assert_int_equal(ph_store_remove(scene.store, "recordings/abcdefghijklmnopqrstuvwxyz/recording.json"), 0);
    assert_int_equal(verify(true).repaired, 1);
    assert_true(scene_has("recording.json"));
    assert_int_equal(verify(false).differences, 0);
}

/* Once the clip is there it goes, if nobody else saw to that. */
static void a_deleted_one_is_left_to_its_clip(void **state) {
    (void)state;
    make_whole();
    atomic_store(&scene.list.deleted, 1);
    atomic_store(&scene.list.being_cut, 1);
    assert_int_equal(verify(true).differences, 0);
    assert_true(scene_has("publication.json") && scene_has("v1080/0.m4s") && scene_has("recording.json"));
    atomic_store(&scene.list.being_cut, 0);
    assert_int_equal(verify(true).repaired, 1);
    assert_false(scene_has("publication.json") || scene_has("v1080/0.m4s") || scene_has("recording.json"));
}

/* Right after it was asked about. */
static int is_deleted_meanwhile(struct ph_archive_catalogue *catalogue, const char *recording) {
    (void)catalogue;
    (void)recording;
    if (atomic_exchange(&scene.list.deleted, 1))
        return 1;
    assert_int_equal(ph_store_remove_all(scene.store, "recordings/abcdefghijklmnopqrstuvwxyz"), 0);
    return 0;
}

/* The others are verified all the same. */
static void one_that_is_deleted_meanwhile_ends_no_verification(void **state) {
    (void)state;
    make_whole();
    struct ph_archive_catalogue catalogue = scene.list.catalogue;
    catalogue.is_deleted = is_deleted_meanwhile;
    assert_int_equal(verify_by(&catalogue, true).differences, 0);
    assert_false(scene_has("recording.json"));
}

int main(void) {
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)
    const struct CMUnitTest tests[] = {
        ON_STORE(a_session_becomes_a_recording_and_its_folder_goes),
        ON_STORE(a_file_may_go_once_it_is_archived_and_recorded),
        ON_STORE(a_new_process_goes_on_and_puts_nothing_twice),
        ON_STORE(a_full_spool_drops_the_oldest_and_says_so),
        ON_STORE(a_deleted_recording_leaves_nothing),
        ON_STORE(a_deleted_one_is_made_whole_for_its_clip),
        ON_STORE(a_session_that_is_not_recorded_keeps_its_segments_alone),
        ON_STORE(nothing_published_is_no_recording),
        ON_STORE(an_mp4_whose_parts_were_replaced_is_made_anew),
        ON_STORE(a_session_that_is_retired_has_ended),
        ON_STORE(what_is_missing_is_found_and_mended),
        ON_STORE(a_deleted_one_is_left_to_its_clip),
        ON_STORE(one_that_is_deleted_meanwhile_ends_no_verification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
