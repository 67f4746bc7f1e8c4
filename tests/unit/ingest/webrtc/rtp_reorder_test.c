#include "ingest/webrtc/rtp_reorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/support/allocation_failure.h"

static struct {
    int64_t sequences[4096];
    size_t count;
} delivered;

static void deliver(void *opaque, int64_t sequence, uint8_t *packet, size_t size) {
    (void)opaque;
    assert_int_equal(size, 2);
    assert_int_equal(packet[0], (uint8_t)sequence);
    delivered.sequences[delivered.count++] = sequence;
}

static const struct ph_reorder_impl impl = {deliver};

static enum ph_arrival put(struct ph_rtp_reorder *reorder, int64_t sequence, int64_t now_us) {
    uint8_t packet[2] = {(uint8_t)sequence, 0};
    return ph_rtp_reorder_put(reorder, sequence, packet, sizeof(packet), now_us, NULL);
}

static void begin(struct ph_rtp_reorder *reorder) {
    delivered.count = 0;
    assert_int_equal(ph_rtp_reorder_init(reorder, &impl, NULL), 0);
}

static void delivered_are(size_t count, const int64_t *sequences) {
    assert_int_equal(delivered.count, count);
    assert_memory_equal(delivered.sequences, sequences, count * sizeof(*sequences));
}

static void packets_wait_behind_a_hole_until_it_is_filled(void **state) {
    (void)state;
    struct ph_rtp_reorder reorder;
    begin(&reorder);
    assert_int_equal(put(&reorder, 7, 0), PH_ARRIVAL_IN_ORDER);
    assert_int_equal(put(&reorder, 10, 0), PH_ARRIVAL_AHEAD);
    assert_int_equal(put(&reorder, 9, 0), PH_ARRIVAL_FILLED);
    delivered_are(1, (int64_t[]){7});
    assert_true(ph_rtp_reorder_wants(&reorder, 8));
    assert_int_equal(put(&reorder, 8, 0), PH_ARRIVAL_FILLED);
    assert_false(ph_rtp_reorder_wants(&reorder, 8));
    assert_int_equal(put(&reorder, 8, 0), PH_ARRIVAL_DUPLICATE);
    assert_int_equal(put(&reorder, 11, 0), PH_ARRIVAL_IN_ORDER);
    assert_int_equal(put(&reorder, 6, 0), PH_ARRIVAL_LATE);
    delivered_are(5, (int64_t[]){7, 8, 9, 10, 11});
    ph_rtp_reorder_finish(&reorder);
}

static void holes_are_given_up_each_in_its_time(void **state) {
    (void)state;
    struct ph_rtp_reorder reorder;
    begin(&reorder);
    (void)put(&reorder, 0, 0);
    (void)put(&reorder, 2, 1000);
    (void)put(&reorder, 4, 5000);
    assert_int_equal(ph_rtp_reorder_expire(&reorder, 10999, 10000), 11000);
    delivered_are(1, (int64_t[]){0});
    assert_int_equal(ph_rtp_reorder_expire(&reorder, 11000, 10000), 15000);
    delivered_are(2, (int64_t[]){0, 2});
    assert_true(ph_rtp_reorder_expire(&reorder, 15000, 10000) == PH_NEVER_US);
    delivered_are(3, (int64_t[]){0, 2, 4});
    assert_int_equal(reorder.lost, 2);
    assert_int_equal(put(&reorder, 3, 15000), PH_ARRIVAL_LATE);
    ph_rtp_reorder_finish(&reorder);
}

static void missing_packets_are_asked_for_with_growing_pauses(void **state) {
    (void)state;
    struct ph_rtp_reorder reorder;
    const struct ph_nack_policy policy = {
        .first_us = 2000, .again_us = 50000, .wait_us = 1000000, .rtt_us = 40000, .most = 6};
    int64_t asked[8], due_us, last_us = 0, pause_us = 0;
    begin(&reorder);
    (void)put(&reorder, 0, 0);
    (void)put(&reorder, 3, 0);
    assert_int_equal(ph_rtp_reorder_ask(&reorder, &policy, 0, asked, 8, &due_us), 0);
    assert_int_equal(due_us, 2000);
    for (int times = 1; times <= 6; times++) {
        int64_t now_us = due_us;
        assert_int_equal(ph_rtp_reorder_ask(&reorder, &policy, now_us, asked, 8, &due_us), 2);
        assert_int_equal(asked[0], 1);
        assert_int_equal(asked[1], 2);
        assert_true(times == 1 || now_us - last_us >= pause_us);
        pause_us = times == 1 ? 0 : now_us - last_us;
        last_us = now_us;
    }
    assert_true(pause_us >= 75000);
    assert_int_equal(ph_rtp_reorder_ask(&reorder, &policy, due_us, asked, 8, &due_us), 0);
    assert_true(due_us == PH_NEVER_US);
    ph_rtp_reorder_finish(&reorder);
}

