#include "transcode/effort.h"

#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const double cost[] = {0.73, 0.86, 1.0, 1.32, 1.55, 2.25};

/* An encoder that needs `need` of real time at level 2, under a controller asked four times a second. */
struct world {
    struct ph_effort effort;
    int64_t now_us;
    double backlog_s;
};

static void start(struct world *world, int level) {
    *world = (struct world){.now_us = PH_SECOND_US};
    ph_effort_init(&world->effort, level, world->now_us);
}

static void run_quarter(struct world *world, double need) {
    double wanted = need * cost[world->effort.level];
    double work = wanted * 0.25 + world->backlog_s * wanted;
    double done = work > 0.25 ? 0.25 : work;
    world->backlog_s = wanted > 0 ? (work - done) / wanted : 0;
    if (world->backlog_s * 1e6 > (double)world->effort.drop_after_us)
        world->backlog_s = (double)world->effort.drop_after_us / 1e6;
    world->now_us += 250000;
    struct ph_effort_load load = {
        .busiest = done / 0.25,
        .cpu = 0.5 * done / 0.25,
        .queue_delay_us = (int64_t)(world->backlog_s * 1e6),
        .delay_us = (int64_t)(world->backlog_s * 1e6) + 60000,
    };
    ph_effort_update(&world->effort, &load, world->now_us);
}

static void run_seconds(struct world *world, double seconds, double need) {
    for (double at = 0; at < seconds; at += 0.25)
        run_quarter(world, need);
}

static void presets_have_levels(void **state) {
    (void)state;
    int level;
    assert_int_equal(ph_effort_of_preset("auto", &level), 0);
    assert_int_equal(level, -1);
    assert_int_equal(ph_effort_of_preset("ultrafast", &level), 0);
    assert_int_equal(level, PH_EFFORT_LOWEST);
    assert_int_equal(ph_effort_of_preset("slow", &level), 0);
    assert_int_equal(level, PH_EFFORT_HIGHEST);
    assert_int_equal(ph_effort_of_preset("fastest", &level), -EINVAL);
    assert_int_equal(ph_effort_of_preset("", &level), -EINVAL);
}

static void falls_at_once_when_behind(void **state) {
    (void)state;
    struct world world;
    start(&world, -1);
    run_seconds(&world, 1.0, 1.3);
    assert_int_equal(world.effort.level, PH_EFFORT_LOWEST);
    assert_true(world.backlog_s < 0.6);
}

static void settles_where_there_is_headroom(void **state) {
    (void)state;
    struct world world;
    start(&world, -1);
    run_seconds(&world, 120, 0.55);
    /* 0.55 × 1.32 = 0.73 fits, 0.55 × 1.55 = 0.85 does not. */
    assert_int_equal(world.effort.level, 3);
    int changes = 0;
    for (int i = 0; i < 240; i++) {
        int before = world.effort.level;
        run_quarter(&world, 0.55);
        changes += world.effort.level != before;
    }
    assert_int_equal(changes, 0);
}

static void rises_slowly_and_to_the_top_on_an_idle_machine(void **state) {
    (void)state;
    struct world world;
    start(&world, -1);
    run_seconds(&world, 2.5, 0.1);
    assert_int_equal(world.effort.level, PH_EFFORT_START);
    run_seconds(&world, 60, 0.1);
    assert_int_equal(world.effort.level, PH_EFFORT_HIGHEST);
}

static void recovers_when_the_load_goes(void **state) {
    (void)state;
    struct world world;
    start(&world, -1);
    run_seconds(&world, 30, 2.5);
    assert_int_equal(world.effort.level, PH_EFFORT_LOWEST);
    run_seconds(&world, 60, 0.3);
    assert_true(world.effort.level >= 4);
    assert_int_equal(world.effort.decode_skip, 0);
    assert_true(world.backlog_s == 0);
}

static void a_failed_raise_is_tried_again_later_each_time(void **state) {
    (void)state;
    struct world world;
    start(&world, -1);
    int raises = 0;
    /* Each raise looks affordable, then costs more than the table says. */
    for (int i = 0; i < 4 * 120; i++) {
        int before = world.effort.level;
        run_quarter(&world, before > PH_EFFORT_START ? 0.9 : 0.5);
        raises += world.effort.level > before && world.effort.level > PH_EFFORT_START;
    }
    assert_in_range(raises, 2, 8);
}

static void a_fixed_preset_stays(void **state) {
    (void)state;
    struct world world;
    start(&world, 4);
    run_seconds(&world, 20, 3.0);
    assert_int_equal(world.effort.level, 4);
    assert_true(world.effort.decode_skip > 0);
    assert_int_equal(world.effort.drop_after_us, 350000);
}

static enum ph_effort_verdict judge(int64_t delay_us, int64_t part_before_us, bool first_of_part) {
    struct ph_frame_lateness lateness = {delay_us, part_before_us, first_of_part};
    return ph_effort_judge(350000, &lateness);
}

static void only_late_frames_are_dropped_and_never_the_first(void **state) {
    (void)state;
    assert_int_equal(judge(350000, PH_NO_DELAY_US, false), PH_EFFORT_ENCODE);
    assert_int_equal(judge(350001, PH_NO_DELAY_US, false), PH_EFFORT_DROP);
    assert_int_equal(judge(PH_NO_DELAY_US, 0, false), PH_EFFORT_ENCODE);
    assert_int_equal(judge(500000, PH_NO_DELAY_US, true), PH_EFFORT_ENCODE);
    assert_int_equal(judge(700000, PH_NO_DELAY_US, true), PH_EFFORT_REPEAT);
}

static void the_delay_grows_by_little_from_part_to_part(void **state) {
    (void)state;
    assert_int_equal(judge(110000, 30000, false), PH_EFFORT_ENCODE);
    assert_int_equal(judge(110001, 30000, false), PH_EFFORT_DROP);
    assert_int_equal(judge(110001, 30000, true), PH_EFFORT_ENCODE);
    assert_int_equal(judge(350001, 340000, false), PH_EFFORT_DROP);
    assert_int_equal(judge(350000, 2000000, false), PH_EFFORT_ENCODE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_have_levels),
        cmocka_unit_test(falls_at_once_when_behind),
        cmocka_unit_test(settles_where_there_is_headroom),
        cmocka_unit_test(rises_slowly_and_to_the_top_on_an_idle_machine),
        cmocka_unit_test(recovers_when_the_load_goes),
        cmocka_unit_test(a_failed_raise_is_tried_again_later_each_time),
        cmocka_unit_test(a_fixed_preset_stays),
        cmocka_unit_test(only_late_frames_are_dropped_and_never_the_first),
        cmocka_unit_test(the_delay_grows_by_little_from_part_to_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
