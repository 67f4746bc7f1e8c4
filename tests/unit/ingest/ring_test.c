#include "ingest/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "ingest/crash_history.h"
#include "tests/unit/support/allocation_failure.h"

static const struct ph_ring_limits roomy = {.most_bytes = 64 << 20, .most_age_us = 60 * PH_SECOND_US};

static struct ph_ring *make(struct ph_ring_limits limits) {
    struct ph_ring *ring;
    assert_int_equal(ph_ring_create(&ring, &limits), 0);
    return ring;
}

static void append(struct ph_ring *ring, enum ph_link_type type, int64_t time_us, const char *text) {
    struct ph_slice bytes = {(const uint8_t *)text, strlen(text)};
    assert_int_equal(ph_ring_append(ring, type, time_us, bytes), 0);
}

/* Units whose bytes are their index. */
static void append_units(struct ph_ring *ring, int count) {
    for (int i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", (int)ph_ring_next(ring));
        append(ring, PH_LINK_UNIT, (int64_t)ph_ring_next(ring), text);
    }
}

static void assert_entry(struct ph_ring *ring, uint64_t from, uint64_t index) {
    struct ph_link_entry entry;
    char text[16];
    assert_true(ph_ring_at(ring, from, &entry));
    assert_int_equal(entry.index, index);
    int size = snprintf(text, sizeof(text), "%d", (int)index);
    if (entry.type == PH_LINK_UNIT) {
        assert_int_equal(entry.bytes.size, size);
        assert_memory_equal(entry.bytes.data, text, (size_t)size);
    }
}

static void entries_come_back_by_index_while_more_are_appended(void **state) {
    (void)state;
    struct ph_ring *ring = make(roomy);
    struct ph_link_entry entry;
    assert_false(ph_ring_at(ring, 0, &entry));
    uint64_t position = 0;
    for (int round = 0; round < 50; round++) {
        append_units(ring, 37);
        for (int i = 0; i < 30; i++)
            assert_entry(ring, position, position), position++;
    }
    while (position < 50 * 37)
        assert_entry(ring, position, position), position++;
    assert_false(ph_ring_at(ring, position, &entry));
    assert_int_equal(ph_ring_next(ring), 50 * 37);
    assert_int_equal(ph_ring_lost(ring), 0);
    ph_ring_destroy(ring);
}

static void what_is_acknowledged_is_dropped_and_its_memory_with_it(void **state) {
    (void)state;
    struct ph_ring *ring = make(roomy);
    append_units(ring, 1000);
    ph_ring_drop_before(ring, 400);
    assert_int_equal(ph_ring_lowest(ring), 400);
    assert_entry(ring, 0, 400);
    ph_ring_drop_before(ring, 100);
    assert_int_equal(ph_ring_lowest(ring), 400);
    ph_ring_drop_before(ring, 5000);
    assert_int_equal(ph_ring_lowest(ring), 1000);
    assert_int_equal(ph_ring_bytes(ring), 0);
    assert_int_equal(ph_ring_lost(ring), 0);
    append_units(ring, 1);
    assert_entry(ring, 0, 1000);
    ph_ring_destroy(ring);
}

static void bytes_are_bounded_small_datagrams_too(void **state) {
    (void)state;
    struct ph_ring *ring = make((struct ph_ring_limits){.most_bytes = 10000, .most_age_us = PH_NEVER_US});
    for (int i = 0; i < 10000; i++) {
        append_units(ring, 1);
        assert_true(ph_ring_bytes(ring) <= 10000);
    }
    assert_true(ph_ring_lost(ring) > 9800);
    assert_true(ph_ring_next(ring) - ph_ring_lowest(ring) > 20);
    assert_entry(ring, 0, ph_ring_lowest(ring));
    ph_ring_destroy(ring);
}

static void age_is_bounded(void **state) {
    (void)state;
    struct ph_ring *ring = make((struct ph_ring_limits){.most_bytes = 1 << 20, .most_age_us = 100});
    for (int i = 0; i < 10; i++)
        append(ring, PH_LINK_UNIT, i * 50, "x");
    assert_int_equal(ph_ring_lowest(ring), 7);
    append(ring, PH_LINK_UNIT, 1000000, "x");
    assert_int_equal(ph_ring_lowest(ring), 10);
    ph_ring_destroy(ring);
}

