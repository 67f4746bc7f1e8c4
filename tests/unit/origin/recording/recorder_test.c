#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/origin/recording/recording_stage.h"
#include "tests/unit/support/allocation_failure.h"
#include "tests/unit/support/store.h"

static void a_short_session_is_recorded_without_a_part(void **state) {
    (void)state;
    stage_open();
    assert_true(ph_recorder_takes(stage.recorder, v1080));
    assert_false(ph_recorder_takes(stage.recorder, v720));
    assert_true(ph_recorder_takes(stage.recorder, audio));
    assert_int_equal(stage_add(v1080, 0), 0);
    assert_int_equal(stage_add(v720, 0), 0);
    assert_int_equal(stage_add(audio, 0), 0);
    assert_true(ph_recorder_taken_below(stage.recorder, v1080) == 1);
    assert_true(ph_recorder_consumed_below(stage.recorder, v1080) == 0);
    assert_true(ph_recorder_consumed_below(stage.recorder, v720) == UINT64_MAX);
    struct ph_recorder_result result = stage_finish();
    assert_int_equal(result.video_samples, 60);
    assert_int_equal(result.audio_samples, example_media_audio_samples(0));
    assert_int_equal(result.width, 1920);
    assert_int_equal(result.height, 1080);
    assert_true(result.duration_us >= 2000000 && result.duration_us < 2022000);
    struct ph_bytes *mp4 = stage_recorded();
    assert_true(result.bytes == ph_bytes_size(mp4));
    assert_true(strlen(result.etag) > 0);
    stage_assert_track(mp4, 0, v1080, 0, 1);
    stage_assert_track(mp4, 1, audio, 0, 1);
    ph_bytes_unref(&mp4);
}

static void a_long_session_is_in_the_store_before_its_end(void **state) {
    (void)state;
    stage_open();
    for (uint64_t n = 0; n < long_segments; n++) {
        assert_int_equal(stage_add(v1080, n), 0);
        assert_int_equal(stage_add(audio, n), 0);
    }
    assert_true(ph_recorder_consumed_below(stage.recorder, v1080) > 2);
    assert_true(ph_recorder_consumed_below(stage.recorder, audio) > 2);
    struct ph_recorder_result result = stage_finish();
    assert_int_equal(result.video_samples, 60 * long_segments);
    struct ph_bytes *mp4 = stage_recorded();
    assert_true(result.bytes == ph_bytes_size(mp4));
    assert_memory_equal(ph_bytes_data(mp4) + 4, "ftypisom", 8);
    stage_assert_track(mp4, 0, v1080, 0, long_segments);
    stage_assert_track(mp4, 1, audio, 0, long_segments);
    ph_bytes_unref(&mp4);
}

static void segments_that_are_broken_or_missing_keep_their_time(void **state) {
    (void)state;
    stage_open();
    assert_int_equal(stage_add(v1080, 0), 0);
    assert_int_equal(
        ph_recorder_add(stage.recorder, v1080, 1, (struct ph_slice){(const uint8_t *)"rubbish", 7}),
        PH_INVALID_DATA);
    assert_int_equal(
        ph_recorder_add(stage.recorder, v1080, 2, ph_bytes_slice(stage.segments[v1080][0])), PH_INVALID_DATA);
    assert_int_equal(stage_add(v1080, 3), 0);
    struct ph_recorder_result result = stage_finish();
    assert_true(result.duration_us == 8000000);
    assert_int_equal(result.video_samples, 120);
    assert_int_equal(result.audio_samples, 0);
}

static void a_track_may_begin_later_and_end_earlier(void **state) {
    (void)state;
    stage_open();
    for (uint64_t n = 2; n < 6; n++) {
        assert_int_equal(stage_add(v1080, n), 0);
        if (n == 3)
            assert_int_equal(stage_add(audio, n), 0);
    }
    struct ph_recorder_result result = stage_finish();
    assert_true(result.duration_us == 8000000);
    struct ph_bytes *mp4 = stage_recorded();
    stage_assert_track(mp4, 0, v1080, 2, 4);
    stage_assert_track(mp4, 1, audio, 3, 1);
    struct ph_cursor elst = stage_open_box(mp4, "elst", 0);
    assert_int_equal(ph_cursor_u32(&elst), 2);
    uint64_t first_frame = (3 * 2 * 48000 + 1023) / 1024;
    assert_true(ph_cursor_u64(&elst) == (first_frame * 1024 - 2 * 96000) * 5); /* of 240000 a second */
    ph_bytes_unref(&mp4);
}

