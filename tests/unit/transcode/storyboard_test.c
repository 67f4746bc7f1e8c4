#include "transcode/storyboard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>

#include "core/base/clock.h"
#include "tests/unit/transcode/origin_double.h"
#include "transcode/storyboard_canvas.h"

static AVFrame *make_picture(int width, int height, int luma) {
    AVFrame *frame = av_frame_alloc();
    frame->width = width;
    frame->height = height;
    frame->format = AV_PIX_FMT_YUV420P;
    frame->color_range = AVCOL_RANGE_JPEG;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int plane = 0; plane < 3; plane++)
        memset(frame->data[plane], plane ? 128 : luma,
            (size_t)frame->linesize[plane] * (size_t)(plane ? height / 2 : height));
    return frame;
}

/* Tile n is the picture at n * 10 s. A worker that goes on a second late or less makes the tile again. */
static void the_tile_follows_from_time_alone(void **state) {
    (void)state;
    assert_int_equal(ph_storyboard_tile_at(-5), 0);
    assert_int_equal(ph_storyboard_tile_at(9999999), 0);
    assert_int_equal(ph_storyboard_tile_at(10000000), 1);
    assert_int_equal(ph_storyboard_tile_at(INT64_C(21600) * PH_SECOND_US), 2160);
    assert_int_equal(ph_storyboard_first_tile(3000000, false), 0);
    assert_int_equal(ph_storyboard_first_tile(33000000, false), 3);
    assert_int_equal(ph_storyboard_first_tile(3000000, true), 1);
    assert_int_equal(ph_storyboard_first_tile(30000000, true), 3);
    assert_int_equal(ph_storyboard_first_tile(30900000, true), 3);
    assert_int_equal(ph_storyboard_first_tile(31100000, true), 4);
}

