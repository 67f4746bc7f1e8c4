/* A whole source that is fed RTP: as browsers send it, and as networks spoil it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libavutil/log.h>

#include "core/base/log.h"
#include "tests/unit/transcode/rtp_scene.h"

static const char both_inputs[] =
    "-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000";
static const char h264[] = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -b:v 1M "
                           "-bsf:v dump_extra -c:a libopus -b:a 96k -application lowdelay";
static const char vp8[] = "-c:v libvpx -deadline realtime -cpu-used 8 -g 30 -b:v 1M -c:a libopus -b:a 96k";

static int64_t count_repeats(const struct rtp_seen *seen, int64_t from, int64_t to) {
    int64_t repeats = 0;
    for (int64_t i = from; i < to; i++)
        repeats += seen->video[i].repeated;
    return repeats;
}

static void check_steady(const char *codecs) {
    struct rtp_scene scene = rtp_scene_make(both_inputs, codecs, 2.5);
    struct rtp_seen *seen = rtp_scene_run(&scene);
    assert_int_equal(seen->begun, 1);
    assert_int_equal(seen->ended, 1);
    assert_int_equal(seen->description.plan.rate.num, 30 * seen->description.plan.rate.den);
    int64_t count = seen->next_video - seen->first_video, silent = 0;
    assert_in_range(count, 73, 79);
    assert_int_equal(count_repeats(seen, 3, count), 0);
    int64_t sounds = seen->next_audio - seen->first_audio;
    for (int64_t i = 5; i < sounds - 5; i++)
        silent += seen->audio[i].silent;
    assert_int_equal(silent, 0);
    free(seen);
    rtp_scene_finish(&scene);
}

static void a_steady_publisher_fills_each_slot_once(void **state) {
    (void)state;
    check_steady(h264);
    check_steady(vp8);
    check_steady(
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -lag-in-frames 0 -g 30 -b:v 1M -c:a libopus");
    check_steady("-c:v libx265 -preset ultrafast -tune zerolatency -x265-params "
                 "log-level=none:keyint=30:repeat-headers=1 -c:a libopus");
    check_steady("-c:v libaom-av1 -usage realtime -cpu-used 8 -lag-in-frames 0 -g 30 -b:v 1M -c:a libopus");
}

/* Rewrites all timestamps by an offset for each stream. */
static void timestamps_go_on_over_their_wraps(void **state) {
    (void)state;
    struct rtp_scene scene = rtp_scene_make(both_inputs, h264, 3);
    struct rtp_seen *plain = rtp_scene_run(&scene);
    rtp_scene_shift(&scene, UINT32_MAX - 90000, UINT32_MAX - 48000 * 2);
    struct rtp_seen *wrapped = rtp_scene_run(&scene);
    assert_int_equal(plain->next_video, wrapped->next_video);
    assert_int_equal(plain->next_audio, wrapped->next_audio);
    for (int64_t i = 0; i < plain->next_video - plain->first_video; i++)
        assert_int_equal(plain->video[i].sum, wrapped->video[i].sum);
    for (int64_t i = 0; i < plain->next_audio - plain->first_audio; i++)
        assert_float_equal(plain->audio[i].samples[0], wrapped->audio[i].samples[0], 1e-3);
    free(plain);
    free(wrapped);
    rtp_scene_finish(&scene);
}

static bool is_among(const struct rtp_seen *good, uint32_t sum) {
    for (int64_t i = 0; i < good->next_video - good->first_video; i++) {
        if (good->video[i].sum == sum)
            return true;
    }
    return false;
}

