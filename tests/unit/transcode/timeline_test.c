#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transcode/source.h"
#include "transcode/timeline.h"

enum { picture, sound, packet_us = 20000, packet_ticks = 1800, late_us = 100000 };

static const int64_t span = INT64_C(1) << 33, hour_us = 3600000000, hour_ticks = 324000000;

static int64_t distance(int64_t a, int64_t b) {
    return a < b ? b - a : a - b;
}

/* Packets of picture and sound in turn. All but the first are a little late, so that one that were mapped
 * anew would stand elsewhere. */
static void expect_steady_from(int64_t first_ticks) {
    struct ph_timeline timeline;
    ph_timeline_init(&timeline);
    for (int64_t i = 0; i < 400; i++) {
        int64_t sent_us = 5000000 + i * packet_us;
        int64_t ticks = (first_ticks + i * packet_ticks) & (span - 1);
        int64_t mapped_us = ph_timeline_map(&timeline, i % 2, ticks, sent_us + (i ? late_us : 0));
        assert_in_range(distance(mapped_us, sent_us), 0, 12);
    }
}

static void the_first_packet_stands_where_it_arrived(void **state) {
    (void)state;
    struct ph_timeline timeline;
    ph_timeline_init(&timeline);
    assert_int_equal(ph_timeline_map(&timeline, sound, 123456789, 42), 42);
}

static void timestamps_go_on_over_the_wrap(void **state) {
    (void)state;
    expect_steady_from(span - 200 * packet_ticks);
    expect_steady_from(span - 1);
}

static void a_stream_may_begin_below_zero(void **state) {
    (void)state;
    expect_steady_from(-200 * packet_ticks);
    expect_steady_from(-1);
}

/* The picture jumps first; the sound has half a second left of the old timestamps. What has jumped stands
 * where it arrived, all the rest where it was sent. */
static void expect_jump(int64_t jump_ticks) {
    struct ph_timeline timeline;
    ph_timeline_init(&timeline);
    for (int64_t i = 0; i < 400; i++) {
        int64_t sent_us = i * packet_us, ticks = 2 * hour_ticks + i * packet_ticks;
        int64_t arrival_us = sent_us + (i ? late_us : 0);
        bool picture_jumped = i >= 100, sound_jumped = i >= 125;
        int64_t picture_us =
            ph_timeline_map(&timeline, picture, ticks + (picture_jumped ? jump_ticks : 0), arrival_us);
        int64_t sound_us =
            ph_timeline_map(&timeline, sound, ticks + (sound_jumped ? jump_ticks : 0), arrival_us);
        assert_in_range(distance(picture_us, picture_jumped ? arrival_us : sent_us), 0, 12);
        assert_in_range(distance(sound_us, sound_jumped ? arrival_us : sent_us), 0, 12);
    }
}

static void streams_that_jump_one_after_the_other_stay_together(void **state) {
    (void)state;
    expect_jump(hour_ticks);
    expect_jump(-hour_ticks);
}

/* Packets come with up to 30 ms of jitter, so the clock is judged by where an undelayed one would stand. */
static void expect_drift_followed(int64_t ppm) {
    struct ph_timeline timeline;
    ph_timeline_init(&timeline);
    uint32_t noise = 1;
    int64_t before_us = -1;
    for (int64_t sent_us = 0; sent_us < 3 * hour_us; sent_us += packet_us) {
        noise = noise * 1664525 + 1013904223;
        int64_t arrival_us = sent_us + (sent_us ? (noise >> 16) % 30000 : 0);
        int64_t ticks = sent_us * 9 / 100 * (1000000 + ppm) / 1000000;
        int64_t mapped_us = ph_timeline_map(&timeline, picture, ticks, arrival_us);
        assert_in_range(distance(mapped_us, sent_us), 0, 40000);
        assert_true(mapped_us > before_us);
        before_us = mapped_us;
    }
}

static void slow_drift_is_followed_for_hours(void **state) {
    (void)state;
    expect_drift_followed(100);
    expect_drift_followed(-100);
    expect_drift_followed(0);
}