static void an_entry_larger_than_the_limit_is_kept_alone(void **state) {
    (void)state;
    struct ph_ring *ring = make((struct ph_ring_limits){.most_bytes = 100, .most_age_us = 100});
    char text[201] = {0};
    memset(text, 'x', 200);
    append(ring, PH_LINK_UNIT, 0, text);
    append(ring, PH_LINK_UNIT, 0, text);
    assert_int_equal(ph_ring_lowest(ring), 1);
    assert_int_equal(ph_ring_next(ring), 2);
    ph_ring_destroy(ring);
}

static void a_connection_given_up_is_still_the_first_to_be_replayed(void **state) {
    (void)state;
    struct ph_ring *ring = make(roomy);
    append(ring, PH_LINK_CONNECTION, 0, "first");
    append_units(ring, 10);
    append(ring, PH_LINK_CONNECTION, 20, "second");
    append_units(ring, 10);
    ph_ring_skip_to_newest(ring);
    assert_int_equal(ph_ring_lowest(ring), 21);
    assert_int_equal(ph_ring_lost(ring), 21);
    struct ph_link_entry entry;
    assert_true(ph_ring_at(ring, 3, &entry));
    assert_int_equal(entry.index, 11);
    assert_int_equal(entry.type, PH_LINK_CONNECTION);
    assert_memory_equal(entry.bytes.data, "second", 6);
    assert_entry(ring, 12, 21);
    assert_entry(ring, 15, 21);
    ph_ring_drop_before(ring, 12);
    assert_entry(ring, 0, 21);
    ph_ring_destroy(ring);
}

static int append_scenario(void *opaque) {
    (void)opaque;
    struct ph_ring *ring;
    int code = ph_ring_create(&ring, &roomy);
    if (code)
        return code;
    for (int i = 0; i < 600 && !code; i++) {
        code = ph_ring_append(ring, PH_LINK_UNIT, i, (struct ph_slice){(const uint8_t *)"x", 1});
        assert_int_equal(ph_ring_next(ring), i + (code == 0));
    }
    ph_ring_destroy(ring);
    return code;
}

static void failing_allocations_leave_the_ring_as_it_was(void **state) {
    (void)state;
    ph_test_with_failing_allocations(append_scenario, NULL);
}

static void crashes_at_one_point_lead_to_skipping_then_to_giving_up(void **state) {
    (void)state;
    struct ph_crash_history history = {0};
    assert_int_equal(ph_crash_history_add(&history, 7, PH_SECOND_US), PH_CRASH_RETRY);
    assert_int_equal(ph_crash_history_add(&history, 7, 2 * PH_SECOND_US), PH_CRASH_SKIP);
    assert_int_equal(ph_crash_history_add(&history, 7, 3 * PH_SECOND_US), PH_CRASH_SKIP);
    assert_int_equal(ph_crash_history_add(&history, 7, 4 * PH_SECOND_US), PH_CRASH_SKIP);
    assert_int_equal(ph_crash_history_add(&history, 7, 5 * PH_SECOND_US), PH_CRASH_GIVE_UP);
}

static void crashes_elsewhere_or_long_ago_do_not_count(void **state) {
    (void)state;
    struct ph_crash_history history = {0};
    for (uint64_t point = 1; point < 20; point++)
        assert_int_equal(ph_crash_history_add(&history, point, (int64_t)point), PH_CRASH_RETRY);
    for (int i = 1; i < 20; i++)
        assert_int_equal(ph_crash_history_add(&history, 50, i * 61 * PH_SECOND_US), PH_CRASH_RETRY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back_by_index_while_more_are_appended),
        cmocka_unit_test(what_is_acknowledged_is_dropped_and_its_memory_with_it),
        cmocka_unit_test(bytes_are_bounded_small_datagrams_too),
        cmocka_unit_test(age_is_bounded),
        cmocka_unit_test(an_entry_larger_than_the_limit_is_kept_alone),
        cmocka_unit_test(a_connection_given_up_is_still_the_first_to_be_replayed),
        cmocka_unit_test(failing_allocations_leave_the_ring_as_it_was),
        cmocka_unit_test(crashes_at_one_point_lead_to_skipping_then_to_giving_up),
        cmocka_unit_test(crashes_elsewhere_or_long_ago_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
