#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cursor.h"
#include "origin/recording/fragment_reader.h"
#include "origin/recording/rebuild.h"
#include "origin/recording/recorder.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/allocation_failure.h"
#include "tests/unit/support/store.h"

/* Segments of the long example; video of 1.2 MB each, so that there are parts in every store. */
enum {
    long_segments = 14,
    long_sample_bytes = 20000,
    audio_sample_bytes = 300,
    tracks = 3,
    v1080 = 0,
    v720,
    audio
};

static const char key[] = "recordings/example/recording.mp4";

static struct ph_store *store;
static char dir[256];
static struct ph_publication publication;
static struct ph_bytes *inits[tracks];
static struct ph_bytes *segments[tracks][long_segments]; /* of the long example */
static struct ph_bytes *whole;                           /* the long example in one go */
static struct ph_recorder *recorder;

static struct ph_recorder_options options(void) {
    struct ph_recorder_options made = {
        .store = store, .dir = dir, .key = key, .title = "Example", .publication = &publication};
    for (int i = 0; i < tracks; i++)
        made.inits[i] = ph_bytes_slice(inits[i]);
    return made;
}

static void open_recorder(void) {
    const struct ph_recorder_options with = options();
    assert_int_equal(ph_recorder_open(&recorder, &with), 0);
}

static void close_recorder(void) {
    ph_recorder_free(recorder);
    recorder = NULL;
}

static int add(uint32_t track, uint64_t number) {
    return ph_recorder_add(recorder, track, number, ph_bytes_slice(segments[track][number]));
}

static struct ph_recorder_result finish(void) {
    struct ph_recorder_result result;
    assert_int_equal(ph_recorder_finish(recorder, &result), 0);
    return result;
}

static struct ph_bytes *recorded(void) {
    struct ph_bytes *bytes = NULL;
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &bytes), 0);
    return bytes;
}

static void assert_is_whole(void) {
    struct ph_bytes *bytes = recorded();
    assert_int_equal(ph_bytes_size(bytes), ph_bytes_size(whole));
    assert_memory_equal(ph_bytes_data(bytes), ph_bytes_data(whole), ph_bytes_size(whole));
    ph_bytes_unref(&bytes);
}

static void make_media(void) {
    example_media_publication(&publication);
    inits[v1080] = example_media_init(PH_TRACK_VIDEO);
    inits[v720] = example_media_init(PH_TRACK_VIDEO);
    inits[audio] = example_media_init(PH_TRACK_AUDIO);
    for (uint64_t n = 0; n < long_segments; n++) {
        segments[v1080][n] = example_media_segment(PH_TRACK_VIDEO, n, long_sample_bytes);
        segments[v720][n] = example_media_segment(PH_TRACK_VIDEO, n, 10);
        segments[audio][n] = example_media_segment(PH_TRACK_AUDIO, n, audio_sample_bytes);
    }
}

static int make_all(void **state) {
    (void)state;
    if (ph_test_store_make())
        return -1;
    store = ph_test_store_open();
    if (!store)
        return -1;
    snprintf(dir, sizeof(dir), "%s/spool", ph_test_store_folder());
    make_media();
    return mkdir(dir, 0700);
}

static int remove_all(void **state) {
    (void)state;
    ph_bytes_unref(&whole);
    for (int i = 0; i < tracks; i++) {
        ph_bytes_unref(&inits[i]);
        for (int n = 0; n < long_segments; n++)
            ph_bytes_unref(&segments[i][n]);
    }
    ph_store_destroy(store);
    return ph_test_store_remove();
}