static void a_longer_way_is_mapped_anew(void **state) {
    (void)state;
    const int64_t detour_us = 400000, begin_us = 2000000;
    struct ph_timeline timeline;
    ph_timeline_init(&timeline);
    for (int64_t sent_us = 0; sent_us < 4000000; sent_us += packet_us) {
        int64_t arrival_us = sent_us + (sent_us >= begin_us ? detour_us : 0);
        int64_t mapped_us = ph_timeline_map(&timeline, picture, sent_us * 9 / 100, arrival_us);
        int64_t expected_us = sent_us - begin_us <= PH_TIMELINE_PERSISTS_US ? sent_us : arrival_us;
        assert_in_range(distance(mapped_us, expected_us), 0, 12);
    }
}

static void a_short_delay_changes_nothing(void **state) {
    (void)state;
    struct ph_timeline timeline;
    ph_timeline_init(&timeline);
    for (int64_t sent_us = 0; sent_us < 4000000; sent_us += packet_us) {
        bool is_held_up = sent_us >= 2000000 && sent_us < 2000000 + PH_TIMELINE_PERSISTS_US;
        int64_t arrival_us = sent_us + (is_held_up ? 400000 : 0);
        int64_t mapped_us = ph_timeline_map(&timeline, picture, sent_us * 9 / 100, arrival_us);
        assert_in_range(distance(mapped_us, sent_us), 0, 12);
    }
}

/* What ffmpeg's WHIP muxer sends: at once what was encoded while it connected, and then five per cent faster
 * than time, until it has caught up. It is earlier then than the first packet was; nobody sees that. */
static void who_catches_up_after_connecting_is_not_moved(void **state) {
    (void)state;
    const int64_t connected_us = 1500000, held_us = 800000, slewed_us = 2 * PH_TIMELINE_MOST_SLEW_US;
    struct ph_timeline timeline;
    ph_timeline_init(&timeline);
    for (int64_t sent_us = 0; sent_us < 20000000; sent_us += packet_us) {
        int64_t read_us = connected_us + (sent_us > held_us ? (sent_us - held_us) * 20 / 21 : 0);
        int64_t arrival_us = read_us > sent_us ? read_us : sent_us;
        int64_t mapped_us = ph_timeline_map(&timeline, picture, sent_us * 9 / 100, arrival_us);
        assert_in_range(distance(mapped_us, sent_us + connected_us), 0, slewed_us + 12);
    }
}

static void a_leap_of_a_second_is_not_seen(void **state) {
    (void)state;
    struct ph_timeline timeline;
    ph_timeline_init(&timeline);
    for (int64_t sent_us = 0; sent_us < 4000000; sent_us += packet_us) {
        int64_t leap_us = sent_us >= 2000000 ? 1000000 : 0;
        int64_t mapped_us = ph_timeline_map(&timeline, picture, (sent_us + leap_us) * 9 / 100, sent_us);
        assert_in_range(distance(mapped_us, sent_us), 0, 12);
    }
}

static void who_is_always_too_fast_comes_only_so_far_ahead(void **state) {
    (void)state;
    struct ph_timeline timeline;
    ph_timeline_init(&timeline);
    for (int64_t sent_us = 0; sent_us < 60000000; sent_us += packet_us) {
        int64_t arrival_us = sent_us / 2;
        int64_t mapped_us = ph_timeline_map(&timeline, picture, sent_us * 9 / 100, arrival_us);
        assert_in_range(mapped_us, arrival_us, arrival_us + PH_TIMELINE_MOST_AHEAD_US);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_packet_stands_where_it_arrived),
        cmocka_unit_test(timestamps_go_on_over_the_wrap),
        cmocka_unit_test(a_stream_may_begin_below_zero),
        cmocka_unit_test(streams_that_jump_one_after_the_other_stay_together),
        cmocka_unit_test(slow_drift_is_followed_for_hours),
        cmocka_unit_test(a_longer_way_is_mapped_anew),
        cmocka_unit_test(a_short_delay_changes_nothing),
        cmocka_unit_test(who_catches_up_after_connecting_is_not_moved),
        cmocka_unit_test(a_leap_of_a_second_is_not_seen),
        cmocka_unit_test(who_is_always_too_fast_comes_only_so_far_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
