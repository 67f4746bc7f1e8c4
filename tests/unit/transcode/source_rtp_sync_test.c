/* Picture and sound of a whole source that is fed RTP: they come out together. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <libavutil/log.h>

#include "core/base/log.h"
#include "tests/unit/transcode/rtp_scene.h"

static const char h264[] = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -b:v 1M "
                           "-bsf:v dump_extra -c:a libopus -b:a 96k -application lowdelay";

/* A flash and a beep each second. */
static const char flash_inputs[] =
    "-f lavfi -i color=black:size=320x180:rate=30,drawbox=color=white:t=fill:enable='lt(mod(t\\,1)\\,0.2)' "
    "-f lavfi -i \"aevalsrc='if(lt(mod(t,1),0.2),0.5*sin(2*PI*1000*t),0)':s=48000\"";

/* Session time of the first flash, and of the first beep, at or after `from_us`. */
static int64_t find_flash(const struct rtp_seen *seen, int64_t from_us) {
    int64_t frame = from_us * 30 / 1000000;
    while (frame < seen->next_video && seen->video[frame - seen->first_video].luma > 128)
        frame++;
    while (frame < seen->next_video && seen->video[frame - seen->first_video].luma < 128)
        frame++;
    return frame * 1000000 / 30;
}

static float sample_at(const struct rtp_seen *seen, int64_t sample) {
    return seen->audio[sample / 1024 - seen->first_audio].samples[sample % 1024];
}

static int64_t find_beep(const struct rtp_seen *seen, int64_t from_us) {
    int64_t sample = from_us * 48 / 1000, quiet = 0, end = (seen->next_audio - 1) * 1024;
    while (sample < end && (quiet < 4800 || fabsf(sample_at(seen, sample)) < 0.1f)) {
        quiet = fabsf(sample_at(seen, sample)) < 0.1f ? quiet + 1 : 0;
        sample++;
    }
    return sample * 1000 / 48;
}

/* The picture's way is longer than the sound's by `skew_us` (negative: shorter). */
static void check_sync(const struct rtp_stream *stream, int64_t skew_us) {
    struct rtp_scene scene;
    rtp_scene_init(&scene, stream->sdp);
    int64_t video_us = skew_us > 0 ? skew_us : 0, audio_us = skew_us < 0 ? -skew_us : 0;
    rtp_scene_add_stream(&scene, stream, video_us, audio_us);
    const uint32_t video_base = 3000000000U, audio_base = 4294000000U;
    rtp_scene_shift(&scene, video_base, audio_base);
    const int64_t ntp_us = INT64_C(3900000000) * 1000000;
    struct rtp_stream_unit report;
    for (int64_t time_us = 500000; time_us < 8000000; time_us += 1000000) {
        rtp_report_write(
            &report, RTP_STREAM_VIDEO_SSRC, ntp_us + time_us, video_base + (uint32_t)(time_us * 9 / 100));
        rtp_scene_add(&scene, &report, time_us + video_us);
        rtp_report_write(
            &report, RTP_STREAM_AUDIO_SSRC, ntp_us + time_us, audio_base + (uint32_t)(time_us * 48 / 1000));
        rtp_scene_add(&scene, &report, time_us + audio_us);
    }
    rtp_scene_sort(&scene);
    struct rtp_seen *seen = rtp_scene_run(&scene);
    int64_t worst_us = 0, before_us = find_beep(seen, 300000) - find_flash(seen, 300000);
    for (int64_t from_us = 3500000; from_us < 6500000; from_us += 1000000) {
        int64_t error_us = find_beep(seen, from_us) - find_flash(seen, from_us);
        worst_us = llabs(error_us) > llabs(worst_us) ? error_us : worst_us;
    }
    print_message("           skew %d ms: sound lags by %d ms before reports, %d ms at worst behind them\n",
        (int)(skew_us / 1000), (int)(before_us / 1000), (int)(worst_us / 1000));
    assert_in_range(llabs(worst_us), 0, 40000);
    free(seen);
    rtp_scene_finish(&scene);
}

