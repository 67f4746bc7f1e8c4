/* Grid frames in, parts out: what comes out is played by libavformat and libavcodec, which must not find a
 * word to say. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/transcode/player.h"
#include "transcode/effort.h"
#include "transcode/encode_audio.h"
#include "transcode/encode_video.h"

enum { most_parts = 256 };

static const struct ph_rational thirty = {30, 1};
struct collector {
    struct ph_part parts[most_parts];
    uint32_t count;
    int64_t now_us; /* link time the track is told */
};

static int collect(void *opaque, const struct ph_part *part) {
    struct collector *collector = opaque;
    assert_true(collector->count < most_parts);
    collector->parts[collector->count] = *part;
    ph_bytes_ref(part->body);
    collector->count++;
    return 0;
}

static int64_t collector_age(void *opaque, int64_t time_us) {
    return ((struct collector *)opaque)->now_us - time_us;
}

static void collector_finish(struct collector *collector) {
    for (uint32_t i = 0; i < collector->count; i++)
        ph_part_finish(&collector->parts[i]);
}

/* Init segment and parts, as a player concatenates them. */
static struct ph_bytes *concatenate(struct ph_bytes *init, const struct ph_part *parts, uint32_t count) {
    struct ph_builder builder = {0};
    ph_builder_append(&builder, ph_bytes_data(init), ph_bytes_size(init));
    for (uint32_t i = 0; i < count; i++)
        ph_builder_append(&builder, ph_bytes_data(parts[i].body), ph_bytes_size(parts[i].body));
    return ph_builder_finish(&builder);
}

static AVFrame *make_picture(int64_t time) {
    AVFrame *picture = av_frame_alloc();
    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = 640;
    picture->height = 360;
    picture->colorspace = AVCOL_SPC_BT709;
    assert_int_equal(av_frame_get_buffer(picture, 0), 0);
    for (int plane = 0; plane < 3; plane++) {
        int shift = plane > 0;
        for (int y = 0; y < picture->height >> shift; y++) {
            for (int x = 0; x < picture->width >> shift; x++)
                picture->data[plane][y * picture->linesize[plane] + x] =
                    (uint8_t)((x + 2 * time) ^ (y + time));
        }
    }
    return picture;
}

static struct ph_video_track_options video_options(struct collector *collector, struct ph_rational rate) {
    struct ph_video_track_options options = {
        .rendition = {.name = "v360",
            .width = 640,
            .height = 360,
            .step = 1,
            .rate = rate,
            .bitrate = 1000000,
            .most_bitrate = 1150000,
            .buffer_bits = 500000},
        .grid = ph_grid_plan_make(rate, 200, 2000),
        .encoder = "libx264",
        .threads = 1,
        .effort = PH_EFFORT_START,
        .drop_after_us = 350000,
        .take = collect,
        .age = collector_age,
        .opaque = collector,
    };
    return options;
}

static void push_pictures(struct ph_video_track *track, int64_t from, int64_t to) {
    for (int64_t n = from; n < to; n++) {
        AVFrame *picture = make_picture(n);
        struct ph_grid_video video = {.frame = n, .picture = picture, .arrival_us = n};
        assert_int_equal(ph_video_track_push(track, &video), 0);
        av_frame_free(&picture);
    }
}

static void assert_parts_on_grid(const struct collector *collector, const struct ph_track_timing *timing,
    struct ph_part_position position) {
    int64_t end = -1;
    for (uint32_t i = 0; i < collector->count; i++) {
        const struct ph_part *part = &collector->parts[i];
        assert_int_equal(ph_part_position_compare(part->position, position), 0);
        int64_t start_ticks;
        uint32_t duration_ticks;
        ph_track_part_span(timing, position, &start_ticks, &duration_ticks);
        assert_int_equal(part->start_ticks, start_ticks);
        if (i + 1 < collector->count)
            assert_int_equal(part->duration_ticks, duration_ticks);
        assert_true(end < 0 || end == part->start_ticks);
        end = part->start_ticks + part->duration_ticks;
        if (timing->kind == PH_TRACK_VIDEO && position.part == 0)
            assert_true(part->independent);
        position = ph_part_after(&timing->grid, position);
    }
}

