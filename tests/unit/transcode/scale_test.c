#include "transcode/scale.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transcode/thumbnail.h"

static AVFrame *make_frame(int width, int height, enum AVPixelFormat format) {
    AVFrame *frame = av_frame_alloc();
    frame->width = width;
    frame->height = height;
    frame->format = format;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    return frame;
}

static void fill(AVFrame *frame, int plane, int rows, int value) {
    memset(frame->data[plane], value, (size_t)rows * (size_t)frame->linesize[plane]);
}

static AVFrame *make_flat(int width, int height, int y, int u, int v) {
    AVFrame *frame = make_frame(width, height, AV_PIX_FMT_YUV420P);
    fill(frame, 0, height, y);
    fill(frame, 1, height / 2, u);
    fill(frame, 2, height / 2, v);
    return frame;
}

static const AVFrame *run(struct ph_scaler *scaler, const AVFrame *picture) {
    const AVFrame *scaled;
    assert_int_equal(ph_scaler_run(scaler, picture, &scaled), 0);
    return scaled;
}

static struct ph_scaler *make_scaler(uint32_t width, uint32_t height) {
    struct ph_scaler *scaler;
    assert_int_equal(ph_scaler_create(&scaler, width, height, PH_COLOURS_VIDEO), 0);
    return scaler;
}

static int luma(const AVFrame *frame, int x, int y) {
    return frame->data[0][y * frame->linesize[0] + x];
}

static void a_picture_as_wanted_passes_by_reference(void **state) {
    (void)state;
    struct ph_scaler *scaler = make_scaler(1280, 720);
    AVFrame *picture = make_flat(1280, 720, 100, 90, 200);
    assert_ptr_equal(run(scaler, picture), picture);
    picture->color_range = AVCOL_RANGE_JPEG;
    assert_ptr_not_equal(run(scaler, picture), picture);
    av_frame_free(&picture);
    ph_scaler_destroy(scaler);
}

static void sizes_change_from_picture_to_picture(void **state) {
    (void)state;
    struct ph_scaler *scaler = make_scaler(640, 360);
    static const int widths[] = {1920, 1280, 640, 320, 1920};
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        AVFrame *picture = make_flat(widths[i], widths[i] * 9 / 16, 50 + (int)i, 128, 128);
        picture->colorspace = AVCOL_SPC_BT709;
        const AVFrame *scaled = run(scaler, picture);
        assert_int_equal(scaled->width, 640);
        assert_int_equal(scaled->height, 360);
        assert_in_range(luma(scaled, 320, 180), 49 + i, 51 + i);
        av_frame_free(&picture);
    }
    ph_scaler_destroy(scaler);
}

static void another_shape_is_fitted_between_black_bars(void **state) {
    (void)state;
    struct ph_scaler *scaler = make_scaler(1280, 720);
    AVFrame *picture = make_flat(720, 1280, 180, 128, 128);
    const AVFrame *scaled = run(scaler, picture);
    assert_int_equal(luma(scaled, 10, 360), 16);
    assert_int_equal(luma(scaled, 1270, 360), 16);
    assert_in_range(luma(scaled, 640, 10), 178, 182);
    av_frame_free(&picture);
    struct ph_rectangle fit;
    AVFrame anamorphic = {.width = 720, .height = 576, .sample_aspect_ratio = {64, 45}};
    fit = ph_scale_fit(&anamorphic, 1280, 720);
    assert_int_equal(fit.width, 1280);
    assert_int_equal(fit.height, 720);
    ph_scaler_destroy(scaler);
}

enum { one = 1 << 16 };

static void note_matrix(AVFrame *picture, int32_t x_to_x, int32_t x_to_y, int32_t y_to_x, int32_t y_to_y) {
    const int32_t matrix[9] = {x_to_x, x_to_y, 0, y_to_x, y_to_y, 0, 0, 0, 1 << 30};
    av_frame_remove_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX);
    AVFrameSideData *note = av_frame_new_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX, sizeof(matrix));
    assert_non_null(note);
    memcpy(note->data, matrix, sizeof(matrix));
}