static void check_losses(const char *codecs, int percent) {
    struct rtp_scene scene = rtp_scene_make(both_inputs, codecs, 5);
    struct rtp_seen *good = rtp_scene_run(&scene);
    uint32_t noise = 1;
    for (size_t i = scene.count; i-- > 0;) {
        noise = noise * 1664525 + 1013904223;
        if (i > 100 && (noise >> 16) % 1000 < (unsigned)percent * 10)
            rtp_scene_drop(&scene, i);
    }
    struct rtp_seen *lossy = rtp_scene_run(&scene);
    /* What is held at the very end is not repeated once more. */
    assert_in_range(good->next_video - lossy->next_video, 0, 9);
    assert_true(lossy->keyframes_wanted >= 2);
    int64_t count = lossy->next_video - lossy->first_video;
    for (int64_t i = 0; i < count; i++)
        assert_true(is_among(good, lossy->video[i].sum));
    int64_t held = count_repeats(lossy, 0, count);
    print_message("           %d %% lost: %d of %d slots hold the last picture, %d keyframes asked for\n",
        percent, (int)held, (int)count, lossy->keyframes_wanted);
    assert_true(held < count * 9 / 10);
    free(good);
    free(lossy);
    rtp_scene_finish(&scene);
}

static void no_damaged_picture_is_shown(void **state) {
    (void)state;
    check_losses(h264, 1);
    check_losses(vp8, 1);
}

/* The sound goes on in its place behind lost packets: compared sample by sample where nothing was lost. */
static void lost_sound_moves_nothing(void **state) {
    (void)state;
    struct rtp_scene scene = rtp_scene_make(both_inputs, h264, 4);
    struct rtp_seen *good = rtp_scene_run(&scene);
    int lost = 0;
    for (size_t i = scene.count; i-- > 0;) {
        bool is_sound = !scene.deliveries[i].unit.is_video;
        int64_t time_us = scene.deliveries[i].arrival_us;
        if (is_sound && time_us >= 1000000 && time_us < 3000000 && time_us / 20000 % 20 == 0) {
            rtp_scene_drop(&scene, i);
            lost++;
        }
    }
    assert_int_equal(lost, 5);
    struct rtp_seen *lossy = rtp_scene_run(&scene);
    assert_int_equal(lossy->next_audio, good->next_audio);
    int64_t count = good->next_audio - good->first_audio, different = 0;
    for (int64_t i = 3; i < count - 3; i++) {
        float worst = 0, energy = 0;
        for (int n = 0; n < PH_AUDIO_FRAME_SAMPLES; n++) {
            worst = fmaxf(worst, fabsf(good->audio[i].samples[n] - lossy->audio[i].samples[n]));
            energy += lossy->audio[i].samples[n] * lossy->audio[i].samples[n];
        }
        /* A hole is no silence: the tone's own loudness is 0.088. */
        assert_true(sqrtf(energy / PH_AUDIO_FRAME_SAMPLES) > 0.035f);
        different += worst > 0.02f;
    }
    assert_in_range(different, 5, 5 * 4);
    free(good);
    free(lossy);
    rtp_scene_finish(&scene);
}