static void video_plays_without_a_warning_at(struct ph_rational rate) {
    struct collector collector = {0};
    struct ph_video_track_options options = video_options(&collector, rate);
    struct ph_video_track *track;
    assert_int_equal(ph_video_track_create(&track, &options), 0);
    int64_t frames = 2 * options.grid.frames_per_part * options.grid.parts_per_segment + 4;
    push_pictures(track, 0, frames);
    assert_int_equal(ph_video_track_finish(track), 0);
    assert_int_equal(collector.count, 2 * options.grid.parts_per_segment + 1);
    assert_parts_on_grid(&collector, ph_video_track_timing(track), (struct ph_part_position){0, 0});
    assert_true(collector.parts[collector.count - 1].last_in_segment);
    assert_int_equal(collector.parts[0].arrival_us, options.grid.frames_per_part - 1);
    struct ph_bytes *file = concatenate(ph_video_track_init_segment(track), collector.parts, collector.count);
    struct played played = player_play(file);
    assert_int_equal(played.packets, frames);
    assert_int_equal(played.frames, frames);
    assert_int_equal(played.keyframes, 3);
    assert_int_equal(played.first_pts, 0);
    assert_int_equal(played.end_pts, frames * ph_video_track_timing(track)->frame_ticks);
    assert_true(played.even);
    assert_int_equal(played.warnings, 0);
    ph_bytes_unref(&file);
    ph_video_track_destroy(track);
    collector_finish(&collector);
}

static void video_plays_without_a_warning(void **state) {
    (void)state;
    video_plays_without_a_warning_at(thirty);
    video_plays_without_a_warning_at((struct ph_rational){30000, 1001});
    video_plays_without_a_warning_at((struct ph_rational){24, 1});
}

static void a_second_worker_goes_on_in_the_middle_of_a_segment(void **state) {
    (void)state;
    struct collector first = {0}, second = {0};
    struct ph_video_track_options options = video_options(&first, thirty);
    struct ph_video_track *track;
    assert_int_equal(ph_video_track_create(&track, &options), 0);
    push_pictures(track, 0, 100);
    assert_int_equal(ph_video_track_finish(track), 0);
    ph_video_track_destroy(track);

    struct ph_part_position next = {1, 3};
    options = video_options(&second, thirty);
    options.first_frame = ph_grid_first_video(&options.grid, next);
    options.effort = PH_EFFORT_LOWEST;
    assert_int_equal(ph_video_track_create(&track, &options), 0);
    push_pictures(track, 60, 150);
    assert_int_equal(ph_video_track_finish(track), 0);
    assert_parts_on_grid(&second, ph_video_track_timing(track), next);
    assert_true(second.parts[0].independent);

    struct ph_part joined[most_parts];
    memcpy(joined, first.parts, 13 * sizeof(joined[0]));
    memcpy(joined + 13, second.parts, second.count * sizeof(joined[0]));
    struct ph_bytes *file = concatenate(ph_video_track_init_segment(track), joined, 13 + second.count);
    struct played played = player_play(file);
    assert_int_equal(played.frames, 150);
    assert_true(played.even);
    assert_int_equal(played.warnings, 0);
    ph_bytes_unref(&file);
    ph_video_track_destroy(track);
    collector_finish(&first);
    collector_finish(&second);
}

static void each_origin_goes_on_with_an_idr(void **state) {
    (void)state;
    struct collector collector = {0};
    struct ph_video_track_options options = video_options(&collector, thirty);
    options.fresh_starts[0] = 18;
    options.fresh_starts[1] = 36;
    options.fresh_start_count = 2;
    struct ph_video_track *track;
    assert_int_equal(ph_video_track_create(&track, &options), 0);
    push_pictures(track, 0, 60);
    assert_int_equal(ph_video_track_finish(track), 0);
    assert_int_equal(collector.count, 10);
    for (uint32_t i = 0; i < collector.count; i++)
        assert_int_equal(collector.parts[i].independent, i == 0 || i == 3 || i == 6);
    ph_video_track_destroy(track);
    collector_finish(&collector);
}

