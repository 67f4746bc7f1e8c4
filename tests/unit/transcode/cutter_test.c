/* Segments of a published film, cut in a process of its own. */
#include "transcode/cutter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>

#include "core/base/builder.h"
#include "core/base/log.h"
#include "tests/unit/transcode/file_writer.h"
#include "tests/unit/transcode/origin_double.h"
#include "tests/unit/transcode/player.h"
#include "transcode/file_job.h"
#include "transcode/transcode.h"

enum { rate = 25 };

static struct {
    struct origin_double origin;
    struct ph_cutter *cutter;
} scene;

static int keep_on(void *opaque, int64_t done_us, int64_t duration_us) {
    (void)opaque;
    (void)done_us;
    (void)duration_us;
    return 0;
}

/* Three segments of a second: "v240" is track 0, "audio" track 2. */
static int publish(void **state) {
    const struct film film = {.container = "mp4",
        .picture = "libx264",
        .sound = "aac",
        .width = 426,
        .height = 240,
        .frames = 3 * rate,
        .rate = rate};
    struct ph_link_reason reason;
    (void)state;
    origin_double_start(&scene.origin, 0);
    struct ph_file_job job = {
        .fd = film_make(&film),
        .hello = {.session = (char *)"abcdefghijklmnopqrstuvwxyz",
            .ladder = (char *)"240p30@300k,120p30@100k",
            .preset = (char *)"auto",
            .encoder = (char *)"libx264",
            .origins = {scene.origin.url},
            .publish_token = (char *)"token",
            .part_ms = 200,
            .segment_ms = 1000,
            .epoch_utc_us = INT64_C(1700000000000000)},
        .keep_on = keep_on,
    };
    int code = ph_file_job_run(&job, &reason);
    /* What the origin's threads wrote is seen from here on. */
    pthread_mutex_lock(&scene.origin.lock);
    pthread_mutex_unlock(&scene.origin.lock);
    close(job.fd);
    return code ? code : ph_cutter_create(&scene.cutter, NULL);
}

static int end(void **state) {
    (void)state;
    ph_cutter_destroy(scene.cutter);
    origin_double_stop(&scene.origin);
    return 0;
}

static struct ph_bytes *segment_of(const struct origin_track *track, uint64_t number) {
    struct ph_builder builder = {0};
    for (uint32_t i = 0; i < track->count; i++) {
        const struct origin_part *part = &track->parts[i];
        if (part->position.segment == number)
            ph_builder_append(&builder, ph_bytes_data(part->body), ph_bytes_size(part->body));
    }
    return ph_builder_finish(&builder);
}

/* Cuts the second segment, and plays what is left of it. */
static int cut(const char *name, int64_t from_us, int64_t to_us, struct played *played) {
    const struct origin_track *track = origin_double_track(&scene.origin, name);
    const struct ph_cut wanted = {.publication = scene.origin.publication,
        .track = strcmp(name, "audio") == 0 ? 2 : 0,
        .from_us = from_us,
        .to_us = to_us};
    struct ph_bytes *segment = segment_of(track, 1), *made = NULL;
    int code =
        ph_cutter_cut(scene.cutter, &wanted, ph_bytes_slice(track->init), ph_bytes_slice(segment), &made);
    ph_bytes_unref(&segment);
    if (code)
        return code;
    struct ph_builder builder = {0};
    ph_builder_append(&builder, ph_bytes_data(track->init), ph_bytes_size(track->init));
    ph_builder_append(&builder, ph_bytes_data(made), ph_bytes_size(made));
    struct ph_bytes *file = ph_builder_finish(&builder);
    *played = player_play(file);
    free(played->samples);
    ph_bytes_unref(&file);
    ph_bytes_unref(&made);
    return 0;
}

static void a_cut_at_the_beginning_encodes_from_that_frame_on(void **state) {
    (void)state;
    struct played played;
    assert_int_equal(cut("v240", 1400000, 3000000, &played), 0);
    assert_int_equal(played.frames, 15);
    assert_int_equal(played.keyframes, 1);
    assert_int_equal(played.warnings, 0);
    assert_true(played.even);
    assert_int_equal((played.end_pts - played.first_pts) * 5, played.first_pts * 15 / 35 * 5);
}

static void a_cut_at_the_end_leaves_the_frames_before_it(void **state) {
    (void)state;
    struct played played;
    assert_int_equal(cut("v240", 0, 1200000, &played), 0);
    assert_int_equal(played.frames, 5);
    assert_int_equal(played.keyframes, 1);
    assert_int_equal(played.warnings, 0);
}

static void both_ends_may_lie_in_one_segment(void **state) {
    (void)state;
    struct played played;
    assert_int_equal(cut("v240", 1120000, 1720000, &played), 0);
    assert_int_equal(played.frames, 15);
    assert_int_equal(played.warnings, 0);
    assert_int_equal(cut("v240", 1120000, 1160000, &played), 0);
    assert_int_equal(played.frames, 1);
}

static void sound_is_cut_at_its_frames(void **state) {
    (void)state;
    struct played played;
    assert_int_equal(cut("audio", 1500000, 1800000, &played), 0);
    assert_in_range(played.packets, 13, 15);
    assert_true(played.even);
}

static void what_holds_no_frame_makes_no_segment(void **state) {
    (void)state;
    struct played played;
    assert_int_equal(cut("v240", 2000000, 3000000, &played), -ENODATA);
    assert_int_equal(cut("v240", 0, 1000000, &played), -ENODATA);
}