static void a_resumed_source_makes_the_same_frames(void **state) {
    (void)state;
    struct rtp_scene scene = rtp_scene_make(both_inputs, h264, 6);
    struct rtp_stream_unit report;
    for (int64_t time_us = 500000; time_us < 6000000; time_us += 500000) {
        rtp_report_write(&report, RTP_STREAM_VIDEO_SSRC, time_us - 60000, (uint32_t)(time_us * 9 / 100));
        rtp_scene_add(&scene, &report, time_us + 1);
        rtp_report_write(&report, RTP_STREAM_AUDIO_SSRC, time_us, (uint32_t)(time_us * 48 / 1000));
        rtp_scene_add(&scene, &report, time_us + 2);
    }
    rtp_scene_sort(&scene);
    struct rtp_seen *whole = rtp_scene_run(&scene), *first = rtp_seen_create(), *resumed = rtp_seen_create();
    const int64_t video = 75, audio = 75 * 1600 / 1024 - 2;
    struct ph_source *source;
    assert_int_equal(ph_source_create(&source, &scene.options, &first->base), 0);
    rtp_scene_feed(&scene, source, 0, scene.count * 3 / 4);
    while (__atomic_load_n(&first->next_video, __ATOMIC_RELAXED) < 120)
        usleep(1000);
    uint64_t replay_from = 0;
    struct ph_bytes *bytes = NULL;
    assert_int_equal(ph_source_checkpoint(source, video, audio, &replay_from, &bytes), 0);
    ph_source_destroy(source);
    assert_true(replay_from > 50);

    struct rtp_scene rest = scene;
    rest.options.state = ph_bytes_slice(bytes);
    rest.options.resume_video = video;
    rest.options.resume_audio = audio;
    assert_int_equal(ph_source_create(&source, &rest.options, &resumed->base), 0);
    rtp_scene_feed(&rest, source, (size_t)replay_from - 1, rest.count);
    rtp_scene_end(&rest, source);
    ph_source_destroy(source);
    assert_true(resumed->first_video <= video && resumed->first_audio <= audio);
    assert_int_equal(resumed->next_video, whole->next_video);
    for (int64_t frame = video; frame < whole->next_video; frame++)
        assert_int_equal(
            resumed->video[frame - resumed->first_video].sum, whole->video[frame - whole->first_video].sum);
    for (int64_t frame = audio; frame < whole->next_audio && frame < resumed->next_audio; frame++)
        assert_float_equal(resumed->audio[frame - resumed->first_audio].samples[0],
            whole->audio[frame - whole->first_audio].samples[0], 0.01);
    ph_bytes_unref(&bytes);
    free(whole);
    free(first);
    free(resumed);
    rtp_scene_finish(&scene);
}

/* A second stream goes on where the first ends: as the same one, at another size. */
static void append_stream(struct rtp_scene *scene, const char *inputs, const char *codecs, double seconds) {
    struct rtp_stream stream;
    rtp_stream_create(&stream, inputs, codecs, seconds);
    int64_t start_us = rtp_scene_length_us(scene) + 33333;
    uint16_t sequences[2] = {0};
    for (size_t i = 0; i < scene->count; i++)
        sequences[scene->deliveries[i].unit.is_video] = rtp_unit_sequence(&scene->deliveries[i].unit);
    for (size_t i = 0; i < stream.count; i++) {
        struct rtp_stream_unit unit = stream.units[i];
        rtp_unit_set_sequence(&unit, ++sequences[unit.is_video]);
        uint32_t rate = unit.is_video ? 90 : 48;
        rtp_unit_set_timestamp(&unit, rtp_unit_timestamp(&unit) + (uint32_t)(start_us * rate / 1000));
        rtp_scene_add(scene, &unit, start_us + unit.time_us);
    }
    rtp_stream_destroy(&stream);
    rtp_scene_sort(scene);
}

static void a_picture_that_grows_is_carried_at_its_last_size(void **state) {
    (void)state;
    struct rtp_scene scene = rtp_scene_make("-f lavfi -i testsrc2=size=480x270:rate=30", vp8, 1);
    append_stream(&scene, "-f lavfi -i testsrc2=size=1920x1080:rate=30", vp8, 0.3);
    struct rtp_seen *seen = rtp_scene_run(&scene);
    assert_int_equal(seen->description.width, 1920);
    assert_int_equal(seen->description.height, 1080);
    int64_t count = seen->next_video - seen->first_video;
    assert_in_range(count, 37, 41);
    assert_int_equal(seen->video[2].width, 480);
    assert_int_equal(seen->video[count - 2].width, 1920);
    assert_true(count_repeats(seen, 3, count) <= 1);
    free(seen);
    rtp_scene_finish(&scene);
}

static void a_camera_keeps_its_size(void **state) {
    (void)state;
    struct rtp_scene scene = rtp_scene_make("-f lavfi -i testsrc2=size=1280x720:rate=30", h264, 0.5);
    struct rtp_seen *seen = rtp_scene_run(&scene);
    assert_int_equal(seen->description.width, 1280);
    assert_int_equal(seen->description.height, 720);
    free(seen);
    rtp_scene_finish(&scene);
}