static void sender_reports_bring_picture_and_sound_together(void **state) {
    (void)state;
    struct rtp_stream stream;
    rtp_stream_create(&stream, flash_inputs, h264, 8);
    check_sync(&stream, 0);
    check_sync(&stream, 120000);
    check_sync(&stream, -150000);
    rtp_stream_destroy(&stream);
}

/* A network that is away for four seconds: the pictures of meanwhile are sent once more, the sound is lost.
 */
static void what_an_outage_held_up_moves_neither_picture_nor_sound(void **state) {
    (void)state;
    const int64_t lost_us = 2100000, back_us = 6100000;
    struct rtp_scene scene = rtp_scene_make(flash_inputs, h264, 10);
    for (size_t i = scene.count; i-- > 0;) {
        struct rtp_delivery *delivery = &scene.deliveries[i];
        if (delivery->arrival_us < lost_us || delivery->arrival_us >= back_us)
            continue;
        if (delivery->unit.is_video)
            delivery->arrival_us = back_us - (back_us - delivery->arrival_us) / 40;
        else
            rtp_scene_drop(&scene, i);
    }
    rtp_scene_sort(&scene);
    struct rtp_seen *seen = rtp_scene_run(&scene);
    for (int64_t second_us = 7000000; second_us < 9500000; second_us += 1000000) {
        assert_in_range(llabs(find_flash(seen, second_us - 400000) - second_us), 0, 40000);
        assert_in_range(llabs(find_beep(seen, second_us - 400000) - second_us), 0, 40000);
    }
    free(seen);
    rtp_scene_finish(&scene);
}

/* A network that is away for a second and a half, in which the publisher's clocks leap. Each stream reports
 * every second. */
static void check_leap(const struct rtp_stream *stream, int64_t video_us, int64_t audio_us) {
    const int64_t lost_us = 3100000, back_us = 4600000, ntp_us = INT64_C(3900000000) * 1000000;
    struct rtp_scene scene;
    rtp_scene_init(&scene, stream->sdp);
    rtp_scene_add_stream(&scene, stream, 0, 0);
    for (size_t i = scene.count; i-- > 0;) {
        struct rtp_delivery *delivery = &scene.deliveries[i];
        if (delivery->arrival_us >= back_us)
            rtp_unit_shift(&delivery->unit, (uint32_t)(video_us * 9 / 100), (uint32_t)(audio_us * 48 / 1000));
        else if (delivery->arrival_us >= lost_us)
            rtp_scene_drop(&scene, i);
    }
    for (int64_t time_us = 500000; time_us < 9000000; time_us += 1000000) {
        bool has_leapt = time_us >= back_us;
        struct rtp_stream_unit report;
        rtp_report_write(&report, RTP_STREAM_VIDEO_SSRC, ntp_us + time_us,
            (uint32_t)((time_us + (has_leapt ? video_us : 0)) * 9 / 100));
        rtp_scene_add(&scene, &report, time_us);
        rtp_report_write(&report, RTP_STREAM_AUDIO_SSRC, ntp_us + time_us,
            (uint32_t)((time_us + (has_leapt ? audio_us : 0)) * 48 / 1000));
        rtp_scene_add(&scene, &report, time_us);
    }
    rtp_scene_sort(&scene);
    struct rtp_seen *seen = rtp_scene_run(&scene);
    for (int64_t from_us = 6600000; from_us < 9000000; from_us += 1000000)
        assert_in_range(llabs(find_beep(seen, from_us) - find_flash(seen, from_us)), 0, 40000);
    free(seen);
    rtp_scene_finish(&scene);
}

static void picture_and_sound_are_together_two_seconds_behind_an_outage(void **state) {
    (void)state;
    struct rtp_stream stream;
    rtp_stream_create(&stream, flash_inputs, h264, 10);
    check_leap(&stream, 510000, 510000);
    check_leap(&stream, 800000, 0);
    check_leap(&stream, 0, -800000);
    rtp_stream_destroy(&stream);
}

int main(void) {
    av_log_set_level(AV_LOG_QUIET);
    ph_log_set_level(PH_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sender_reports_bring_picture_and_sound_together),
        cmocka_unit_test(what_an_outage_held_up_moves_neither_picture_nor_sound),
        cmocka_unit_test(picture_and_sound_are_together_two_seconds_behind_an_outage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
