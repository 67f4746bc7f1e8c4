#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transcode/grid_plan.h"

static const struct ph_rational all_rates[] = {{24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1},
    {48, 1}, {50, 1}, {60000, 1001}, {60, 1}, {15, 1}};
enum { RATES = sizeof(all_rates) / sizeof(all_rates[0]) };

static void assert_rate(struct ph_rational rate, int32_t num, int32_t den) {
    assert_int_equal(rate.num, num);
    assert_int_equal(rate.den, den);
}

static void rates_snap_to_the_grid(void **state) {
    (void)state;
    for (int i = 0; i < RATES - 1; i++) {
        double fps = (double)all_rates[i].num / all_rates[i].den;
        assert_rate(ph_grid_snap_rate(fps, 60), all_rates[i].num, all_rates[i].den);
        assert_rate(ph_grid_snap_rate(fps * 1.0003, 60), all_rates[i].num, all_rates[i].den);
    }
    assert_rate(ph_grid_snap_rate(16, 60), 30, 1);
    assert_rate(ph_grid_snap_rate(1, 60), 30, 1);
    assert_rate(ph_grid_snap_rate(35, 60), 60, 1);
    assert_rate(ph_grid_snap_rate(240, 60), 60, 1);
}

static void absurd_rates_give_30(void **state) {
    (void)state;
    const double absurd[] = {0, -30, NAN, INFINITY, -INFINITY, 90000};
    for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++)
        assert_rate(ph_grid_snap_rate(absurd[i], 60), 30, 1);
}

static void a_rate_never_exceeds_the_ladder(void **state) {
    (void)state;
    assert_rate(ph_grid_snap_rate(60, 30), 30, 1);
    assert_rate(ph_grid_snap_rate(59.94, 30), 30000, 1001);
    assert_rate(ph_grid_snap_rate(50, 25), 25, 1);
    assert_rate(ph_grid_snap_rate(30, 25), 25, 1);
    assert_rate(ph_grid_snap_rate(29.97, 15), 15000, 1001);
    assert_rate(ph_grid_snap_rate(240, 20), 20, 1);
    assert_rate(ph_grid_snap_rate(25, 30), 25, 1);
}

static void the_default_part_is_a_fifth_of_a_second(void **state) {
    (void)state;
    struct ph_grid_plan plan = ph_grid_plan_make((struct ph_rational){30, 1}, 200, 2000);
    assert_int_equal(plan.frames_per_part, 6);
    assert_int_equal(plan.parts_per_segment, 10);
    assert_int_equal(ph_grid_part_target_us(&plan), 214000);
    assert_int_equal(ph_grid_target_duration_s(&plan), 2);
    plan = ph_grid_plan_make((struct ph_rational){24000, 1001}, 200, 2000);
    assert_int_equal(plan.frames_per_part, 5);
    assert_int_equal(plan.parts_per_segment, 10);
    plan = ph_grid_plan_make((struct ph_rational){60000, 1001}, 200, 6000);
    assert_int_equal(plan.frames_per_part, 12);
    assert_int_equal(plan.parts_per_segment, 30);
}

static void segment_of_less_than_a_part_is_one_part(void **state) {
    (void)state;
    struct ph_grid_plan plan = ph_grid_plan_make((struct ph_rational){30, 1}, 500, 100);
    assert_int_equal(plan.parts_per_segment, 1);
    assert_int_equal(ph_grid_target_duration_s(&plan), 1);
}

/* Walks 200 parts of a plan: indices round-trip, every audio frame has one part, and durations keep the 85 %
 * rule. */
static void walk(const struct ph_grid_plan *plan) {
    int64_t target_us = ph_grid_part_target_us(plan);
    int64_t next_video = 0, next_audio = 0;
    for (int i = 0; i < 200; i++) {
        struct ph_part_position here = {
            (uint64_t)i / plan->parts_per_segment, (uint32_t)i % plan->parts_per_segment};
        struct ph_part_position after = {
            (uint64_t)(i + 1) / plan->parts_per_segment, (uint32_t)(i + 1) % plan->parts_per_segment};
        assert_int_equal(ph_grid_first_video(plan, here), next_video);
        assert_int_equal(ph_grid_first_audio(plan, here), next_audio);
        int64_t video_end = ph_grid_first_video(plan, after), audio_end = ph_grid_first_audio(plan, after);
        for (int64_t m = next_audio; m < audio_end; m++) {
            struct ph_part_position found = ph_grid_part_of_audio(plan, m);
            assert_int_equal(found.segment, here.segment);
            assert_int_equal(found.part, here.part);
            /* The exact rule: the audio frame begins within the part's video. */
            __int128 start = (__int128)m * PH_AUDIO_FRAME_SAMPLES * plan->rate.num;
            assert_true(start >= (__int128)next_video * plan->rate.den * PH_AUDIO_RATE);
            assert_true(start < (__int128)video_end * plan->rate.den * PH_AUDIO_RATE);
        }
        for (int64_t n = next_video; n < video_end; n++) {
            struct ph_part_position found = ph_grid_part_of_video(plan, n);
            assert_int_equal(found.segment, here.segment);
            assert_int_equal(found.part, here.part);
        }
        int64_t video_us = (video_end - next_video) * 1000000 * plan->rate.den / plan->rate.num;
        int64_t audio_us = (audio_end - next_audio) * PH_AUDIO_FRAME_SAMPLES * 1000000 / PH_AUDIO_RATE;
        assert_true(video_us <= target_us && audio_us <= target_us);
        assert_true(video_us * 100 >= 85 * target_us);
        assert_true(audio_us * 100 >= 85 * target_us);
        next_video = video_end;
        next_audio = audio_end;
    }
}

static void every_plan_keeps_the_part_rules(void **state) {
    (void)state;
    const uint32_t part_ms[] = {50, 100, 150, 200, 250, 333, 500, 1000};
    for (int i = 0; i < RATES; i++)
        for (size_t j = 0; j < sizeof(part_ms) / sizeof(part_ms[0]); j++) {
            struct ph_grid_plan plan = ph_grid_plan_make(all_rates[i], part_ms[j], 2000);
            assert_true(plan.frames_per_part > 0);
            walk(&plan);
        }
}

static void video_times_round_trip_for_days(void **state) {
    (void)state;
    for (int i = 0; i < RATES; i++) {
        struct ph_grid_plan plan = ph_grid_plan_make(all_rates[i], 200, 2000);
        for (int64_t n = 0; n < 40000000; n += 999983) {
            assert_int_equal(ph_grid_video_at_us(&plan, ph_grid_video_time_us(&plan, n)), n);
            int64_t half_us = 500000LL * plan.rate.den / plan.rate.num;
            assert_int_equal(ph_grid_video_at_us(&plan, ph_grid_video_time_us(&plan, n) + half_us - 2), n);
            assert_int_equal(
                ph_grid_video_at_us(&plan, ph_grid_video_time_us(&plan, n) + half_us + 2), n + 1);
        }
        assert_int_equal(ph_grid_video_at_us(&plan, -5000), 0);
    }
    assert_int_equal(ph_grid_audio_time_us(375), 8000000);
    assert_int_equal(ph_grid_audio_time_us(1), 21333);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_snap_to_the_grid),
        cmocka_unit_test(absurd_rates_give_30),
        cmocka_unit_test(a_rate_never_exceeds_the_ladder),
        cmocka_unit_test(the_default_part_is_a_fifth_of_a_second),
        cmocka_unit_test(segment_of_less_than_a_part_is_one_part),
        cmocka_unit_test(every_plan_keeps_the_part_rules),
        cmocka_unit_test(video_times_round_trip_for_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