static void sound_alone_is_recorded(void **state) {
    (void)state;
    struct ph_recorder_options with = stage_options();
    with.inits[v1080] = with.inits[v720] = (struct ph_slice){0};
    assert_int_equal(ph_recorder_open(&stage.recorder, &with), 0);
    assert_int_equal(stage_add(v1080, 0), 0);
    assert_int_equal(stage_add(audio, 0), 0);
    assert_int_equal(stage_add(audio, 1), 0);
    struct ph_recorder_result result = stage_finish();
    assert_int_equal(result.width, 0);
    assert_int_equal(result.audio_samples, example_media_audio_samples(0) + example_media_audio_samples(1));
    struct ph_bytes *mp4 = stage_recorded();
    stage_assert_track(mp4, 0, audio, 0, 2);
    ph_bytes_unref(&mp4);
}

static void a_long_title_is_cut_between_characters(void **state) {
    (void)state;
    char title[502] = "x";
    for (size_t i = 1; i + 2 < sizeof(title); i += 2)
        memcpy(title + i, "\xC3\xA4", 2);
    struct ph_recorder_options with = stage_options();
    with.title = title;
    assert_int_equal(ph_recorder_open(&stage.recorder, &with), 0);
    assert_int_equal(stage_add(audio, 0), 0);
    stage_finish();
    struct ph_bytes *mp4 = stage_recorded();
    struct ph_cursor text = stage_open_box(mp4, "\xA9nam", 0);
    assert_memory_equal(text.next, "data", 4);
    assert_memory_equal(text.next + 12, title, 255);
    assert_int_equal(text.next[12 + 255], 0); /* of the size of what follows */
    ph_bytes_unref(&mp4);
}

static void nothing_is_not_a_recording(void **state) {
    (void)state;
    struct ph_recorder_result result;
    stage_open();
    assert_int_equal(ph_recorder_finish(stage.recorder, &result), -ENODATA);
    stage_close();
    struct ph_recorder_options with = stage_options();
    for (int i = 0; i < tracks; i++)
        with.inits[i] = (struct ph_slice){0};
    assert_int_equal(ph_recorder_open(&stage.recorder, &with), PH_INVALID_DATA);
    with.inits[audio] = ph_bytes_slice(stage.inits[v1080]);
    assert_int_equal(ph_recorder_open(&stage.recorder, &with), PH_INVALID_DATA);
}

static int record_once(void *opaque) {
    (void)opaque;
    const struct ph_recorder_options with = stage_options();
    struct ph_recorder_result result;
    struct ph_recorder *once = NULL;
    int code = ph_recorder_open(&once, &with);
    for (uint64_t n = 0; n < 6 && !code; n++) {
        code = ph_recorder_add(once, v1080, n, ph_bytes_slice(stage.segments[v1080][n]));
        if (!code)
            code = ph_recorder_add(once, audio, n, ph_bytes_slice(stage.segments[audio][n]));
    }
    if (!code)
        code = ph_recorder_finish(once, &result);
    ph_recorder_free(once);
    if (code == -EPERM) /* a part was in the store already: that segment first */
        stage_clean(NULL);
    return code;
}

static void memory_may_run_out(void **state) {
    (void)state;
    if (ph_test_store_is_folder())
        ph_test_with_failing_allocations(record_once, NULL);
}

#define RECORDER_TEST(name) cmocka_unit_test_setup_teardown(name, NULL, stage_clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(a_short_session_is_recorded_without_a_part),
        RECORDER_TEST(a_long_session_is_in_the_store_before_its_end),
        RECORDER_TEST(segments_that_are_broken_or_missing_keep_their_time),
        RECORDER_TEST(a_track_may_begin_later_and_end_earlier),
        RECORDER_TEST(sound_alone_is_recorded),
        RECORDER_TEST(a_long_title_is_cut_between_characters),
        RECORDER_TEST(nothing_is_not_a_recording),
        RECORDER_TEST(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, stage_make, stage_remove);
}