/* Each test begins with an empty folder and without an object. */
static int clean(void **state) {
    (void)state;
    char path[300];
    close_recorder();
    snprintf(path, sizeof(path), "%s/" PH_RECORDER_JOURNAL, dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/" PH_RECORDER_HEAD, dir);
    unlink(path);
    return ph_store_remove_all(store, "recordings");
}

/* A cursor behind version and flags of the n-th box of this type. */
static struct ph_cursor open_box(const struct ph_bytes *mp4, const char *type, int n) {
    const uint8_t *at = ph_bytes_data(mp4), *end = at + ph_bytes_size(mp4);
    for (; n >= 0; n--) {
        at = memmem(at, (size_t)(end - at), type, 4);
        assert_non_null(at);
        at += 4;
    }
    return ph_cursor_init((struct ph_slice){at + 4, (size_t)(end - at - 4)});
}

/* The n-th track's chunks hold the samples of these segments, one each. */
static void assert_track(const struct ph_bytes *mp4, int n, uint32_t track, uint64_t from, uint32_t count) {
    struct ph_cursor chunks = open_box(mp4, "co64", n);
    struct ph_init_segment init;
    assert_int_equal(ph_init_segment_read(ph_bytes_slice(inits[track]), &init), 0);
    assert_int_equal(ph_cursor_u32(&chunks), count);
    for (uint64_t number = from; number < from + count; number++) {
        struct ph_media_segment media;
        struct ph_slice source = ph_bytes_slice(segments[track][number]);
        uint64_t offset = ph_cursor_u64(&chunks);
        assert_int_equal(ph_media_segment_read(source, &init, &media), 0);
        assert_true(offset + media.media_bytes <= ph_bytes_size(mp4));
        for (uint32_t i = 0; i < media.count; i++) {
            assert_memory_equal(
                ph_bytes_data(mp4) + offset, source.data + media.samples[i].offset, media.samples[i].bytes);
            offset += media.samples[i].bytes;
        }
        ph_media_segment_finish(&media);
    }
}

static void a_short_session_is_recorded_without_a_part(void **state) {
    (void)state;
    open_recorder();
    assert_true(ph_recorder_takes(recorder, v1080));
    assert_false(ph_recorder_takes(recorder, v720));
    assert_true(ph_recorder_takes(recorder, audio));
    assert_int_equal(add(v1080, 0), 0);
    assert_int_equal(add(v720, 0), 0);
    assert_int_equal(add(audio, 0), 0);
    assert_true(ph_recorder_taken_below(recorder, v1080) == 1);
    assert_true(ph_recorder_consumed_below(recorder, v1080) == 0);
    assert_true(ph_recorder_consumed_below(recorder, v720) == UINT64_MAX);
    struct ph_recorder_result result = finish();
    assert_int_equal(result.video_samples, 60);
    assert_int_equal(result.audio_samples, example_media_audio_samples(0));
    assert_int_equal(result.width, 1920);
    assert_int_equal(result.height, 1080);
    assert_true(result.duration_us >= 2000000 && result.duration_us < 2022000);
    struct ph_bytes *mp4 = recorded();
    assert_true(result.bytes == ph_bytes_size(mp4));
    assert_true(strlen(result.etag) > 0);
    assert_track(mp4, 0, v1080, 0, 1);
    assert_track(mp4, 1, audio, 0, 1);
    ph_bytes_unref(&mp4);
}

static void a_long_session_is_in_the_store_before_its_end(void **state) {
    (void)state;
    open_recorder();
    for (uint64_t n = 0; n < long_segments; n++) {
        assert_int_equal(add(v1080, n), 0);
        assert_int_equal(add(audio, n), 0);
    }
    assert_true(ph_recorder_consumed_below(recorder, v1080) > 2);
    assert_true(ph_recorder_consumed_below(recorder, audio) > 2);
    struct ph_recorder_result result = finish();
    assert_int_equal(result.video_samples, 60 * long_segments);
    whole = recorded();
    assert_true(result.bytes == ph_bytes_size(whole));
    assert_memory_equal(ph_bytes_data(whole) + 4, "ftypisom", 8);
    assert_track(whole, 0, v1080, 0, long_segments);
    assert_track(whole, 1, audio, 0, long_segments);
}

/* What a caller does that was started again: the awaited one, then all that is not taken. */
static void go_on(uint64_t count) {
    uint32_t track;
    uint64_t number;
    if (ph_recorder_expects(recorder, &track, &number))
        assert_int_equal(add(track, number), 0);
    for (uint64_t n = 0; n < count; n++) {
        assert_int_equal(add(v1080, n), 0);
        assert_int_equal(add(audio, n), 0);
    }
}

static void a_recorder_killed_after_any_segment_goes_on(void **state) {
    (void)state;
    bool awaited = false;
    for (uint64_t n = 1; n <= long_segments; n++) {
        uint32_t track;
        uint64_t number, consumed;
        open_recorder();
        awaited = awaited || ph_recorder_expects(recorder, &track, &number);
        consumed = ph_recorder_consumed_below(recorder, v1080);
        assert_true(n < long_segments || consumed > 2); /* it does not begin anew */
        go_on(n);
        close_recorder();
    }
    assert_true(awaited);
    open_recorder();
    go_on(long_segments);
    finish();
    assert_is_whole();
}

static void a_finished_recording_is_known_again(void **state) {
    (void)state;
    open_recorder();
    go_on(long_segments);
    struct ph_recorder_result first = finish(), second = finish();
    assert_memory_equal(&first, &second, sizeof(first));
    close_recorder();
    open_recorder();
    assert_true(ph_recorder_consumed_below(recorder, v1080) == UINT64_MAX);
    assert_int_equal(add(v1080, 0), 0);
    second = finish();
    assert_true(first.bytes == second.bytes && first.duration_us == second.duration_us);
    assert_string_equal(first.etag, second.etag);
    assert_int_equal(first.audio_samples, second.audio_samples);
    assert_is_whole();
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
    open_recorder();
    go_on(long_segments);
    store_is_away = true;
    assert_int_equal(ph_recorder_finish(recorder, &result), -EAGAIN);
    assert_int_equal(
        ph_recorder_add(recorder, v1080, long_segments, ph_bytes_slice(segments[v1080][0])), PH_INVALID_DATA);
    close_recorder();
    store_is_away = false;
    open_recorder();
    assert_true(ph_recorder_consumed_below(recorder, v1080) == long_segments);
    assert_true(ph_recorder_consumed_below(recorder, audio) == long_segments);
    assert_int_equal(
        ph_recorder_add(recorder, v1080, long_segments, ph_bytes_slice(segments[v1080][0])), PH_INVALID_DATA);
    finish();
    assert_is_whole();
}

static void journal_path(char path[300]) {
    snprintf(path, 300, "%s/" PH_RECORDER_JOURNAL, dir);
}

static void a_journal_torn_anywhere_is_gone_on_from(void **state) {
    (void)state;
    char path[300];
    struct stat status;
    journal_path(path);
    open_recorder();
    go_on(long_segments);
    close_recorder();
    assert_int_equal(stat(path, &status), 0);
    static const int cuts[] = {1, 9, 60, 300, 900};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct stat now;
        assert_int_equal(stat(path, &now), 0);
        assert_int_equal(truncate(path, now.st_size > cuts[i] ? now.st_size - cuts[i] : 0), 0);
        open_recorder();
        go_on(long_segments);
        close_recorder();
        assert_int_equal(stat(path, &now), 0);
        assert_true(now.st_size == status.st_size);
    }
    open_recorder();
    go_on(long_segments);
    finish();
    assert_is_whole();
}