static void a_shared_screen_may_stand_still(void **state) {
    (void)state;
    struct rtp_scene scene = rtp_scene_make("-f lavfi -i testsrc2=size=640x360:rate=2", vp8, 6);
    struct rtp_seen *seen = rtp_scene_run(&scene);
    assert_int_equal(seen->description.plan.rate.num, 30 * seen->description.plan.rate.den);
    int64_t count = seen->next_video - seen->first_video;
    assert_in_range(count, 160, 185);
    assert_in_range(count - count_repeats(seen, 0, count), 9, 13);
    assert_int_equal(seen->reason.code[0], 0);
    free(seen);
    rtp_scene_finish(&scene);
}

static void sound_alone_begins_at_once(void **state) {
    (void)state;
    struct rtp_scene scene =
        rtp_scene_make("-f lavfi -i sine=frequency=440:sample_rate=48000", "-c:a libopus", 2);
    struct rtp_seen *seen = rtp_scene_run(&scene);
    assert_int_equal(seen->begun, 1);
    assert_int_equal(seen->first_video, 0);
    int64_t silent = 0, count = seen->next_audio - seen->first_audio;
    for (int64_t i = 2; i < count - 5; i++)
        silent += seen->audio[i].silent;
    assert_int_equal(silent, 0);
    free(seen);
    rtp_scene_finish(&scene);
}

/* A picture comes; the sound that was announced begins three seconds later, and is heard. */
static void sound_that_starts_late_is_heard(void **state) {
    (void)state;
    struct rtp_scene scene = rtp_scene_make(both_inputs, h264, 5);
    for (size_t i = scene.count; i-- > 0;) {
        if (!scene.deliveries[i].unit.is_video && scene.deliveries[i].arrival_us < 3000000)
            rtp_scene_drop(&scene, i);
    }
    struct rtp_seen *seen = rtp_scene_run(&scene);
    assert_true(seen->audio[47].silent);
    assert_false(seen->audio[200].silent);
    free(seen);
    rtp_scene_finish(&scene);
}

/* Nothing can be decoded before the first keyframe: it is asked for until it comes. */
static void the_first_keyframe_is_asked_for(void **state) {
    (void)state;
    struct rtp_scene scene = rtp_scene_make("-f lavfi -i testsrc2=size=320x180:rate=30",
        "-c:v libvpx -deadline realtime -cpu-used 8 -g 90 -b:v 300k", 4);
    while (scene.deliveries[0].unit.is_key)
        rtp_scene_drop(&scene, 0);
    struct rtp_seen *seen = rtp_scene_run(&scene);
    assert_in_range(seen->keyframes_wanted, 4, 8);
    assert_int_equal(seen->begun, 1);
    assert_in_range(seen->next_video - seen->first_video, 25, 100);
    free(seen);
    rtp_scene_finish(&scene);
}

int main(void) {
    av_log_set_level(AV_LOG_QUIET);
    ph_log_set_level(PH_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_publisher_fills_each_slot_once),
        cmocka_unit_test(timestamps_go_on_over_their_wraps),
        cmocka_unit_test(no_damaged_picture_is_shown),
        cmocka_unit_test(lost_sound_moves_nothing),
        cmocka_unit_test(a_resumed_source_makes_the_same_frames),
        cmocka_unit_test(a_picture_that_grows_is_carried_at_its_last_size),
        cmocka_unit_test(a_camera_keeps_its_size),
        cmocka_unit_test(a_shared_screen_may_stand_still),
        cmocka_unit_test(sound_alone_begins_at_once),
        cmocka_unit_test(sound_that_starts_late_is_heard),
        cmocka_unit_test(the_first_keyframe_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
