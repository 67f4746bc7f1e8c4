#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "origin/recording/fragment_reader.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/allocation_failure.h"

static struct ph_bytes *video_bytes, *audio_bytes;
static struct ph_init_segment video, audio;

static int read_inits(void **state) {
    (void)state;
    video_bytes = example_media_init(PH_TRACK_VIDEO);
    audio_bytes = example_media_init(PH_TRACK_AUDIO);
    assert_int_equal(ph_init_segment_read(ph_bytes_slice(video_bytes), &video), 0);
    assert_int_equal(ph_init_segment_read(ph_bytes_slice(audio_bytes), &audio), 0);
    return 0;
}

static int drop_inits(void **state) {
    (void)state;
    ph_bytes_unref(&video_bytes);
    ph_bytes_unref(&audio_bytes);
    return 0;
}

static void an_init_segment_tells_its_track(void **state) {
    (void)state;
    assert_int_equal(video.kind, PH_TRACK_VIDEO);
    assert_int_equal(video.track_id, 1);
    assert_int_equal(video.timescale, EXAMPLE_VIDEO_TIMESCALE);
    assert_int_equal(video.width, 1920);
    assert_int_equal(video.height, 1080);
    assert_memory_equal(video.description.data + 4, "stsd", 4);
    assert_memory_equal(video.description.data + 20, "avc1", 4);
    assert_int_equal(audio.kind, PH_TRACK_AUDIO);
    assert_int_equal(audio.timescale, PH_AUDIO_RATE);
    assert_int_equal(audio.channels, 2);
    assert_int_equal(audio.rate, 48000);
    assert_memory_equal(audio.description.data + 20, "mp4a", 4);
}

static void every_sample_of_a_segment_is_told(void **state) {
    (void)state;
    struct ph_media_segment segment;
    struct ph_bytes *bytes = example_media_segment(PH_TRACK_VIDEO, 7, 100);
    assert_int_equal(ph_media_segment_read(ph_bytes_slice(bytes), &video, &segment), 0);
    assert_int_equal(segment.count, EXAMPLE_VIDEO_SAMPLES);
    assert_true(segment.start_ticks == 14 * EXAMPLE_VIDEO_TIMESCALE);
    assert_true(segment.duration_ticks == 2 * EXAMPLE_VIDEO_TIMESCALE);
    uint64_t total = 0;
    for (uint32_t i = 0; i < segment.count; i++) {
        const struct ph_media_sample *sample = &segment.samples[i];
        assert_int_equal(sample->bytes, 100 + i % 6);
        assert_int_equal(sample->duration_ticks, EXAMPLE_VIDEO_TICKS);
        assert_int_equal(sample->sync, i == 0);
        assert_int_equal(ph_bytes_data(bytes)[sample->offset], (uint8_t)((7 * 60 + i) * 7));
        total += sample->bytes;
    }
    assert_true(segment.media_bytes == total);
    assert_int_equal(segment.key_bytes, segment.samples[0].offset + segment.samples[0].bytes);
    ph_media_segment_finish(&segment);
    ph_bytes_unref(&bytes);
}

static void audio_has_no_key_bytes(void **state) {
    (void)state;
    struct ph_media_segment segment;
    struct ph_bytes *bytes = example_media_segment(PH_TRACK_AUDIO, 1, 20);
    assert_int_equal(ph_media_segment_read(ph_bytes_slice(bytes), &audio, &segment), 0);
    assert_int_equal(segment.count, example_media_audio_samples(1));
    assert_true(segment.samples[5].sync);
    assert_int_equal(segment.key_bytes, 0);
    ph_media_segment_finish(&segment);
    ph_bytes_unref(&bytes);
}