static void late_pictures_are_dropped_and_parts_stay_whole(void **state) {
    (void)state;
    struct collector collector = {.now_us = PH_SECOND_US / 2};
    struct ph_video_track_options options = video_options(&collector, thirty);
    struct ph_video_track *track;
    assert_int_equal(ph_video_track_create(&track, &options), 0);
    push_pictures(track, 0, 60);
    assert_int_equal(ph_video_track_finish(track), 0);
    struct ph_video_figures figures;
    ph_video_track_read(track, &figures);
    assert_int_equal(figures.frames_encoded, 10);
    assert_int_equal(figures.frames_dropped, 50);
    assert_int_equal(collector.count, 10);
    assert_parts_on_grid(&collector, ph_video_track_timing(track), (struct ph_part_position){0, 0});
    struct ph_bytes *file = concatenate(ph_video_track_init_segment(track), collector.parts, collector.count);
    struct played played = player_play(file);
    assert_int_equal(played.frames, 10);
    assert_int_equal(collector.parts[9].start_ticks + collector.parts[9].duration_ticks, 60000);
    assert_int_equal(played.end_pts - played.first_pts, 54000 + 1000);
    assert_int_equal(played.warnings, 0);
    ph_bytes_unref(&file);
    ph_video_track_destroy(track);
    collector_finish(&collector);
}

static void a_slower_rendition_takes_every_second_frame(void **state) {
    (void)state;
    struct collector collector = {0};
    struct ph_video_track_options options = video_options(&collector, (struct ph_rational){60, 1});
    options.rendition.step = 2;
    options.rendition.rate = thirty;
    struct ph_video_track *track;
    assert_int_equal(ph_video_track_create(&track, &options), 0);
    push_pictures(track, 0, 120);
    assert_int_equal(ph_video_track_finish(track), 0);
    assert_int_equal(collector.count, 10);
    assert_parts_on_grid(&collector, ph_video_track_timing(track), (struct ph_part_position){0, 0});
    struct ph_bytes *file = concatenate(ph_video_track_init_segment(track), collector.parts, collector.count);
    struct played played = player_play(file);
    assert_int_equal(played.frames, 60);
    assert_int_equal(played.end_pts, 60000);
    ph_bytes_unref(&file);
    ph_video_track_destroy(track);
    collector_finish(&collector);
}

struct pusher {
    struct ph_video_track *track;
    int code;
};

static void *push_until_refused(void *opaque) {
    struct pusher *pusher = opaque;
    AVFrame *picture = make_picture(0);
    for (int64_t n = 0; pusher->code == 0; n++) {
        struct ph_grid_video video = {.frame = n, .picture = picture};
        pusher->code = ph_video_track_push(pusher->track, &video);
    }
    av_frame_free(&picture);
    return NULL;
}

static void abandoning_frees_a_blocked_push(void **state) {
    (void)state;
    struct collector *collector = calloc(1, sizeof(*collector));
    struct ph_video_track_options options = video_options(collector, thirty);
    struct pusher pusher = {0};
    assert_int_equal(ph_video_track_create(&pusher.track, &options), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, push_until_refused, &pusher), 0);
    struct ph_video_figures figures = {0};
    while (figures.frames_encoded < 3)
        ph_video_track_read(pusher.track, &figures);
    ph_video_track_abandon(pusher.track);
    pthread_join(thread, NULL);
    assert_int_equal(pusher.code, PH_EOF);
    ph_video_track_destroy(pusher.track);
    collector_finish(collector);
    free(collector);
}

/* A tone of 440 Hz that begins with sample 0 of frame 0. */
static void push_tone(struct ph_audio_track *track, int64_t from, int64_t to) {
    for (int64_t m = from; m < to; m++) {
        float samples[2][PH_AUDIO_FRAME_SAMPLES];
        for (int i = 0; i < PH_AUDIO_FRAME_SAMPLES; i++) {
            double t = (double)(m * PH_AUDIO_FRAME_SAMPLES + i) / PH_AUDIO_RATE;
            samples[0][i] = samples[1][i] = (float)(0.5 * sin(2 * M_PI * 440 * t));
        }
        struct ph_grid_audio audio = {.frame = m, .samples = {samples[0], samples[1]}, .arrival_us = m};
        assert_int_equal(ph_audio_track_push(track, &audio), 0);
    }
}

/* Largest difference from the tone between two samples. */
static double distance_from_tone(const struct played *played, size_t from, size_t to) {
    double most = 0;
    assert_true(to <= played->sample_count);
    for (size_t i = from; i < to; i++) {
        double wanted = 0.5 * sin(2 * M_PI * 440 * (double)i / PH_AUDIO_RATE);
        double distance = fabs(played->samples[i] - wanted);
        most = distance > most ? distance : most;
    }
    return most;
}

static struct ph_audio_track *open_audio(struct collector *collector, int64_t first_frame) {
    struct ph_audio_track_options options = {
        .grid = ph_grid_plan_make(thirty, 200, 2000),
        .first_frame = first_frame,
        .take = collect,
        .opaque = collector,
    };
    struct ph_audio_track *track;
    assert_int_equal(ph_audio_track_create(&track, &options), 0);
    return track;
}

