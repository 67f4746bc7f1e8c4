#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/origin/recording/recording_stage.h"

static void a_recorder_killed_after_any_segment_goes_on(void **state) {
    (void)state;
    bool awaited = false;
    for (uint64_t n = 1; n <= long_segments; n++) {
        uint32_t track;
        uint64_t number, consumed;
        stage_open();
        awaited = awaited || ph_recorder_expects(stage.recorder, &track, &number);
        consumed = ph_recorder_consumed_below(stage.recorder, v1080);
        assert_true(n < long_segments || consumed > 2); /* it does not begin anew */
        stage_go_on(n);
        stage_close();
    }
    assert_true(awaited);
    stage_open();
    stage_go_on(long_segments);
    stage_finish();
    stage_assert_whole();
}

static void a_finished_recording_is_known_again(void **state) {
    (void)state;
    stage_open();
    stage_go_on(long_segments);
    struct ph_recorder_result first = stage_finish(), second = stage_finish();
    assert_memory_equal(&first, &second, sizeof(first));
    stage_close();
    stage_open();
    assert_true(ph_recorder_consumed_below(stage.recorder, v1080) == UINT64_MAX);
    assert_int_equal(stage_add(v1080, 0), 0);
    second = stage_finish();
    assert_true(first.bytes == second.bytes && first.duration_us == second.duration_us);
    assert_string_equal(first.etag, second.etag);
    assert_int_equal(first.audio_samples, second.audio_samples);
    stage_assert_whole();
}

int __real_ph_composition_finish(struct ph_composition *composition, struct ph_slice front,
    const struct ph_receipt *receipts, size_t count);
int __wrap_ph_composition_finish(struct ph_composition *composition, struct ph_slice front,
    const struct ph_receipt *receipts, size_t count);
static bool store_is_away;

int __wrap_ph_composition_finish(struct ph_composition *composition, struct ph_slice front,
    const struct ph_receipt *receipts, size_t count) {
    return store_is_away ? -EAGAIN : __real_ph_composition_finish(composition, front, receipts, count);
}

static void a_recorder_killed_in_its_end_goes_on(void **state) {
    (void)state;
    struct ph_recorder_result result;
    stage_open();
    stage_go_on(long_segments);
    store_is_away = true;
    assert_int_equal(ph_recorder_finish(stage.recorder, &result), -EAGAIN);
    assert_int_equal(
        ph_recorder_add(stage.recorder, v1080, long_segments, ph_bytes_slice(stage.segments[v1080][0])),
        PH_INVALID_DATA);
    stage_close();
    store_is_away = false;
    stage_open();
    assert_true(ph_recorder_consumed_below(stage.recorder, v1080) == long_segments);
    assert_true(ph_recorder_consumed_below(stage.recorder, audio) == long_segments);
    assert_int_equal(
        ph_recorder_add(stage.recorder, v1080, long_segments, ph_bytes_slice(stage.segments[v1080][0])),
        PH_INVALID_DATA);
    stage_finish();
    stage_assert_whole();
}

static void journal_path(char path[300]) {
    snprintf(path, 300, "%s/" PH_RECORDER_JOURNAL, stage.dir);
}

static void a_journal_torn_anywhere_is_gone_on_from(void **state) {
    (void)state;
    char path[300];
    struct stat status;
    journal_path(path);
    stage_open();
    stage_go_on(long_segments);
    stage_close();
    assert_int_equal(stat(path, &status), 0);
    static const int cuts[] = {1, 9, 60, 300, 900};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct stat now;
        assert_int_equal(stat(path, &now), 0);
        assert_int_equal(truncate(path, now.st_size > cuts[i] ? now.st_size - cuts[i] : 0), 0);
        stage_open();
        stage_go_on(long_segments);
        stage_close();
        assert_int_equal(stat(path, &now), 0);
        assert_true(now.st_size == status.st_size);
    }
    stage_open();
    stage_go_on(long_segments);
    stage_finish();
    stage_assert_whole();
}

static void a_journal_that_is_none_is_dropped(void **state) {
    (void)state;
    char path[300];
    journal_path(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("this is no journal, and has never been one", file);
    fclose(file);
    stage_open();
    assert_true(ph_recorder_taken_below(stage.recorder, v1080) == 0);
    stage_go_on(long_segments);
    stage_finish();
    stage_assert_whole();
}

static void a_journal_of_other_inits_is_dropped(void **state) {
    (void)state;
    stage_open();
    stage_go_on(long_segments);
    stage_close();
    struct ph_recorder_options with = stage_options();
    with.inits[audio] = (struct ph_slice){0};
    assert_int_equal(ph_recorder_open(&stage.recorder, &with), 0);
    assert_true(ph_recorder_taken_below(stage.recorder, v1080) == 0);
    assert_false(ph_recorder_takes(stage.recorder, audio));
}

static void a_composition_that_is_gone_is_begun_anew(void **state) {
    (void)state;
    char path[300], copy[310], command[700];
    journal_path(path);
    snprintf(copy, sizeof(copy), "%s.copy", path);
    stage_open();
    stage_go_on(long_segments);
    snprintf(command, sizeof(command), "cp '%s' '%s'", path, copy);
    assert_int_equal(system(command), 0);
    assert_int_equal(ph_recorder_abort(stage.recorder), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    stage_close();
    assert_int_equal(rename(copy, path), 0);
    stage_open();
    assert_true(ph_recorder_taken_below(stage.recorder, v1080) == 0);
    stage_go_on(long_segments);
    stage_finish();
    stage_assert_whole();
}

static void other_bytes_than_before_are_not_taken(void **state) {
    (void)state;
    uint32_t track = 0;
    uint64_t number = 0;
    stage_open();
    stage_go_on(long_segments);
    stage_close();
    stage_open();
    assert_true(ph_recorder_expects(stage.recorder, &track, &number));
    assert_int_equal(track, v1080);
    assert_int_equal(stage_add(audio, number), -EPERM);
    struct ph_recorder_result result;
    assert_int_equal(ph_recorder_finish(stage.recorder, &result), -EPERM);
    struct ph_bytes *other = example_media_segment(PH_TRACK_VIDEO, number, long_sample_bytes + 1);
    assert_int_equal(ph_recorder_add(stage.recorder, track, number, ph_bytes_slice(other)), -EBADMSG);
    ph_bytes_unref(&other);
    assert_int_equal(stage_add(track, number), 0);
    stage_go_on(long_segments);
    stage_finish();
    stage_assert_whole();
}

#define RECORDER_TEST(name) cmocka_unit_test_setup_teardown(name, NULL, stage_clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(a_recorder_killed_after_any_segment_goes_on),
        RECORDER_TEST(a_finished_recording_is_known_again),
        RECORDER_TEST(a_recorder_killed_in_its_end_goes_on),
        RECORDER_TEST(a_journal_torn_anywhere_is_gone_on_from),
        RECORDER_TEST(a_journal_that_is_none_is_dropped),
        RECORDER_TEST(a_journal_of_other_inits_is_dropped),
        RECORDER_TEST(a_composition_that_is_gone_is_begun_anew),
        RECORDER_TEST(other_bytes_than_before_are_not_taken),
    };
    return cmocka_run_group_tests(tests, stage_make_whole, stage_remove);
}
