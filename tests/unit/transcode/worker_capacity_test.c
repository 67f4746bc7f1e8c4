#include "transcode/worker_capacity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ph_worker_load measured(double cores, uint32_t effort, double speed) {
    return (struct ph_worker_load){.measured = true, .cores = cores, .effort = effort, .speed = speed};
}

static void an_idle_node_carries_at_least_one(void **state) {
    (void)state;
    assert_int_equal(ph_worker_capacity(0.25, NULL, 0), 1);
    assert_int_equal(ph_worker_capacity(1, NULL, 0), 1);
    assert_int_equal(ph_worker_capacity(2, NULL, 0), 2);
    assert_int_equal(ph_worker_capacity(16, NULL, 0), 20);
}

static void a_cheap_session_leaves_room_for_two_a_core(void **state) {
    (void)state;
    struct ph_worker_load loads[] = {measured(0.2, 2, 3)};
    assert_int_equal(ph_worker_capacity(2, loads, 1), 4);
}

static void a_high_effort_is_room_that_can_be_given_up(void **state) {
    (void)state;
    struct ph_worker_load high[] = {measured(1.8, 5, 1.3)}, lowest[] = {measured(1.8, 0, 1.3)};
    assert_int_equal(ph_worker_capacity(2, high, 1), 3);
    assert_int_equal(ph_worker_capacity(2, lowest, 1), 1);
}

static void no_more_fit_beside_one_without_headroom_at_the_lowest_effort(void **state) {
    (void)state;
    struct ph_worker_load loads[] = {measured(0.5, 0, 1.05)};
    assert_int_equal(ph_worker_capacity(8, loads, 1), 1);
    loads[0].speed = 1.2;
    assert_true(ph_worker_capacity(8, loads, 1) > 1);
}

static void one_not_measured_yet_counts_as_the_dearest(void **state) {
    (void)state;
    struct ph_worker_load loads[] = {measured(0.9, 0, 2), {.measured = false}};
    assert_int_equal(ph_worker_capacity(2, loads, 2), 2);
    assert_int_equal(ph_worker_capacity(2.8, loads, 2), 3);
}

static void those_that_run_stay_counted(void **state) {
    (void)state;
    struct ph_worker_load loads[5] = {{.measured = false}};
    assert_int_equal(ph_worker_capacity(1, loads, 5), 5);
}

static void figures_beyond_reason_are_bounded(void **state) {
    (void)state;
    struct ph_worker_load loads[] = {measured(0, 4000000000u, 1e9)};
    assert_int_equal(ph_worker_capacity(2, loads, 1), 3);
    loads[0].cores = 1e9;
    assert_int_equal(ph_worker_capacity(2, loads, 1), 1);
}

static void this_machine_has_cores(void **state) {
    (void)state;
    assert_true(ph_worker_usable_cores() > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_node_carries_at_least_one),
        cmocka_unit_test(a_cheap_session_leaves_room_for_two_a_core),
        cmocka_unit_test(a_high_effort_is_room_that_can_be_given_up),
        cmocka_unit_test(no_more_fit_beside_one_without_headroom_at_the_lowest_effort),
        cmocka_unit_test(one_not_measured_yet_counts_as_the_dearest),
        cmocka_unit_test(those_that_run_stay_counted),
        cmocka_unit_test(figures_beyond_reason_are_bounded),
        cmocka_unit_test(this_machine_has_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
