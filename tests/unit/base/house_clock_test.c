#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/house_clock.h"

#define HOUR_US (3600 * PH_SECOND_US)
#define DAY_US (24 * HOUR_US)

static const int64_t noon_us = INT64_C(1800000000) * PH_SECOND_US;

static struct ph_test_clock machine;
static struct ph_house_clock house;

static int set_up(void **state) {
    (void)state;
    ph_test_clock_init(&machine, noon_us);
    ph_house_clock_init(&house, &machine.base);
    return 0;
}

static int64_t now_us(void) {
    return ph_clock_utc_us(&house.base);
}

/* Somebody asks for the time every 100 ms. */
static void live(int64_t duration_us) {
    for (int64_t lived_us = 0; lived_us < duration_us; lived_us += PH_SECOND_US / 10) {
        ph_test_clock_advance(&machine, PH_SECOND_US / 10);
        (void)now_us();
    }
}

static void set_machine(int64_t by_us) {
    machine.utc_us += by_us;
}

static void it_is_the_machine_s_while_nothing_jumps(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(now_us(), machine.utc_us);
        live(PH_SECOND_US);
    }
    assert_int_equal(ph_clock_steps(&house.base), 0);
    assert_int_equal(ph_clock_monotonic_us(&house.base), machine.monotonic_us);
}

static void a_jump_that_is_taken_back_is_never_seen(void **state) {
    (void)state;
    static const int64_t jumps_us[] = {HOUR_US, -HOUR_US, DAY_US, 365 * DAY_US, -365 * DAY_US};
    int64_t true_us = noon_us;
    for (size_t i = 0; i < sizeof(jumps_us) / sizeof(jumps_us[0]); i++) {
        assert_int_equal(now_us(), true_us);
        set_machine(jumps_us[i]);
        live(PH_HOUSE_CLOCK_DOUBT_US - 2 * PH_SECOND_US);
        true_us += PH_HOUSE_CLOCK_DOUBT_US - 2 * PH_SECOND_US;
        assert_int_equal(now_us(), true_us);
        assert_true(ph_house_clock_look(&house).is_in_doubt);
        assert_int_equal(ph_house_clock_look(&house).machine_ahead_us, jumps_us[i]);
        set_machine(-jumps_us[i]);
        live(PH_SECOND_US);
        true_us += PH_SECOND_US;
        assert_false(ph_house_clock_look(&house).is_in_doubt);
    }
    assert_int_equal(ph_clock_steps(&house.base), 0);
}

static void a_jump_that_stands_is_followed_in_one_step(void **state) {
    (void)state;
    (void)now_us();
    set_machine(HOUR_US);
    live(PH_HOUSE_CLOCK_DOUBT_US + PH_SECOND_US);
    assert_int_equal(now_us(), machine.utc_us);
    assert_int_equal(ph_clock_steps(&house.base), 1);
    set_machine(-HOUR_US);
    live(PH_HOUSE_CLOCK_DOUBT_US + PH_SECOND_US);
    assert_int_equal(now_us(), machine.utc_us);
    assert_int_equal(ph_clock_steps(&house.base), 2);
}

static void a_clock_that_does_not_stand_still_is_never_believed(void **state) {
    (void)state;
    int64_t begun_us = now_us();
    for (int i = 0; i < 20; i++) {
        set_machine(i % 2 ? DAY_US : -HOUR_US);
        live(PH_HOUSE_CLOCK_DOUBT_US / 2);
    }
    assert_int_equal(now_us() - begun_us, 10 * PH_HOUSE_CLOCK_DOUBT_US);
    assert_int_equal(ph_clock_steps(&house.base), 0);
}

/* Half a minute is made up for within ten, and time never stands still or goes back. */
static void a_small_jump_is_followed_by_degrees(void **state) {
    (void)state;
    static const int64_t jumps_us[] = {30 * PH_SECOND_US, -30 * PH_SECOND_US};
    (void)now_us();
    for (size_t i = 0; i < 2; i++) {
        set_machine(jumps_us[i]);
        int64_t lived_us = 0;
        for (; now_us() != machine.utc_us && lived_us < 600 * PH_SECOND_US; lived_us += PH_SECOND_US) {
            int64_t before_us = now_us();
            live(PH_SECOND_US);
            assert_in_range(now_us() - before_us, PH_SECOND_US * 9 / 10, PH_SECOND_US * 11 / 10);
        }
        assert_in_range(lived_us, 299 * PH_SECOND_US, 302 * PH_SECOND_US);
    }
    assert_int_equal(ph_clock_steps(&house.base), 0);
}