/* Two fragments of one sample each. */
static struct ph_bytes *two_fragments(int64_t first, int64_t second) {
    struct ph_builder builder = {0};
    const struct ph_sample sample = {.bytes = 4, .duration_ticks = 1000, .sync = true};
    ph_package_fragment(&builder, 1, first, &sample, 1, (struct ph_slice){(const uint8_t *)"abcd", 4});
    ph_package_fragment(&builder, 2, second, &sample, 1, (struct ph_slice){(const uint8_t *)"efgh", 4});
    return ph_builder_finish(&builder);
}

static void a_missing_part_lengthens_the_sample_before_it(void **state) {
    (void)state;
    struct ph_media_segment segment;
    struct ph_bytes *bytes = two_fragments(5000, 9000);
    assert_int_equal(ph_media_segment_read(ph_bytes_slice(bytes), &video, &segment), 0);
    assert_int_equal(segment.samples[0].duration_ticks, 4000);
    assert_int_equal(segment.samples[1].duration_ticks, 1000);
    assert_true(segment.duration_ticks == 5000);
    ph_media_segment_finish(&segment);
    ph_bytes_unref(&bytes);
}

static void fragments_that_overlap_are_refused(void **state) {
    (void)state;
    struct ph_media_segment segment;
    struct ph_bytes *bytes = two_fragments(5000, 5999);
    assert_int_equal(ph_media_segment_read(ph_bytes_slice(bytes), &video, &segment), PH_INVALID_DATA);
    ph_bytes_unref(&bytes);
}

static void a_hole_too_long_to_be_written_is_refused(void **state) {
    (void)state;
    struct ph_media_segment segment;
    struct ph_bytes *bytes = two_fragments(0, (INT64_C(1) << 32) - 1);
    assert_int_equal(ph_media_segment_read(ph_bytes_slice(bytes), &video, &segment), 0);
    ph_media_segment_finish(&segment);
    ph_bytes_unref(&bytes);
    bytes = two_fragments(0, INT64_C(1) << 32);
    assert_int_equal(ph_media_segment_read(ph_bytes_slice(bytes), &video, &segment), PH_INVALID_DATA);
    ph_bytes_unref(&bytes);
}

static void a_segment_cut_anywhere_is_refused_or_shorter(void **state) {
    (void)state;
    struct ph_bytes *bytes = two_fragments(0, 1000);
    size_t whole = ph_bytes_size(bytes);
    for (size_t size = 0; size < whole; size++) {
        struct ph_media_segment segment;
        int code = ph_media_segment_read((struct ph_slice){ph_bytes_data(bytes), size}, &video, &segment);
        assert_int_equal(code, size == whole / 2 ? 0 : PH_INVALID_DATA);
        if (!code) {
            assert_int_equal(segment.count, 1);
            ph_media_segment_finish(&segment);
        }
    }
    ph_bytes_unref(&bytes);
}

static void an_init_segment_cut_anywhere_is_refused(void **state) {
    (void)state;
    struct ph_init_segment init;
    for (size_t size = 0; size < ph_bytes_size(video_bytes); size++)
        assert_int_equal(ph_init_segment_read((struct ph_slice){ph_bytes_data(video_bytes), size}, &init),
            PH_INVALID_DATA);
}

/* Where the text stands in the bytes. */
static size_t place_of(const uint8_t *bytes, size_t size, const char *text) {
    const uint8_t *found = memmem(bytes, size, text, strlen(text));
    assert_non_null(found);
    return (size_t)(found - bytes);
}

static void check_changed(size_t back_from, int ahead, uint8_t value) {
    static const char *const boxes[] = {"tfhd", "trun", "tfdt", "mdat"};
    struct ph_bytes *bytes = two_fragments(0, 1000);
    struct ph_media_segment segment;
    uint8_t *raw = ph_bytes_writable(bytes);
    size_t at = place_of(raw, ph_bytes_size(bytes), boxes[back_from]);
    raw[at + (size_t)ahead] = value;
    assert_int_equal(ph_media_segment_read(ph_bytes_slice(bytes), &video, &segment), PH_INVALID_DATA);
    ph_bytes_unref(&bytes);
}

