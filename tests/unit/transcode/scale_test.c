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
        cmocka_unit_test(full_range_is_narrowed),
        cmocka_unit_test(ten_bits_and_4_2_2_are_converted),
        cmocka_unit_test(bt601_becomes_bt709),
        cmocka_unit_test(formats_without_pictures_are_refused),
        cmocka_unit_test(thumbnails_are_small_jpegs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