/* Four levels: 50 and 100 above, 150 and 200 below. */
static AVFrame *make_quarters(int width, int height) {
    AVFrame *picture = make_flat(width, height, 50, 128, 128);
    picture->colorspace = AVCOL_SPC_BT709;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++)
            picture->data[0][y * picture->linesize[0] + x] =
                (uint8_t)(50 + 50 * (x >= width / 2) + 100 * (y >= height / 2));
    }
    return picture;
}

/* Of a picture that lies in the middle of the frame, `width` wide and as high as the frame. */
static void assert_corners(const AVFrame *frame, int width, const int levels[4]) {
    int left = (frame->width - width) / 2 + width / 4, right = frame->width - left;
    int above = frame->height / 4, below = frame->height - above;
    assert_in_range(luma(frame, left, above), levels[0] - 2, levels[0] + 2);
    assert_in_range(luma(frame, right, above), levels[1] - 2, levels[1] + 2);
    assert_in_range(luma(frame, left, below), levels[2] - 2, levels[2] + 2);
    assert_in_range(luma(frame, right, below), levels[3] - 2, levels[3] + 2);
}

static void a_picture_that_lies_is_set_upright(void **state) {
    (void)state;
    static const struct {
        int32_t matrix[4];
        int levels[4];
    } turns[] = {
        {{one, 0, 0, one}, {50, 100, 150, 200}},
        {{0, one, -one, 0}, {150, 50, 200, 100}}, /* a quarter clockwise */
        {{-one, 0, 0, -one}, {200, 150, 100, 50}},
        {{0, -one, one, 0}, {100, 200, 50, 150}},
        {{-one, 0, 0, one}, {100, 50, 200, 150}},
        {{one, 0, 0, -one}, {150, 200, 50, 100}},
        {{0, one, one, 0}, {50, 150, 100, 200}},
        {{0, -one, -one, 0}, {200, 100, 150, 50}},
    };
    struct ph_scaler *lying = make_scaler(640, 360), *standing = make_scaler(360, 640);
    for (int width = 640; width <= 1280; width += 640) { /* as large as the frame, and larger */
        AVFrame *picture = make_quarters(width, width * 9 / 16);
        for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
            const int32_t *matrix = turns[i].matrix;
            bool stands = matrix[0] == 0;
            note_matrix(picture, matrix[0], matrix[1], matrix[2], matrix[3]);
            const AVFrame *scaled = run(stands ? standing : lying, picture);
            assert_corners(scaled, scaled->width, turns[i].levels);
            scaled = run(lying, picture); /* between bars when it stands */
            assert_corners(scaled, stands ? 202 : 640, turns[i].levels);
            assert_int_equal(luma(scaled, 100, 180) == 16, stands);
        }
        av_frame_free(&picture);
    }
    ph_scaler_destroy(lying);
    ph_scaler_destroy(standing);
}

static void a_picture_that_lies_is_converted_too(void **state) {
    (void)state;
    struct ph_scaler *scaler = make_scaler(360, 640);
    AVFrame *picture = make_frame(640, 360, AV_PIX_FMT_YUV422P10LE);
    picture->colorspace = AVCOL_SPC_BT709;
    for (int plane = 0; plane < 3; plane++) {
        for (int i = 0; i < picture->linesize[plane] / 2 * 360; i++)
            ((uint16_t *)(void *)picture->data[plane])[i] = (uint16_t)(300 + 100 * plane);
    }
    note_matrix(picture, 0, one, -one, 0);
    const AVFrame *scaled = run(scaler, picture);
    assert_in_range(luma(scaled, 100, 600), 74, 76);
    assert_in_range(scaled->data[1][300 * scaled->linesize[1] + 170], 99, 101);
    assert_in_range(scaled->data[2][300 * scaled->linesize[2] + 170], 124, 126);
    av_frame_free(&picture);
    ph_scaler_destroy(scaler);
}

static void pixels_of_a_picture_that_lies_are_turned_with_it(void **state) {
    (void)state;
    AVFrame *picture = make_flat(720, 576, 100, 128, 128);
    picture->sample_aspect_ratio = (AVRational){64, 45};
    note_matrix(picture, 0, one, -one, 0);
    struct ph_rectangle fit = ph_scale_fit(picture, 720, 1280);
    assert_int_equal(fit.width, 720);
    assert_int_equal(fit.height, 1280);
    /* What nobody means is not believed. */
    av_frame_remove_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX);
    picture->sample_aspect_ratio = (AVRational){1, INT32_MAX};
    fit = ph_scale_fit(picture, 720, 576);
    assert_int_equal(fit.width, 720);
    assert_int_equal(fit.height, 576);
    av_frame_free(&picture);
}

