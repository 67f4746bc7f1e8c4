#include "transcode/encode.h"

#include <stdlib.h>
#include <string.h>

#include "transcode/effort.h"
#include "transcode/encoder_lavc.h"
#include "transcode/encoder_nal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ph_encoder_settings settings_for(uint32_t width, uint32_t height, int effort) {
    return (struct ph_encoder_settings){
        .width = width,
        .height = height,
        .rate = {30000, 1001},
        .bitrate = 800000,
        .most_bitrate = 920000,
        .buffer_bits = 400000,
        .threads = 1,
        .effort = effort,
    };
}

static AVFrame *make_picture(int width, int height) {
    AVFrame *picture = av_frame_alloc();
    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = width;
    picture->height = height;
    assert_int_equal(av_frame_get_buffer(picture, 0), 0);
    return picture;
}

/* Textures that move with `time`. */
static void paint(AVFrame *picture, int time) {
    for (int plane = 0; plane < 3; plane++) {
        int shift = plane > 0;
        for (int y = 0; y < picture->height >> shift; y++) {
            uint8_t *row = picture->data[plane] + (ptrdiff_t)y * picture->linesize[plane];
            for (int x = 0; x < picture->width >> shift; x++)
                row[x] = (uint8_t)(((x + 3 * time) * 5 ^ (y + time) * 3) + plane * 60);
        }
    }
}

static void assert_same(struct ph_bytes *a, struct ph_bytes *b) {
    assert_int_equal(ph_bytes_size(a), ph_bytes_size(b));
    assert_memory_equal(ph_bytes_data(a), ph_bytes_data(b), ph_bytes_size(a));
}

static void assert_lengths_add_up(struct ph_slice bytes, bool idr) {
    bool found_idr = false;
    while (bytes.size) {
        assert_true(bytes.size > 4);
        size_t size = (size_t)bytes.data[0] << 24 | (size_t)bytes.data[1] << 16 | (size_t)bytes.data[2] << 8 |
                      bytes.data[3];
        assert_true(size > 0 && size <= bytes.size - 4);
        int type = bytes.data[4] & 31;
        assert_true(type == 1 || type == 5 || type == 6);
        found_idr |= type == 5;
        bytes.data += 4 + size;
        bytes.size -= 4 + size;
    }
    assert_true(found_idr == idr);
}

static void parameter_sets_are_the_same_at_every_effort(void **state) {
    (void)state;
    struct ph_encoder *first;
    struct ph_encoder_settings settings = settings_for(640, 360, 0);
    assert_int_equal(ph_encoder_open(&first, "libx264", &settings), 0);
    for (int level = PH_EFFORT_LOWEST; level <= PH_EFFORT_HIGHEST; level++) {
        struct ph_encoder *encoder;
        settings.effort = level;
        settings.threads = level % 2 ? 1 : 2;
        assert_int_equal(ph_encoder_open(&encoder, "libx264", &settings), 0);
        assert_same(encoder->sps, first->sps);
        assert_same(encoder->pps, first->pps);
        ph_encoder_destroy(encoder);
    }
    ph_encoder_destroy(first);
}

/* Encodes through all levels, up and down, with an IDR every tenth picture; no unit carries parameter sets.
 */
static void effort_moves_between_pictures(void **state) {
    (void)state;
    struct ph_encoder *encoder;
    struct ph_encoder_settings settings = settings_for(320, 180, PH_EFFORT_START);
    assert_int_equal(ph_encoder_open(&encoder, "libx264", &settings), 0);
    AVFrame *picture = make_picture(320, 180);
    static const int levels[] = {2, 0, 0, 1, 5, 4, 0, 5, 3, 2};
    for (int i = 0; i < 60; i++) {
        assert_int_equal(ph_encoder_set_effort(encoder, levels[i / 6]), 0);
        paint(picture, i);
        struct ph_access_unit unit;
        assert_int_equal(ph_encoder_encode(encoder, picture, i % 10 == 0, &unit), 0);
        assert_true(unit.idr == (i % 10 == 0));
        assert_lengths_add_up(unit.bytes, unit.idr);
    }
    assert_int_equal(ph_encoder_set_effort(encoder, PH_EFFORT_HIGHEST + 1), -EINVAL);
    av_frame_free(&picture);
    ph_encoder_destroy(encoder);
}