static void audio_is_presented_when_it_sounded(void **state) {
    (void)state;
    struct collector collector = {0};
    struct ph_audio_track *track = open_audio(&collector, 0);
    push_tone(track, 0, 200);
    assert_int_equal(ph_audio_track_finish(track, (struct ph_part_position){100, 0}), 0);
    assert_parts_on_grid(&collector, ph_audio_track_timing(track), (struct ph_part_position){0, 0});
    struct ph_bytes *file = concatenate(ph_audio_track_init_segment(track), collector.parts, collector.count);
    struct played played = player_play(file);
    assert_int_equal(played.packets, 200);
    assert_int_equal(played.first_pts, 0);
    assert_int_equal(played.end_pts, 200 * 1024);
    assert_true(played.even);
    assert_int_equal(played.warnings, 0);
    /* A shift by one sample would be a distance of 0.03. */
    assert_true(distance_from_tone(&played, 4096, 190 * 1024) < 0.02);
    free(played.samples);
    ph_bytes_unref(&file);
    ph_audio_track_destroy(track);
    collector_finish(&collector);
}

static void audio_goes_on_to_the_sample(void **state) {
    (void)state;
    struct collector first = {0}, second = {0};
    struct ph_audio_track *track = open_audio(&first, 0);
    push_tone(track, 0, 120);
    ph_audio_track_destroy(track);

    struct ph_grid_plan grid = ph_grid_plan_make(thirty, 200, 2000);
    struct ph_part_position next = {0, 7};
    int64_t frame = ph_grid_first_audio(&grid, next);
    track = open_audio(&second, frame);
    push_tone(track, frame - PH_AUDIO_LEAD_IN_FRAMES, 200);
    assert_parts_on_grid(&second, ph_audio_track_timing(track), next);
    struct ph_part joined[most_parts];
    memcpy(joined, first.parts, 7 * sizeof(joined[0]));
    memcpy(joined + 7, second.parts, second.count * sizeof(joined[0]));
    struct ph_bytes *file = concatenate(ph_audio_track_init_segment(track), joined, 7 + second.count);
    struct played played = player_play(file);
    assert_true(played.even);
    assert_int_equal(played.warnings, 0);
    size_t seam = (size_t)frame * 1024;
    assert_true(distance_from_tone(&played, seam - 4096, seam + 4096) < 0.02);
    free(played.samples);
    ph_bytes_unref(&file);
    ph_audio_track_destroy(track);
    collector_finish(&first);
    collector_finish(&second);
}

/* A source whose first picture comes late begins at its segment: no packet lies before. */
static void audio_begins_where_its_source_does(void **state) {
    (void)state;
    struct collector collector = {0};
    struct ph_audio_track *track = open_audio(&collector, 0);
    struct ph_part_position begin = {1, 0};
    int64_t frame = ph_grid_first_audio(&ph_audio_track_timing(track)->grid, begin);
    push_tone(track, frame, frame + 50);
    assert_parts_on_grid(&collector, ph_audio_track_timing(track), begin);
    ph_audio_track_destroy(track);
    collector_finish(&collector);
}

static void audio_ends_with_the_last_picture(void **state) {
    (void)state;
    struct collector collector = {0};
    struct ph_audio_track *track = open_audio(&collector, 0);
    push_tone(track, 0, 30);
    struct ph_part_position end = {0, 2};
    assert_int_equal(ph_audio_track_finish(track, end), 0);
    assert_int_equal(collector.count, 3);
    assert_int_equal(ph_part_position_compare(collector.parts[2].position, end), 0);
    ph_audio_track_destroy(track);
    collector_finish(&collector);
}

int main(void) {
    player_watch_warnings();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(video_plays_without_a_warning),
        cmocka_unit_test(a_second_worker_goes_on_in_the_middle_of_a_segment),
        cmocka_unit_test(each_origin_goes_on_with_an_idr),
        cmocka_unit_test(late_pictures_are_dropped_and_parts_stay_whole),
        cmocka_unit_test(a_slower_rendition_takes_every_second_frame),
        cmocka_unit_test(abandoning_frees_a_blocked_push),
        cmocka_unit_test(audio_is_presented_when_it_sounded),
        cmocka_unit_test(audio_goes_on_to_the_sample),
        cmocka_unit_test(audio_begins_where_its_source_does),
        cmocka_unit_test(audio_ends_with_the_last_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
