#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transcode/rtp_clock.h"
#include "transcode/timeline.h"

enum { picture_ssrc = 1, sound_ssrc = 2, picture_rate = 90000, sound_rate = 48000 };

/* Timestamps begin anywhere; these wrap within the first second. */
static const uint32_t picture_base = UINT32_MAX - 30000, sound_base = UINT32_MAX - 20000;
static const int64_t wall_us = INT64_C(3900000000) * 1000000;

static uint32_t ticks(int64_t time_us, int32_t rate, uint32_t base) {
    return base + (uint32_t)(time_us * rate / 1000000);
}

static int64_t map_picture(struct ph_rtp_clock *clock, int64_t time_us, int64_t arrival_us) {
    return ph_rtp_clock_map(clock, PH_TRACK_VIDEO, picture_ssrc, picture_rate,
        ticks(time_us, picture_rate, picture_base), arrival_us);
}

static int64_t map_sound(struct ph_rtp_clock *clock, int64_t time_us, int64_t arrival_us) {
    return ph_rtp_clock_map(
        clock, PH_TRACK_AUDIO, sound_ssrc, sound_rate, ticks(time_us, sound_rate, sound_base), arrival_us);
}

static void report_both(struct ph_rtp_clock *clock, int64_t time_us, int64_t error_us) {
    ph_rtp_clock_report(clock, &(struct ph_rtp_report){picture_ssrc,
                                   ticks(time_us, picture_rate, picture_base), wall_us + time_us + error_us});
    ph_rtp_clock_report(clock,
        &(struct ph_rtp_report){sound_ssrc, ticks(time_us, sound_rate, sound_base), wall_us + time_us});
}

static void each_stream_stands_where_it_arrived(void **state) {
    (void)state;
    struct ph_rtp_clock clock = {0};
    assert_int_equal(map_sound(&clock, 0, 5000), 5000);
    assert_int_equal(map_picture(&clock, 0, 90000), 90000);
    for (int64_t time_us = 0; time_us < 3000000; time_us += 20000) {
        assert_in_range(llabs(map_sound(&clock, time_us, time_us + 9000) - time_us - 5000), 0, 25);
        assert_in_range(llabs(map_picture(&clock, time_us, time_us + 99000) - time_us - 90000), 0, 25);
    }
}

/* Step by step: between two pictures 33 ms apart nothing moves by more than a tenth of that. */
static void reports_move_the_picture_to_the_sound(void **state) {
    (void)state;
    struct ph_rtp_clock clock = {0};
    int64_t before_us = -1;
    for (int64_t time_us = 0; time_us < 4000000; time_us += 33333) {
        int64_t sound_us = map_sound(&clock, time_us, time_us + 5000);
        int64_t picture_us = map_picture(&clock, time_us, time_us + 150000);
        assert_in_range(llabs(sound_us - time_us - 5000), 0, 25);
        if (before_us >= 0)
            assert_in_range(picture_us - before_us, 33333 - 3334 - 25, 33333 + 3334 + 25);
        before_us = picture_us;
        if (time_us >= 1000000)
            report_both(&clock, time_us, 0);
        if (time_us > 3000000)
            assert_in_range(llabs(picture_us - sound_us), 0, 50);
    }
}

static void reports_beyond_belief_move_nothing(void **state) {
    (void)state;
    struct ph_rtp_clock clock = {0};
    for (int64_t time_us = 0; time_us < 2000000; time_us += 20000) {
        (void)map_sound(&clock, time_us, time_us);
        assert_in_range(llabs(map_picture(&clock, time_us, time_us) - time_us), 0, 25);
        report_both(&clock, time_us, PH_RTP_CLOCK_MOST_ERROR_US + 1000);
    }
}

static void a_report_of_one_stream_moves_nothing(void **state) {
    (void)state;
    struct ph_rtp_clock clock = {0};
    const struct ph_rtp_report early = {sound_ssrc, 77, wall_us};
    ph_rtp_clock_report(&clock, &early); /* nothing came of it yet */
    for (int64_t time_us = 0; time_us < 1000000; time_us += 20000) {
        (void)map_sound(&clock, time_us, time_us);
        assert_in_range(llabs(map_picture(&clock, time_us, time_us + 80000) - time_us - 80000), 0, 25);
        ph_rtp_clock_report(&clock, &(struct ph_rtp_report){picture_ssrc,
                                        ticks(time_us, picture_rate, picture_base), wall_us + time_us});
    }
}

