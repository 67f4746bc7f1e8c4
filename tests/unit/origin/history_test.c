#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "origin/history.h"
#include "tests/unit/support/allocation_failure.h"

static void segments_follow_each_other(void **state) {
    (void)state;
    struct ph_history history = {0};
    for (uint64_t i = 0; i < 1000; i++)
        ph_history_add(&history, 5 + i, (int64_t)i * 100, 100, i == 7);
    assert_int_equal(history.first, 5);
    assert_int_equal(history.count, 1000);
    assert_int_equal(history.start_ticks, 0);
    assert_int_equal(history.end_ticks, 100000);
    assert_int_equal(ph_history_ticks(history.lengths[7]), 100);
    assert_true(ph_history_is_gap(history.lengths[7]));
    assert_false(ph_history_has(&history, 4));
    assert_true(ph_history_has(&history, 5));
    assert_false(ph_history_has(&history, 12));
    assert_true(ph_history_has(&history, 1004));
    assert_false(ph_history_has(&history, 1005));
    ph_history_finish(&history);
}

static void what_is_missing_is_a_gap_that_lasts_as_long(void **state) {
    (void)state;
    struct ph_history history = {0};
    ph_history_add(&history, 0, 0, 100, false);
    ph_history_add(&history, 4, 401, 100, false);
    assert_int_equal(history.count, 5);
    assert_int_equal(history.end_ticks, 501);
    int64_t between = 0;
    for (int i = 1; i < 4; i++) {
        assert_true(ph_history_is_gap(history.lengths[i]));
        between += ph_history_ticks(history.lengths[i]);
    }
    assert_int_equal(between, 301);
    ph_history_reach(&history, 6, 600);
    assert_int_equal(history.count, 6);
    assert_int_equal(history.end_ticks, 600);
    assert_false(ph_history_has(&history, 5));
    ph_history_finish(&history);
}

static void what_is_lost_becomes_a_gap(void **state) {
    (void)state;
    struct ph_history history = {0};
    ph_history_lose(&history, 0, UINT64_MAX);
    for (uint64_t i = 5; i < 10; i++)
        ph_history_add(&history, i, (int64_t)i * 100, 100, false);
    assert_int_equal(history.revision, 0);
    ph_history_lose(&history, 0, 7);
    ph_history_lose(&history, 9, 12);
    assert_int_equal(history.revision, 3);
    for (uint64_t i = 5; i < 10; i++)
        assert_int_equal(ph_history_has(&history, i), i == 7 || i == 8);
    assert_int_equal(ph_history_ticks(history.lengths[0]), 100);
    assert_int_equal(history.count, 5);
    ph_history_finish(&history);
}

static void what_cannot_follow_begins_anew(void **state) {
    (void)state;
    const struct {
        uint64_t number;
        int64_t start_ticks;
    } strange[] = {
        {1, 90}, {1, 110}, {0, 100}, {3, 100}, {3, 101}, {UINT64_C(1) << 40, 1 << 20}, {2, INT64_C(1) << 50}};
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        struct ph_history history = {0};
        ph_history_add(&history, 0, 0, 100, false);
        ph_history_add(&history, strange[i].number, strange[i].start_ticks, 100, false);
        assert_int_equal(history.first, strange[i].number);
        assert_int_equal(history.start_ticks, strange[i].start_ticks);
        assert_int_equal(history.count, 1);
        ph_history_finish(&history);
    }
}

/* What could not be kept is forgotten with all before it, and the rest goes on. */
static int fill(void *opaque) {
    (void)opaque;
    struct ph_history history = {0};
    for (uint64_t i = 0; i < 300; i++)
        ph_history_add(&history, i, (int64_t)i * 100, 100, false);
    assert_int_equal(history.first + history.count, 300);
    assert_int_equal(history.end_ticks, 30000);
    bool is_whole = history.count == 300;
    ph_history_finish(&history);
    return is_whole ? 0 : -1;
}

static void filling_survives_failing_allocations(void **state) {
    (void)state;
    ph_test_with_failing_allocations(fill, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_follow_each_other),
        cmocka_unit_test(what_is_missing_is_a_gap_that_lasts_as_long),
        cmocka_unit_test(what_is_lost_becomes_a_gap),
        cmocka_unit_test(what_cannot_follow_begins_anew),
        cmocka_unit_test(filling_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