static void nothing_is_asked_for_that_would_come_too_late(void **state) {
    (void)state;
    struct ph_rtp_reorder reorder;
    const struct ph_nack_policy policy = {.again_us = 50000, .wait_us = 100000, .rtt_us = 60000, .most = 9};
    int64_t asked[8], due_us;
    begin(&reorder);
    (void)put(&reorder, 0, 0);
    (void)put(&reorder, 2, 0);
    assert_int_equal(ph_rtp_reorder_ask(&reorder, &policy, 0, asked, 8, &due_us), 1);
    assert_int_equal(ph_rtp_reorder_ask(&reorder, &policy, 50000, asked, 8, &due_us), 0);
    assert_true(due_us == PH_NEVER_US);
    ph_rtp_reorder_finish(&reorder);
}

static void many_missing_are_asked_for_in_portions(void **state) {
    (void)state;
    struct ph_rtp_reorder reorder;
    const struct ph_nack_policy policy = {.again_us = 50000, .wait_us = 1000000, .most = 9};
    int64_t asked[64], due_us = 0;
    size_t count = 0;
    begin(&reorder);
    (void)put(&reorder, 0, 0);
    (void)put(&reorder, 200, 0);
    for (int64_t now_us = 1; now_us < 10; now_us = due_us)
        count += ph_rtp_reorder_ask(&reorder, &policy, now_us, asked, 64, &due_us);
    assert_int_equal(count, 199);
    ph_rtp_reorder_finish(&reorder);
}

/* Whatever comes in whatever order, what is delivered rises. */
static void any_order_is_put_in_order(void **state) {
    (void)state;
    struct ph_rtp_reorder reorder;
    uint32_t random = 7;
    int64_t base = 1000;
    begin(&reorder);
    for (int64_t i = 0; i < 4000; i++) {
        random = random * 1664525 + 1013904223;
        base += random >> 30;
        (void)put(&reorder, base + (random >> 8) % 40, i * 1000);
        (void)ph_rtp_reorder_expire(&reorder, i * 1000, 20000);
    }
    ph_rtp_reorder_flush(&reorder);
    assert_int_equal(reorder.missing, 0);
    assert_int_equal(reorder.held_bytes, 0);
    for (size_t i = 1; i < delivered.count; i++)
        assert_true(delivered.sequences[i] > delivered.sequences[i - 1]);
    ph_rtp_reorder_finish(&reorder);
}

/* A packet that cannot be kept is lost; the others are not. */
static int lose_for_want_of_memory(void *opaque) {
    (void)opaque;
    struct ph_rtp_reorder reorder;
    delivered.count = 0;
    int code = ph_rtp_reorder_init(&reorder, &impl, NULL);
    if (code)
        return code;
    (void)put(&reorder, 0, 0);
    (void)put(&reorder, 2, 0);
    (void)put(&reorder, 3, 0);
    (void)put(&reorder, 1, 0);
    ph_rtp_reorder_flush(&reorder);
    code = delivered.count == 4 ? 0 : -ENOMEM;
    assert_true(delivered.count >= 3);
    ph_rtp_reorder_finish(&reorder);
    return code;
}

static void without_memory_a_packet_is_lost_and_no_more(void **state) {
    (void)state;
    ph_test_with_failing_allocations(lose_for_want_of_memory, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_wait_behind_a_hole_until_it_is_filled),
        cmocka_unit_test(holes_are_given_up_each_in_its_time),
        cmocka_unit_test(missing_packets_are_asked_for_with_growing_pauses),
        cmocka_unit_test(nothing_is_asked_for_that_would_come_too_late),
        cmocka_unit_test(many_missing_are_asked_for_in_portions),
        cmocka_unit_test(any_order_is_put_in_order),
        cmocka_unit_test(without_memory_a_packet_is_lost_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