static void a_stream_that_jumps_is_placed_anew_alone(void **state) {
    (void)state;
    struct ph_rtp_clock clock = {0};
    (void)map_sound(&clock, 0, 0);
    (void)map_picture(&clock, 0, 0);
    int64_t jumped_us = map_picture(&clock, 3600000000, 20000);
    assert_int_equal(jumped_us, 20000);
    assert_in_range(llabs(map_sound(&clock, 20000, 20000) - 20000), 0, 25);
    assert_in_range(llabs(map_picture(&clock, 3600020000, 40000) - 40000), 0, 25);
    /* So is one that goes on under another name. */
    int64_t renamed_us = ph_rtp_clock_map(&clock, PH_TRACK_VIDEO, 99, picture_rate, 12345, 60000);
    assert_int_equal(renamed_us, 60000);
}

/* All that was made in the second in which the publisher connected comes at once. */
static void what_waited_for_the_connection_keeps_its_distances(void **state) {
    (void)state;
    struct ph_rtp_clock clock = {0};
    const int64_t connected_us = 1000000;
    for (int64_t time_us = 0; time_us < 3000000; time_us += 20000) {
        int64_t arrival_us = time_us < connected_us ? connected_us : time_us;
        assert_in_range(llabs(map_picture(&clock, time_us, arrival_us) - time_us - connected_us), 0, 25);
        assert_in_range(llabs(map_sound(&clock, time_us, arrival_us) - time_us - connected_us), 0, 25);
    }
    /* A second that never passed is a jump all the same, and is left out. */
    assert_in_range(llabs(map_picture(&clock, 4000000, 3000000) - 4000000), 0, 25);
    assert_in_range(llabs(map_sound(&clock, 4000000, 3000000) - 4000000), 0, 25);
}

/* A network that was away for four seconds, and brings all that was sent meanwhile at its end: a connection
 * over TCP, or packets that are sent once more. */
static void what_was_held_up_for_seconds_moves_no_stream(void **state) {
    (void)state;
    struct ph_rtp_clock clock = {0};
    const int64_t lost_us = 2000000, back_us = 6000000;
    for (int64_t time_us = 0; time_us < 8000000; time_us += 20000) {
        bool is_held = time_us > lost_us && time_us < back_us;
        int64_t arrival_us =
            is_held ? back_us + (time_us - lost_us) / 40 : time_us + (time_us > back_us ? 99999 : 0);
        assert_in_range(llabs(map_sound(&clock, time_us, arrival_us) - time_us), 0, 25);
        assert_in_range(llabs(map_picture(&clock, time_us, arrival_us) - time_us), 0, 25);
    }
}

static void a_stream_whose_timestamps_rested_with_it_is_placed_anew(void **state) {
    (void)state;
    struct ph_rtp_clock clock = {0};
    const int64_t rest_us = 4000000;
    (void)map_picture(&clock, 0, 0);
    for (int64_t time_us = 20000; time_us < 3000000; time_us += 20000) {
        int64_t arrival_us = rest_us + time_us;
        bool is_placed = time_us > 20000 + PH_RTP_CLOCK_PERSISTS_US;
        int64_t expected_us = is_placed ? arrival_us : time_us;
        assert_in_range(llabs(map_picture(&clock, time_us, arrival_us) - expected_us), 0, 25);
    }
}

static void a_picture_that_stood_still_goes_on(void **state) {
    (void)state;
    struct ph_rtp_clock clock = {0};
    (void)map_picture(&clock, 0, 0);
    const int64_t hours_us = INT64_C(5) * 3600 * 1000000;
    assert_in_range(llabs(map_picture(&clock, hours_us, hours_us) - hours_us), 0, 25);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stream_stands_where_it_arrived),
        cmocka_unit_test(reports_move_the_picture_to_the_sound),
        cmocka_unit_test(reports_beyond_belief_move_nothing),
        cmocka_unit_test(a_report_of_one_stream_moves_nothing),
        cmocka_unit_test(a_stream_that_jumps_is_placed_anew_alone),
        cmocka_unit_test(what_waited_for_the_connection_keeps_its_distances),
        cmocka_unit_test(what_was_held_up_for_seconds_moves_no_stream),
        cmocka_unit_test(a_stream_whose_timestamps_rested_with_it_is_placed_anew),
        cmocka_unit_test(a_picture_that_stood_still_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