/* The luma in the middle of a tile, and of the whole picture when there is but one. */
static int luma_of(struct ph_bytes *jpeg, uint32_t tile, uint32_t width, uint32_t height) {
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    assert_int_equal(avcodec_open2(context, codec, NULL), 0);
    assert_int_equal(av_new_packet(packet, (int)ph_bytes_size(jpeg)), 0);
    memcpy(packet->data, ph_bytes_data(jpeg), ph_bytes_size(jpeg));
    assert_int_equal(avcodec_send_packet(context, packet), 0);
    assert_int_equal(avcodec_receive_frame(context, frame), 0);
    int64_t sum = 0;
    for (uint32_t row = 0; row < height; row++)
        for (uint32_t column = 0; column < width; column++)
            sum += frame->data[0][(ptrdiff_t)row * frame->linesize[0] + tile * width + column];
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return (int)(sum / (width * height));
}

/* Draws what stands at a time, of the second segment. */
static int draw(int64_t at_us, uint64_t tile, struct ph_storyboard_drawn *drawn) {
    const struct origin_track *track = origin_double_track(&scene.origin, "v240");
    struct ph_bytes *segment = segment_of(track, 1);
    int code = ph_cutter_draw(scene.cutter, &(struct ph_draw){.at_us = at_us, .tile = tile},
        ph_bytes_slice(track->init), ph_bytes_slice(segment), drawn);
    ph_bytes_unref(&segment);
    return code;
}

/* The film's pictures grow brighter. */
static void tiles_and_poster_show_what_stands_at_their_times(void **state) {
    (void)state;
    struct ph_storyboard_drawn first, second;
    assert_int_equal(draw(1000000, 0, &first), 0);
    assert_non_null(first.poster);
    assert_int_equal(first.sheet.tiles, 1);
    assert_int_equal(draw(1960000, 1, &second), 0);
    assert_null(second.poster);
    assert_int_equal(second.sheet.first_tile, 0);
    assert_int_equal(second.sheet.tiles, 2);
    assert_int_equal(second.sheet.interval_ms, PH_STORYBOARD_INTERVAL_MS);
    int early = luma_of(second.jpeg, 0, 160, 90), late = luma_of(second.jpeg, 1, 160, 90);
    assert_in_range(luma_of(first.jpeg, 0, 160, 90), early - 2, early + 2);
    assert_in_range(luma_of(first.poster, 0, 426, 240), early - 6, early + 6);
    assert_int_not_equal(early, late);
    assert_int_equal(luma_of(second.jpeg, 2, 160, 90), 0);
    ph_storyboard_drawn_finish(&first);
    ph_storyboard_drawn_finish(&second);
    static const uint8_t text[] = "This is neither an init segment nor one of media.";
    struct ph_slice rubbish = {text, sizeof(text)};
    assert_int_equal(ph_cutter_draw(scene.cutter, &(struct ph_draw){.tile = 2}, rubbish, rubbish, &first),
        PH_INVALID_DATA);
    assert_int_equal(draw(1500000, 2, &first), 0);
    assert_int_equal(first.sheet.tiles, 3);
    ph_storyboard_drawn_finish(&first);
}

/* The process reads what nobody vouches for, and goes on. */
static void rubbish_is_refused_and_the_next_cut_is_made(void **state) {
    (void)state;
    static const uint8_t text[] = "This is neither an init segment nor one of media.";
    const struct origin_track *track = origin_double_track(&scene.origin, "v240");
    const struct ph_cut wanted = {
        .publication = scene.origin.publication, .from_us = 1200000, .to_us = 2000000};
    struct ph_slice rubbish = {text, sizeof(text)};
    struct ph_bytes *made;
    assert_int_equal(ph_cutter_cut(scene.cutter, &wanted, rubbish, rubbish, &made), PH_INVALID_DATA);
    assert_int_not_equal(
        ph_cutter_cut(scene.cutter, &wanted, ph_bytes_slice(track->init), rubbish, &made), 0);
    struct played played;
    assert_int_equal(cut("v240", 1400000, 3000000, &played), 0);
}

/* Where the encoder would need another init segment, it says so. */
static void a_track_of_other_settings_cannot_be_cut_at_its_beginning(void **state) {
    (void)state;
    struct played played;
    struct ph_track *track = &scene.origin.publication.tracks[0];
    const struct ph_track before = *track;
    track->width = 640;
    track->height = 360;
    assert_int_equal(cut("v240", 1400000, 3000000, &played), -ENOTSUP);
    *track = before;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "transcode") == 0)
        return ph_transcode_main();
    ph_log_set_level(PH_LOG_ERROR);
    player_watch_warnings();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_at_the_beginning_encodes_from_that_frame_on),
        cmocka_unit_test(a_cut_at_the_end_leaves_the_frames_before_it),
        cmocka_unit_test(both_ends_may_lie_in_one_segment),
        cmocka_unit_test(sound_is_cut_at_its_frames),
        cmocka_unit_test(what_holds_no_frame_makes_no_segment),
        cmocka_unit_test(tiles_and_poster_show_what_stands_at_their_times),
        cmocka_unit_test(rubbish_is_refused_and_the_next_cut_is_made),
        cmocka_unit_test(a_track_of_other_settings_cannot_be_cut_at_its_beginning),
    };
    return cmocka_run_group_tests(tests, publish, end);
}