static void bits_hold_the_buffer(void **state) {
    (void)state;
    struct ph_encoder *encoder;
    struct ph_encoder_settings settings = settings_for(640, 360, PH_EFFORT_START);
    assert_int_equal(ph_encoder_open(&encoder, "libx264", &settings), 0);
    AVFrame *picture = make_picture(640, 360);
    size_t segment_bytes = 0, most_bytes = 0;
    for (int i = 0; i < 300; i++) {
        if (i % 60 == 0)
            segment_bytes = 0;
        paint(picture, i * i);
        struct ph_access_unit unit;
        assert_int_equal(ph_encoder_encode(encoder, picture, i % 60 == 0, &unit), 0);
        segment_bytes += unit.bytes.size;
        most_bytes = segment_bytes > most_bytes ? segment_bytes : most_bytes;
    }
    /* Two seconds of refill and the whole buffer. */
    assert_in_range(most_bytes * 8, 1, 2002 * (uint64_t)settings.most_bitrate / 1000 + settings.buffer_bits);
    av_frame_free(&picture);
    ph_encoder_destroy(encoder);
}

static void an_unknown_encoder_falls_back(void **state) {
    (void)state;
    struct ph_encoder *encoder;
    struct ph_encoder_settings settings = settings_for(320, 180, 2);
    assert_int_equal(ph_encoder_lavc_open(&encoder, "h264_nowhere", &settings), -ENOENT);
    assert_int_equal(ph_encoder_lavc_open(&encoder, "aac", &settings), -ENOENT);
    assert_int_equal(ph_encoder_open(&encoder, "h264_nowhere", &settings), 0);
    AVFrame *picture = make_picture(320, 180);
    paint(picture, 0);
    struct ph_access_unit unit;
    assert_int_equal(ph_encoder_encode(encoder, picture, true, &unit), 0);
    assert_true(unit.idr);
    av_frame_free(&picture);
    ph_encoder_destroy(encoder);
}

/* No hardware is at hand everywhere: libavcodec's wrapper of libx264 walks the same way. */
static void libavcodec_answers_picture_by_picture(void **state) {
    (void)state;
    struct ph_encoder *encoder;
    struct ph_encoder_settings settings = settings_for(320, 180, 2);
    assert_int_equal(ph_encoder_lavc_open(&encoder, "libx264", &settings), 0);
    assert_int_equal(ph_bytes_data(encoder->sps)[0] & 31, 7);
    assert_int_equal(ph_bytes_data(encoder->pps)[0] & 31, 8);
    AVFrame *picture = make_picture(320, 180);
    for (int i = 0; i < 12; i++) {
        paint(picture, i);
        struct ph_access_unit unit;
        assert_int_equal(ph_encoder_encode(encoder, picture, i % 6 == 0, &unit), 0);
        assert_true(unit.idr == (i % 6 == 0));
        assert_lengths_add_up(unit.bytes, unit.idr);
    }
    av_frame_free(&picture);
    ph_encoder_destroy(encoder);
}

static void start_codes_become_lengths(void **state) {
    (void)state;
    static const uint8_t stream[] = {0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 9, 0xF0, 0, 0, 1,
        0x65, 7, 8, 0, 0, 0, 0, 1, 0x41, 9};
    struct ph_slice slice = {stream, sizeof(stream)};
    struct ph_slice sps, pps;
    assert_int_equal(ph_nal_find_parameter_sets(slice, &sps, &pps), 0);
    assert_int_equal(sps.size, 3);
    assert_int_equal(pps.size, 2);
    struct ph_builder builder = {0};
    bool idr;
    ph_nal_write_lengths(&builder, slice, &idr);
    static const uint8_t expected[] = {0, 0, 0, 3, 0x65, 7, 8, 0, 0, 0, 2, 0x41, 9};
    assert_true(idr);
    assert_int_equal(builder.size, sizeof(expected));
    assert_memory_equal(builder.data, expected, sizeof(expected));
    ph_builder_discard(&builder);
}

static void broken_headers_are_refused(void **state) {
    (void)state;
    static const uint8_t avcc[] = {1, 100, 0, 31, 0xFF, 0xE1, 0, 3, 0x67, 1, 2, 1, 0, 2, 0x68, 3};
    struct ph_slice sps, pps;
    assert_int_equal(ph_nal_find_parameter_sets((struct ph_slice){avcc, sizeof(avcc)}, &sps, &pps), 0);
    assert_int_equal(pps.size, 2);
    for (size_t size = 0; size < sizeof(avcc); size++)
        assert_int_equal(
            ph_nal_find_parameter_sets((struct ph_slice){avcc, size}, &sps, &pps), PH_INVALID_DATA);
    static const uint8_t start_codes[] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 1};
    assert_int_equal(
        ph_nal_find_parameter_sets((struct ph_slice){start_codes, sizeof(start_codes)}, &sps, &pps),
        PH_INVALID_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_sets_are_the_same_at_every_effort),
        cmocka_unit_test(effort_moves_between_pictures),
        cmocka_unit_test(bits_hold_the_buffer),
        cmocka_unit_test(an_unknown_encoder_falls_back),
        cmocka_unit_test(libavcodec_answers_picture_by_picture),
        cmocka_unit_test(start_codes_become_lengths),
        cmocka_unit_test(broken_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