static void tiles_are_as_high_as_the_picture_makes_them(void **state) {
    (void)state;
    static const struct {
        uint32_t width, height, tile;
    } cases[] = {{1920, 1080, 90}, {1280, 720, 90}, {1080, 1920, 284}, {640, 480, 120}, {4096, 2, 2},
        {2, 2304, 320}, {0, 0, 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ph_storyboard_canvas canvas = {0};
        assert_int_equal(ph_storyboard_canvas_init(&canvas, cases[i].width, cases[i].height), 0);
        assert_int_equal(canvas.sheet.width, 160);
        assert_int_equal(canvas.sheet.height, cases[i].tile);
        ph_storyboard_canvas_finish(&canvas);
    }
}

static AVFrame *decode(struct ph_bytes *jpeg) {
    AVCodecContext *context = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    struct ph_slice bytes = ph_bytes_slice(jpeg);
    assert_int_equal(avcodec_open2(context, NULL, NULL), 0);
    assert_int_equal(av_new_packet(packet, (int)bytes.size), 0);
    memcpy(packet->data, bytes.data, bytes.size);
    assert_int_equal(avcodec_send_packet(context, packet), 0);
    assert_int_equal(avcodec_receive_frame(context, frame), 0);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return frame;
}

static int luma_of_tile(const AVFrame *frame, int tile, int height) {
    int x = tile % 5 * 160 + 80, y = tile / 5 * height + height / 2;
    return frame->data[0][y * frame->linesize[0] + x];
}

static void each_tile_lies_at_its_place(void **state) {
    (void)state;
    struct ph_storyboard_canvas canvas = {0};
    assert_int_equal(ph_storyboard_canvas_init(&canvas, 1280, 720), 0);
    ph_storyboard_canvas_clear(&canvas, 50);
    for (int i = 0; i < 7; i++) {
        AVFrame *picture = make_picture(1280, 720, 60 + 20 * i);
        assert_int_equal(ph_storyboard_canvas_add(&canvas, picture), 0);
        av_frame_free(&picture);
    }
    assert_false(ph_storyboard_canvas_is_full(&canvas));
    struct ph_bytes *jpeg = ph_storyboard_canvas_jpeg(&canvas);
    assert_non_null(jpeg);
    AVFrame *frame = decode(jpeg);
    assert_int_equal(frame->width, 800);
    assert_int_equal(frame->height, 450);
    for (int i = 0; i < 7; i++)
        assert_in_range(luma_of_tile(frame, i, 90), 56 + 20 * i, 64 + 20 * i);
    assert_in_range(luma_of_tile(frame, 7, 90), 0, 4);
    assert_int_equal(canvas.sheet.first_tile, 50);
    assert_int_equal(canvas.sheet.tiles, 7);
    av_frame_free(&frame);
    ph_bytes_unref(&jpeg);
    ph_storyboard_canvas_finish(&canvas);
}

static void noise_fits_the_bound_too(void **state) {
    (void)state;
    struct ph_storyboard_canvas canvas = {0};
    assert_int_equal(ph_storyboard_canvas_init(&canvas, 160, 320), 0);
    AVFrame *picture = make_picture(160, 320, 0);
    uint32_t random = 1;
    for (int i = 0; i < picture->linesize[0] * 320; i++) {
        random = random * 1664525 + 1013904223;
        picture->data[0][i] = (uint8_t)(random >> 24);
    }
    while (!ph_storyboard_canvas_is_full(&canvas))
        assert_int_equal(ph_storyboard_canvas_add(&canvas, picture), 0);
    struct ph_bytes *jpeg = ph_storyboard_canvas_jpeg(&canvas);
    assert_non_null(jpeg);
    assert_true(ph_bytes_size(jpeg) <= PH_MOST_STORYBOARD_BYTES);
    ph_bytes_unref(&jpeg);
    av_frame_free(&picture);
    ph_storyboard_canvas_finish(&canvas);
}

struct scene {
    struct origin_double origins[2];
    struct ph_origin addresses[2];
    struct ph_storyboard *storyboard;
};

static void set_scene(struct scene *scene, bool resumed) {
    memset(scene, 0, sizeof(*scene));
    for (int i = 0; i < 2; i++) {
        origin_double_start(&scene->origins[i], 0);
        scene->origins[i].known = true;
        scene->addresses[i] = (struct ph_origin){scene->origins[i].url, "session", "token", 0};
    }
    const struct ph_storyboard_options options = {
        .origins = scene->addresses, .origin_count = 2, .width = 320, .height = 180, .resumed = resumed};
    assert_int_equal(ph_storyboard_create(&scene->storyboard, &options), 0);
}

static void end_scene(struct scene *scene) {
    ph_storyboard_destroy(scene->storyboard);
    for (int i = 0; i < 2; i++)
        origin_double_stop(&scene->origins[i]);
}

/* Pictures four times a second, as those of an upload come: faster than they are shown. */
static void offer(struct scene *scene, int64_t from_us, int64_t to_us) {
    AVFrame *picture = make_picture(320, 180, 100);
    for (int64_t time_us = from_us; time_us < to_us; time_us += 250000)
        ph_storyboard_offer(scene->storyboard, picture, time_us);
    av_frame_free(&picture);
}

static void expect_sheet(struct origin_double *origin, uint32_t at, uint64_t first, uint32_t tiles) {
    assert_true(at < origin->sheet_count);
    assert_int_equal(origin->sheets[at].first_tile, first);
    assert_int_equal(origin->sheets[at].tiles, tiles);
}

static void every_origin_has_every_tile_at_the_end(void **state) {
    (void)state;
    struct scene scene;
    set_scene(&scene, false);
    offer(&scene, 2000000, INT64_C(605) * PH_SECOND_US);
    ph_storyboard_finish(scene.storyboard, ph_now_us() + 10 * PH_SECOND_US);
    for (int i = 0; i < 2; i++) {
        struct origin_double *origin = &scene.origins[i];
        uint32_t tiles = 0;
        for (uint32_t at = 0; at < origin->sheet_count; at++)
            tiles += origin->sheets[at].tiles;
        const struct ph_storyboard_sheet *last = &origin->sheets[origin->sheet_count - 1];
        assert_int_equal(last->first_tile + last->tiles, 61);
        assert_int_equal(last->interval_ms, 10000);
        /* What was first overwritten while the thread was busy has no tile in front of the first. */
        assert_int_equal(tiles + origin->sheets[0].first_tile, 61);
    }
    end_scene(&scene);
}

static void a_worker_that_takes_over_begins_a_sheet_of_its_own(void **state) {
    (void)state;
    struct scene scene;
    set_scene(&scene, true);
    offer(&scene, 14 * PH_SECOND_US, 42 * PH_SECOND_US);
    ph_storyboard_finish(scene.storyboard, ph_now_us() + 10 * PH_SECOND_US);
    expect_sheet(&scene.origins[0], 0, 2, 3);
    expect_sheet(&scene.origins[1], 0, 2, 3);
    end_scene(&scene);
}

/* Under the origin's lock. */
static bool has_a_sheet(struct origin_double *origin, void *opaque) {
    (void)opaque;
    return origin->sheet_count > 0;
}

static void an_origin_that_was_away_gets_the_sheet_again(void **state) {
    (void)state;
    struct scene scene;
    set_scene(&scene, false);
    pthread_mutex_lock(&scene.origins[1].lock);
    scene.origins[1].known = false;
    pthread_mutex_unlock(&scene.origins[1].lock);
    offer(&scene, 0, PH_SECOND_US);
    assert_true(origin_double_wait(&scene.origins[0], has_a_sheet, NULL));
    assert_int_equal(scene.origins[1].sheet_count, 0);
    pthread_mutex_lock(&scene.origins[1].lock);
    scene.origins[1].known = true;
    pthread_mutex_unlock(&scene.origins[1].lock);
    assert_true(origin_double_wait(&scene.origins[1], has_a_sheet, NULL));
    expect_sheet(&scene.origins[1], 0, 0, 1);
    end_scene(&scene);
}

static void an_origin_that_stays_away_holds_the_end_to_the_deadline_alone(void **state) {
    (void)state;
    struct scene scene;
    set_scene(&scene, false);
    scene.origins[0].known = false;
    offer(&scene, 0, PH_SECOND_US);
    int64_t start_us = ph_now_us();
    ph_storyboard_finish(scene.storyboard, start_us + 200 * PH_MILLISECOND_US);
    assert_in_range(ph_now_us() - start_us, 190 * PH_MILLISECOND_US, 5 * PH_SECOND_US);
    end_scene(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tile_follows_from_time_alone),
        cmocka_unit_test(tiles_are_as_high_as_the_picture_makes_them),
        cmocka_unit_test(each_tile_lies_at_its_place),
        cmocka_unit_test(noise_fits_the_bound_too),
        cmocka_unit_test(every_origin_has_every_tile_at_the_end),
        cmocka_unit_test(a_worker_that_takes_over_begins_a_sheet_of_its_own),
        cmocka_unit_test(an_origin_that_was_away_gets_the_sheet_again),
        cmocka_unit_test(an_origin_that_stays_away_holds_the_end_to_the_deadline_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