/* As when a machine slept: time that nobody asked for has passed all the same. */
static void who_asks_seldom_is_told_the_time_too(void **state) {
    (void)state;
    (void)now_us();
    ph_test_clock_advance(&machine, DAY_US);
    assert_int_equal(now_us(), noon_us + DAY_US);
    set_machine(20 * PH_SECOND_US);
    ph_test_clock_advance(&machine, HOUR_US);
    assert_int_equal(now_us(), machine.utc_us);
}

static void what_all_share_is_followed_where_the_machine_says_something_else(void **state) {
    (void)state;
    (void)now_us();
    ph_house_clock_hear(&house, noon_us - 600 * PH_SECOND_US, 2000);
    assert_int_equal(now_us(), noon_us - 600 * PH_SECOND_US + 1000);
    assert_int_equal(ph_clock_steps(&house.base), 1);
    assert_int_equal(ph_house_clock_look(&house).machine_ahead_us, 600 * PH_SECOND_US - 1000);
    assert_int_equal(ph_house_clock_look(&house).source_ahead_us, 0);
    set_machine(DAY_US);
    live(2 * PH_HOUSE_CLOCK_DOUBT_US);
    assert_int_equal(now_us(), noon_us - 600 * PH_SECOND_US + 1000 + 2 * PH_HOUSE_CLOCK_DOUBT_US);
    assert_int_equal(ph_clock_steps(&house.base), 1);
}

static void near_what_all_share_the_machine_is_the_finer_clock(void **state) {
    (void)state;
    (void)now_us();
    ph_house_clock_hear(&house, noon_us + 90 * PH_MILLISECOND_US, 2000);
    live(10 * PH_SECOND_US);
    assert_int_equal(now_us(), machine.utc_us);
    assert_int_equal(ph_clock_steps(&house.base), 0);
}

static void what_all_share_is_doubted_too_once_it_was_heard(void **state) {
    (void)state;
    (void)now_us();
    ph_house_clock_hear(&house, noon_us - HOUR_US, 0);
    for (int i = 0; i < 61; i++) {
        ph_house_clock_hear(&house, machine.utc_us - HOUR_US + DAY_US, 0);
        if (i < 60)
            assert_int_equal(now_us(), machine.utc_us - HOUR_US);
        live(5 * PH_SECOND_US);
    }
    assert_int_equal(now_us(), machine.utc_us - HOUR_US + DAY_US);
    assert_int_equal(ph_clock_steps(&house.base), 2);
}

static void an_answer_that_took_long_is_not_believed(void **state) {
    (void)state;
    (void)now_us();
    ph_house_clock_hear(&house, noon_us + HOUR_US, 2 * PH_SECOND_US);
    assert_int_equal(now_us(), noon_us);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_the_machine_s_while_nothing_jumps, set_up),
        cmocka_unit_test_setup(a_jump_that_is_taken_back_is_never_seen, set_up),
        cmocka_unit_test_setup(a_jump_that_stands_is_followed_in_one_step, set_up),
        cmocka_unit_test_setup(a_clock_that_does_not_stand_still_is_never_believed, set_up),
        cmocka_unit_test_setup(a_small_jump_is_followed_by_degrees, set_up),
        cmocka_unit_test_setup(who_asks_seldom_is_told_the_time_too, set_up),
        cmocka_unit_test_setup(what_all_share_is_followed_where_the_machine_says_something_else, set_up),
        cmocka_unit_test_setup(near_what_all_share_the_machine_is_the_finer_clock, set_up),
        cmocka_unit_test_setup(what_all_share_is_doubted_too_once_it_was_heard, set_up),
        cmocka_unit_test_setup(an_answer_that_took_long_is_not_believed, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