static void full_range_is_narrowed(void **state) {
    (void)state;
    struct ph_scaler *scaler = make_scaler(640, 360);
    AVFrame *picture = make_flat(640, 360, 255, 128, 128);
    picture->format = AV_PIX_FMT_YUVJ420P;
    picture->colorspace = AVCOL_SPC_BT709;
    assert_in_range(luma(run(scaler, picture), 100, 100), 234, 236);
    fill(picture, 0, 360, 0);
    assert_in_range(luma(run(scaler, picture), 100, 100), 15, 17);
    av_frame_free(&picture);
    ph_scaler_destroy(scaler);
}

static void ten_bits_and_4_2_2_are_converted(void **state) {
    (void)state;
    struct ph_scaler *scaler = make_scaler(640, 360);
    AVFrame *picture = make_frame(640, 360, AV_PIX_FMT_YUV422P10LE);
    picture->colorspace = AVCOL_SPC_BT709;
    static const uint16_t levels[3] = {400, 300, 700};
    for (int plane = 0; plane < 3; plane++) {
        for (int i = 0; i < picture->linesize[plane] / 2 * 360; i++)
            ((uint16_t *)picture->data[plane])[i] = levels[plane];
    }
    const AVFrame *scaled = run(scaler, picture);
    assert_in_range(luma(scaled, 300, 100), 99, 101);
    assert_in_range(scaled->data[1][50 * scaled->linesize[1] + 50], 74, 76);
    assert_in_range(scaled->data[2][50 * scaled->linesize[2] + 50], 174, 176);
    av_frame_free(&picture);
    ph_scaler_destroy(scaler);
}

/* Pure red: Y 81, U 90, V 240 in BT.601; Y 63, U 102, V 240 in BT.709. */
static void bt601_becomes_bt709(void **state) {
    (void)state;
    struct ph_scaler *scaler = make_scaler(640, 480);
    AVFrame *picture = make_flat(640, 480, 81, 90, 240);
    const AVFrame *scaled = run(scaler, picture);
    assert_in_range(luma(scaled, 320, 240), 61, 65);
    assert_in_range(scaled->data[1][100 * scaled->linesize[1] + 100], 100, 104);
    av_frame_free(&picture);
    ph_scaler_destroy(scaler);
}

static void formats_without_pictures_are_refused(void **state) {
    (void)state;
    struct ph_scaler *scaler = make_scaler(640, 480);
    AVFrame picture = {.width = 640, .height = 480, .format = AV_PIX_FMT_VAAPI};
    const AVFrame *scaled;
    assert_int_equal(ph_scaler_run(scaler, &picture, &scaled), -ENOTSUP);
    ph_scaler_destroy(scaler);
}

static void thumbnails_are_small_jpegs(void **state) {
    (void)state;
    AVFrame *picture = make_flat(1920, 1080, 120, 100, 150);
    struct ph_bytes *jpeg = ph_thumbnail_make(picture);
    assert_non_null(jpeg);
    const uint8_t *bytes = ph_bytes_data(jpeg);
    size_t size = ph_bytes_size(jpeg);
    assert_in_range(size, 500, 100000);
    assert_true(bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[size - 2] == 0xFF && bytes[size - 1] == 0xD9);
    ph_bytes_unref(&jpeg);
    av_frame_free(&picture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_as_wanted_passes_by_reference),
        cmocka_unit_test(sizes_change_from_picture_to_picture),
        cmocka_unit_test(another_shape_is_fitted_between_black_bars),
        cmocka_unit_test(a_picture_that_lies_is_set_upright),
        cmocka_unit_test(a_picture_that_lies_is_converted_too),
        cmocka_unit_test(pixels_of_a_picture_that_lies_are_turned_with_it),
        cmocka_unit_test(full_range_is_narrowed),
        cmocka_unit_test(ten_bits_and_4_2_2_are_converted),
        cmocka_unit_test(bt601_becomes_bt709),
        cmocka_unit_test(formats_without_pictures_are_refused),
        cmocka_unit_test(thumbnails_are_small_jpegs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
