#include "tests/unit/origin/recording/recording_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support/store.h"

static const char key[] = "recordings/example/recording.mp4";

struct recording_stage stage;

struct ph_recorder_options stage_options(void) {
    struct ph_recorder_options made = {.store = stage.store,
        .dir = stage.dir,
        .key = key,
        .title = "Example",
        .publication = &stage.publication};
    for (int i = 0; i < tracks; i++)
        made.inits[i] = ph_bytes_slice(stage.inits[i]);
    return made;
}

void stage_open(void) {
    const struct ph_recorder_options with = stage_options();
    assert_int_equal(ph_recorder_open(&stage.recorder, &with), 0);
}

void stage_close(void) {
    ph_recorder_free(stage.recorder);
    stage.recorder = NULL;
}

int stage_add(uint32_t track, uint64_t number) {
    return ph_recorder_add(stage.recorder, track, number, ph_bytes_slice(stage.segments[track][number]));
}

void stage_go_on(uint64_t count) {
    uint32_t track;
    uint64_t number;
    if (ph_recorder_expects(stage.recorder, &track, &number))
        assert_int_equal(stage_add(track, number), 0);
    for (uint64_t n = 0; n < count; n++) {
        assert_int_equal(stage_add(v1080, n), 0);
        assert_int_equal(stage_add(audio, n), 0);
    }
}

struct ph_recorder_result stage_finish(void) {
    struct ph_recorder_result result;
    assert_int_equal(ph_recorder_finish(stage.recorder, &result), 0);
    return result;
}

struct ph_bytes *stage_recorded(void) {
    struct ph_bytes *bytes = NULL;
    assert_int_equal(ph_store_get(stage.store, key, 0, UINT64_MAX, &bytes), 0);
    return bytes;
}

void stage_assert_whole(void) {
    struct ph_bytes *bytes = stage_recorded();
    assert_int_equal(ph_bytes_size(bytes), ph_bytes_size(stage.whole));
    assert_memory_equal(ph_bytes_data(bytes), ph_bytes_data(stage.whole), ph_bytes_size(stage.whole));
    ph_bytes_unref(&bytes);
}

static void make_media(void) {
    example_media_publication(&stage.publication);
    stage.inits[v1080] = example_media_init(PH_TRACK_VIDEO);
    stage.inits[v720] = example_media_init(PH_TRACK_VIDEO);
    stage.inits[audio] = example_media_init(PH_TRACK_AUDIO);
    for (uint64_t n = 0; n < long_segments; n++) {
        stage.segments[v1080][n] = example_media_segment(PH_TRACK_VIDEO, n, long_sample_bytes);
        stage.segments[v720][n] = example_media_segment(PH_TRACK_VIDEO, n, 10);
        stage.segments[audio][n] = example_media_segment(PH_TRACK_AUDIO, n, audio_sample_bytes);
    }
}

int stage_make(void **state) {
    (void)state;
    if (ph_test_store_make())
        return -1;
    stage.store = ph_test_store_open();
    if (!stage.store)
        return -1;
    snprintf(stage.dir, sizeof(stage.dir), "%s/spool", ph_test_store_folder());
    make_media();
    return mkdir(stage.dir, 0700);
}

int stage_make_whole(void **state) {
    if (stage_make(state))
        return -1;
    stage_open();
    stage_go_on(long_segments);
    stage_finish();
    stage.whole = stage_recorded();
    return stage_clean(state);
}

int stage_remove(void **state) {
    (void)state;
    ph_bytes_unref(&stage.whole);
    for (int i = 0; i < tracks; i++) {
        ph_bytes_unref(&stage.inits[i]);
        for (int n = 0; n < long_segments; n++)
            ph_bytes_unref(&stage.segments[i][n]);
    }
    ph_store_destroy(stage.store);
    return ph_test_store_remove();
}

int stage_clean(void **state) {
    (void)state;
    char path[300];
    stage_close();
    snprintf(path, sizeof(path), "%s/" PH_RECORDER_JOURNAL, stage.dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/" PH_RECORDER_HEAD, stage.dir);
    unlink(path);
    return ph_store_remove_all(stage.store, "recordings");
}

struct ph_cursor stage_open_box(const struct ph_bytes *mp4, const char *type, int n) {
    const uint8_t *at = ph_bytes_data(mp4), *end = at + ph_bytes_size(mp4);
    for (; n >= 0; n--) {
        at = memmem(at, (size_t)(end - at), type, 4);
        assert_non_null(at);
        at += 4;
    }
    return ph_cursor_init((struct ph_slice){at + 4, (size_t)(end - at - 4)});
}

void stage_assert_track(const struct ph_bytes *mp4, int n, uint32_t track, uint64_t from, uint32_t count) {
    struct ph_cursor chunks = stage_open_box(mp4, "co64", n);
    struct ph_init_segment init;
    assert_int_equal(ph_init_segment_read(ph_bytes_slice(stage.inits[track]), &init), 0);
    assert_int_equal(ph_cursor_u32(&chunks), count);
    for (uint64_t number = from; number < from + count; number++) {
        struct ph_media_segment media;
        struct ph_slice source = ph_bytes_slice(stage.segments[track][number]);
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
