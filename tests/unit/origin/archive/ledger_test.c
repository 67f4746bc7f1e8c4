#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "origin/archive/ledger.h"

static int add(struct ph_ledger *ledger, uint64_t number, uint64_t bytes) {
    const struct ph_manifest_segment facts = {.number = number, .duration_ticks = 1, .bytes = bytes};
    return ph_ledger_add(ledger, &facts, (int64_t)number);
}

static void the_oldest_that_waits_and_may_be_tried_is_next(void **state) {
    (void)state;
    struct ph_ledger ledger = {0};
    int64_t wake_us = INT64_MAX;
    assert_null(ph_ledger_next(&ledger, 0, &wake_us));
    for (uint64_t n = 3; n < 200; n++)
        assert_int_equal(add(&ledger, n, 10), 0);
    assert_int_equal(add(&ledger, 7, 10), -EALREADY);
    assert_int_equal(ledger.waiting, 197);
    struct ph_ledger_entry *first = ph_ledger_next(&ledger, 0, &wake_us);
    assert_int_equal(first->facts.number, 3);
    ph_ledger_move(&ledger, first, PH_LEDGER_PUTTING);
    assert_int_equal(ph_ledger_next(&ledger, 0, &wake_us)->facts.number, 4);
    ph_ledger_find(&ledger, 4)->retry_at_us = 50;
    assert_int_equal(ph_ledger_next(&ledger, 0, &wake_us)->facts.number, 5);
    assert_int_equal(wake_us, 50);
    ph_ledger_move(&ledger, ph_ledger_find(&ledger, 3), PH_LEDGER_WAITING);
    assert_int_equal(ph_ledger_next(&ledger, 0, &wake_us)->facts.number, 3);
    ph_ledger_move(&ledger, ph_ledger_find(&ledger, 3), PH_LEDGER_ARCHIVED);
    assert_int_equal(ph_ledger_next(&ledger, 60, &wake_us)->facts.number, 4);
    assert_int_equal(ledger.waiting, 196);
    assert_int_equal(ledger.waiting_bytes, 1960);
    ph_ledger_finish(&ledger);
}

static void gaps_and_numbers_left_out_are_known(void **state) {
    (void)state;
    struct ph_ledger ledger = {0};
    assert_int_equal(ph_ledger_end(&ledger), 0);
    assert_int_equal(add(&ledger, 0, 10), 0);
    assert_int_equal(add(&ledger, 1, 0), 0);
    assert_int_equal(add(&ledger, 9, 10), 0);
    assert_int_equal(ph_ledger_find(&ledger, 1)->state, PH_LEDGER_MISSING);
    assert_null(ph_ledger_find(&ledger, 5));
    assert_int_equal(ph_ledger_seek(&ledger, 5), 2);
    assert_int_equal(ph_ledger_seek(&ledger, 10), 3);
    assert_int_equal(ph_ledger_end(&ledger), 10);
    assert_int_equal(ledger.waiting, 2);
    ph_ledger_finish(&ledger);
}

static void room_is_made_from_the_front_and_first_by_what_is_archived(void **state) {
    (void)state;
    struct ph_ledger ledger = {0};
    assert_null(ph_ledger_oldest_file(&ledger, 0, true));
    for (uint64_t n = 0; n < 5; n++)
        assert_int_equal(add(&ledger, n, 10), 0);
    assert_null(ph_ledger_oldest_file(&ledger, 0, false));
    assert_int_equal(ph_ledger_oldest_file(&ledger, 0, true)->facts.number, 0);
    ph_ledger_move(&ledger, ph_ledger_find(&ledger, 0), PH_LEDGER_ARCHIVED);
    assert_int_equal(ph_ledger_oldest_file(&ledger, 4, false)->facts.number, 0);
    assert_null(ph_ledger_oldest_file(&ledger, 5, false));
    ledger.files_from = 1;
    ph_ledger_move(&ledger, ph_ledger_find(&ledger, 1), PH_LEDGER_PUTTING);
    assert_null(ph_ledger_oldest_file(&ledger, 0, false));
    assert_int_equal(ph_ledger_oldest_file(&ledger, 0, true)->facts.number, 1);
    ph_ledger_finish(&ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_that_waits_and_may_be_tried_is_next),
        cmocka_unit_test(gaps_and_numbers_left_out_are_known),
        cmocka_unit_test(room_is_made_from_the_front_and_first_by_what_is_archived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