static void a_journal_that_is_none_is_dropped(void **state) {
    (void)state;
    char path[300];
    journal_path(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("this is no journal, and has never been one", file);
    fclose(file);
    open_recorder();
    assert_true(ph_recorder_taken_below(recorder, v1080) == 0);
    go_on(long_segments);
    finish();
    assert_is_whole();
}

static void a_journal_of_other_inits_is_dropped(void **state) {
    (void)state;
    open_recorder();
    go_on(long_segments);
    close_recorder();
    struct ph_recorder_options with = options();
    with.inits[audio] = (struct ph_slice){0};
    assert_int_equal(ph_recorder_open(&recorder, &with), 0);
    assert_true(ph_recorder_taken_below(recorder, v1080) == 0);
    assert_false(ph_recorder_takes(recorder, audio));
}

static void a_composition_that_is_gone_is_begun_anew(void **state) {
    (void)state;
    char path[300], copy[310], command[700];
    journal_path(path);
    snprintf(copy, sizeof(copy), "%s.copy", path);
    open_recorder();
    go_on(long_segments);
    snprintf(command, sizeof(command), "cp '%s' '%s'", path, copy);
    assert_int_equal(system(command), 0);
    assert_int_equal(ph_recorder_abort(recorder), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    close_recorder();
    assert_int_equal(rename(copy, path), 0);
    open_recorder();
    assert_true(ph_recorder_taken_below(recorder, v1080) == 0);
    go_on(long_segments);
    finish();
    assert_is_whole();
}

static void other_bytes_than_before_are_not_taken(void **state) {
    (void)state;
    uint32_t track = 0;
    uint64_t number = 0;
    open_recorder();
    go_on(long_segments);
    close_recorder();
    open_recorder();
    assert_true(ph_recorder_expects(recorder, &track, &number));
    assert_int_equal(track, v1080);
    assert_int_equal(add(audio, number), -EPERM);
    struct ph_recorder_result result;
    assert_int_equal(ph_recorder_finish(recorder, &result), -EPERM);
    struct ph_bytes *other = example_media_segment(PH_TRACK_VIDEO, number, long_sample_bytes + 1);
    assert_int_equal(ph_recorder_add(recorder, track, number, ph_bytes_slice(other)), -EBADMSG);
    ph_bytes_unref(&other);
    assert_int_equal(add(track, number), 0);
    go_on(long_segments);
    finish();
    assert_is_whole();
}

static void segments_that_are_broken_or_missing_keep_their_time(void **state) {
    (void)state;
    open_recorder();
    assert_int_equal(add(v1080, 0), 0);
    assert_int_equal(ph_recorder_add(recorder, v1080, 1, (struct ph_slice){(const uint8_t *)"rubbish", 7}),
        PH_INVALID_DATA);
    assert_int_equal(
        ph_recorder_add(recorder, v1080, 2, ph_bytes_slice(segments[v1080][0])), PH_INVALID_DATA);
    assert_int_equal(add(v1080, 3), 0);
    struct ph_recorder_result result = finish();
    assert_true(result.duration_us == 8000000);
    assert_int_equal(result.video_samples, 120);
    assert_int_equal(result.audio_samples, 0);
}

static void a_track_may_begin_later_and_end_earlier(void **state) {
    (void)state;
    open_recorder();
    for (uint64_t n = 2; n < 6; n++) {
        assert_int_equal(add(v1080, n), 0);
        if (n == 3)
            assert_int_equal(add(audio, n), 0);
    }
    struct ph_recorder_result result = finish();
    assert_true(result.duration_us == 8000000);
    struct ph_bytes *mp4 = recorded();
    assert_track(mp4, 0, v1080, 2, 4);
    assert_track(mp4, 1, audio, 3, 1);
    struct ph_cursor elst = open_box(mp4, "elst", 0);
    assert_int_equal(ph_cursor_u32(&elst), 2);
    uint64_t first_frame = (3 * 2 * 48000 + 1023) / 1024;
    assert_true(ph_cursor_u64(&elst) == (first_frame * 1024 - 2 * 96000) * 5); /* of 240000 a second */
    ph_bytes_unref(&mp4);
}

static void sound_alone_is_recorded(void **state) {
    (void)state;
    struct ph_recorder_options with = options();
    with.inits[v1080] = with.inits[v720] = (struct ph_slice){0};
    assert_int_equal(ph_recorder_open(&recorder, &with), 0);
    assert_int_equal(add(v1080, 0), 0);
    assert_int_equal(add(audio, 0), 0);
    assert_int_equal(add(audio, 1), 0);
    struct ph_recorder_result result = finish();
    assert_int_equal(result.width, 0);
    assert_int_equal(result.audio_samples, example_media_audio_samples(0) + example_media_audio_samples(1));
    struct ph_bytes *mp4 = recorded();
    assert_track(mp4, 0, audio, 0, 2);
    ph_bytes_unref(&mp4);
}

static void nothing_is_not_a_recording(void **state) {
    (void)state;
    struct ph_recorder_result result;
    open_recorder();
    assert_int_equal(ph_recorder_finish(recorder, &result), -ENODATA);
    close_recorder();
    struct ph_recorder_options with = options();
    for (int i = 0; i < tracks; i++)
        with.inits[i] = (struct ph_slice){0};
    assert_int_equal(ph_recorder_open(&recorder, &with), PH_INVALID_DATA);
    with.inits[audio] = ph_bytes_slice(inits[v1080]);
    assert_int_equal(ph_recorder_open(&recorder, &with), PH_INVALID_DATA);
}

static void put(const char *name, struct ph_slice bytes) {
    char path[PH_STORE_KEY_BYTES];
    snprintf(path, sizeof(path), "recordings/example/%s", name);
    const struct ph_store_put what = {
        .key = path, .bytes = bytes, .content_type = "application/octet-stream"};
    assert_int_equal(ph_store_put(store, &what, NULL), 0);
}

static void put_archive(void) {
    char *json = ph_publication_to_json(&publication);
    put("publication.json", (struct ph_slice){(const uint8_t *)json, strlen(json)});
    free(json);
    for (int i = 0; i < tracks; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s/init.mp4", publication.tracks[i].name);
        put(name, ph_bytes_slice(inits[i]));
        for (int n = 0; n < long_segments; n++) {
            snprintf(name, sizeof(name), "%s/%d.m4s", publication.tracks[i].name, n);
            put(name, ph_bytes_slice(segments[i][n]));
        }
    }
}

static void an_archive_alone_makes_the_same_recording(void **state) {
    (void)state;
    struct ph_manifest manifest;
    struct ph_recorder_result result;
    put_archive();
    assert_int_equal(ph_recorder_rebuild(store, "example", "Example", &manifest, &result), 0);
    assert_is_whole();
    assert_int_equal(manifest.tracks[v720].count, long_segments);
    assert_int_equal(manifest.tracks[audio].count, long_segments);
    assert_true(manifest.mp4_bytes == result.bytes);
    assert_string_equal(manifest.mp4_etag, result.etag);
    assert_true(manifest.duration_us == result.duration_us);
    ph_manifest_finish(&manifest);
}

static void rebuilding_leaves_out_what_is_broken(void **state) {
    (void)state;
    struct ph_manifest manifest;
    struct ph_recorder_result result;
    put_archive();
    put("v1080/3.m4s", (struct ph_slice){(const uint8_t *)"rubbish", 7});
    assert_int_equal(ph_store_remove(store, "recordings/example/v1080/5.m4s"), 0);
    assert_int_equal(ph_recorder_rebuild(store, "example", NULL, &manifest, &result), 0);
    assert_int_equal(manifest.tracks[v1080].count, long_segments);
    assert_int_equal(manifest.tracks[v1080].segments[3].flags, PH_MANIFEST_GAP);
    assert_int_equal(manifest.tracks[v1080].segments[5].flags, PH_MANIFEST_GAP);
    assert_int_equal(manifest.tracks[v720].segments[3].flags, 0);
    assert_int_equal(result.video_samples, 60 * (long_segments - 2));
    ph_manifest_finish(&manifest);
    assert_int_equal(ph_recorder_rebuild(store, "nobody", NULL, &manifest, &result), -ENOENT);
}

static int record_once(void *opaque) {
    (void)opaque;
    const struct ph_recorder_options with = options();
    struct ph_recorder_result result;
    struct ph_recorder *once = NULL;
    int code = ph_recorder_open(&once, &with);
    for (uint64_t n = 0; n < 6 && !code; n++) {
        code = ph_recorder_add(once, v1080, n, ph_bytes_slice(segments[v1080][n]));
        if (!code)
            code = ph_recorder_add(once, audio, n, ph_bytes_slice(segments[audio][n]));
    }
    if (!code)
        code = ph_recorder_finish(once, &result);
    ph_recorder_free(once);
    if (code == -EPERM) /* a part was in the store already: that segment first */
        clean(NULL);
    return code;
}

static void memory_may_run_out(void **state) {
    (void)state;
    if (ph_test_store_is_folder())
        ph_test_with_failing_allocations(record_once, NULL);
}

#define RECORDER_TEST(name) cmocka_unit_test_setup_teardown(name, NULL, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(a_short_session_is_recorded_without_a_part),
        RECORDER_TEST(a_long_session_is_in_the_store_before_its_end),
        RECORDER_TEST(a_recorder_killed_after_any_segment_goes_on),
        RECORDER_TEST(a_finished_recording_is_known_again),
        RECORDER_TEST(a_recorder_killed_in_its_end_goes_on),
        RECORDER_TEST(a_journal_torn_anywhere_is_gone_on_from),
        RECORDER_TEST(a_journal_that_is_none_is_dropped),
        RECORDER_TEST(a_journal_of_other_inits_is_dropped),
        RECORDER_TEST(a_composition_that_is_gone_is_begun_anew),
        RECORDER_TEST(other_bytes_than_before_are_not_taken),
        RECORDER_TEST(segments_that_are_broken_or_missing_keep_their_time),
        RECORDER_TEST(a_track_may_begin_later_and_end_earlier),
        RECORDER_TEST(sound_alone_is_recorded),
        RECORDER_TEST(nothing_is_not_a_recording),
        RECORDER_TEST(an_archive_alone_makes_the_same_recording),
        RECORDER_TEST(rebuilding_leaves_out_what_is_broken),
        RECORDER_TEST(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