static void lies_are_refused(void **state) {
    (void)state;
    enum { tfhd, trun, tfdt, mdat };
    check_changed(tfhd, 11, 2);    /* another track */
    check_changed(tfhd, 7, 1);     /* a base that is elsewhere */
    check_changed(trun, 6, 0x0F);  /* composition offsets */
    check_changed(trun, 8, 0xFF);  /* more samples than there are bytes */
    check_changed(trun, 11, 9);    /* more samples than the box holds */
    check_changed(trun, 12, 0x80); /* a negative offset */
    check_changed(trun, 15, 0);    /* an offset into the moof */
    check_changed(trun, 20, 0xFF); /* a sample larger than the segment */
    check_changed(trun, 23, 5);    /* a sample larger than its mdat */
    check_changed(tfdt, 8, 0x80);  /* a time beyond all times */
    check_changed(mdat, 0, 'x');   /* no mdat */
}

static void more_samples_than_the_bound_are_refused(void **state) {
    (void)state;
    enum { each = 512 };
    static struct ph_sample samples[each];
    struct ph_builder builder = {0};
    struct ph_media_segment segment;
    for (uint32_t i = 0; i < each; i++)
        samples[i].duration_ticks = 1;
    for (uint32_t n = 0; n <= PH_MOST_SEGMENT_SAMPLES / each; n++) {
        const struct ph_slice whole = {builder.data, builder.size};
        if (n == PH_MOST_SEGMENT_SAMPLES / each) {
            assert_int_equal(ph_media_segment_read(whole, &video, &segment), 0);
            ph_media_segment_finish(&segment);
        }
        ph_package_fragment(&builder, n, n * each, samples, each, (struct ph_slice){0});
    }
    const struct ph_slice too_many = {builder.data, builder.size};
    assert_int_equal(ph_media_segment_read(too_many, &video, &segment), PH_INVALID_DATA);
    ph_builder_discard(&builder);
}

/* No byte of either makes the reader leave its bounds: the sanitizers watch. */
static void any_changed_byte_is_survived(void **state) {
    (void)state;
    struct ph_bytes *bytes = two_fragments(0, 1000);
    uint8_t *raw = ph_bytes_writable(bytes);
    for (size_t i = 0; i < ph_bytes_size(bytes); i++) {
        static const uint8_t values[] = {0, 1, 0x7F, 0x80, 0xFF};
        for (size_t n = 0; n < sizeof(values); n++) {
            struct ph_media_segment segment;
            uint8_t before = raw[i];
            raw[i] = values[n];
            if (!ph_media_segment_read(ph_bytes_slice(bytes), &video, &segment))
                ph_media_segment_finish(&segment);
            raw[i] = before;
        }
    }
    ph_bytes_unref(&bytes);
}

static int read_once(void *opaque) {
    struct ph_media_segment segment;
    int code = ph_media_segment_read(ph_bytes_slice(opaque), &video, &segment);
    if (!code)
        ph_media_segment_finish(&segment);
    return code;
}

static void memory_may_run_out(void **state) {
    (void)state;
    struct ph_bytes *bytes = example_media_segment(PH_TRACK_VIDEO, 0, 10);
    ph_test_with_failing_allocations(read_once, bytes);
    ph_bytes_unref(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_init_segment_tells_its_track),
        cmocka_unit_test(every_sample_of_a_segment_is_told),
        cmocka_unit_test(audio_has_no_key_bytes),
        cmocka_unit_test(a_missing_part_lengthens_the_sample_before_it),
        cmocka_unit_test(fragments_that_overlap_are_refused),
        cmocka_unit_test(a_hole_too_long_to_be_written_is_refused),
        cmocka_unit_test(a_segment_cut_anywhere_is_refused_or_shorter),
        cmocka_unit_test(an_init_segment_cut_anywhere_is_refused),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(more_samples_than_the_bound_are_refused),
        cmocka_unit_test(any_changed_byte_is_survived),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, read_inits, drop_inits);
}
