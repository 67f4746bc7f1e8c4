#include "ingest/webrtc/transport_feedback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/webrtc/rtcp_packet.h"

enum { numbers = 65536 };

/* What a sender understands of the feedback: when each number arrived, in ticks of 250 us; 0: reported as
 * lost. */
struct understood {
    int64_t ticks[numbers];
    bool told[numbers];
    size_t packets;
    uint8_t next_count;
};

static struct understood sender;
static struct ph_transport_feedback feedback;

static int64_t status_of(uint16_t chunk, size_t i, size_t *symbols) {
    if (!(chunk & 0x8000)) {
        *symbols = chunk & 0x1FFF;
        return chunk >> 13 & 3;
    }
    *symbols = chunk & 0x4000 ? 7 : 14;
    return chunk & 0x4000 ? chunk >> (12 - 2 * i) & 3 : chunk >> (13 - i) & 1;
}

static void understand(struct ph_slice bytes) {
    static uint8_t statuses[numbers];
    struct ph_cursor compound = ph_cursor_init(bytes);
    struct ph_rtcp_packet packet;
    assert_true(ph_rtcp_next(&compound, &packet));
    assert_int_equal(packet.type, PH_RTCP_TRANSPORT_FEEDBACK);
    assert_int_equal(packet.count, 15);
    struct ph_cursor cursor = ph_cursor_init(packet.body);
    assert_int_equal(ph_cursor_u32(&cursor), 11);
    assert_int_equal(ph_cursor_u32(&cursor), 22);
    uint16_t base = ph_cursor_u16(&cursor), count = ph_cursor_u16(&cursor);
    int64_t tick = (int64_t)ph_cursor_u24(&cursor) * 256;
    assert_int_equal(ph_cursor_u8(&cursor), sender.next_count++);
    for (size_t told = 0; told < count;) {
        uint16_t chunk = ph_cursor_u16(&cursor);
        size_t symbols = 1;
        for (size_t i = 0; i < symbols && told < count; i++)
            statuses[told++] = (uint8_t)status_of(chunk, i, &symbols);
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t number = (uint16_t)(base + i);
        sender.told[number] = true;
        if (statuses[i])
            tick += statuses[i] == 1 ? ph_cursor_u8(&cursor) : (int16_t)ph_cursor_u16(&cursor);
        if (statuses[i])
            sender.ticks[number] = tick;
    }
    assert_true(ph_cursor_ok(&cursor));
    assert_int_equal(ph_cursor_remaining(&cursor), 0);
    sender.packets++;
}

static void tell_all(size_t most_bytes) {
    struct ph_builder builder = {0};
    while (ph_transport_feedback_write(&feedback, &builder, 11, 22, most_bytes)) {
        assert_true(builder.size <= most_bytes && builder.size % 4 == 0);
        understand((struct ph_slice){builder.data, builder.size});
        ph_builder_clear(&builder);
    }
    ph_builder_discard(&builder);
}

static void begin(void) {
    memset(&sender, 0, sizeof(sender));
    memset(&feedback, 0, sizeof(feedback));
}

static void arrivals_are_told_with_their_times(void **state) {
    (void)state;
    begin();
    static const int64_t times_us[] = {64000000, 64000250, 64000250, 64010000, 64200000, 64199000, 65000000};
    for (uint16_t i = 0; i < 7; i++)
        ph_transport_feedback_arrived(&feedback, (uint16_t)(65533 + i), times_us[i]);
    tell_all(1000);
    assert_int_equal(sender.packets, 1);
    for (uint16_t i = 0; i < 7; i++)
        assert_int_equal(sender.ticks[(uint16_t)(65533 + i)], times_us[i] / 250);
}

static void what_did_not_arrive_is_told_as_lost_even_first(void **state) {
    (void)state;
    begin();
    ph_transport_feedback_arrived(&feedback, 10, 1000000);
    tell_all(1000);
    ph_transport_feedback_arrived(&feedback, 14, 1010000);
    ph_transport_feedback_arrived(&feedback, 40, 1020000);
    tell_all(1000);
    for (uint16_t i = 10; i <= 40; i++) {
        assert_true(sender.told[i]);
        assert_int_equal(sender.ticks[i] != 0, i == 10 || i == 14 || i == 40);
    }
}

static void a_late_arrival_is_told_afterwards(void **state) {
    (void)state;
    begin();
    ph_transport_feedback_arrived(&feedback, 1, 1000000);
    ph_transport_feedback_arrived(&feedback, 3, 1002000);
    tell_all(1000);
    assert_int_equal(sender.ticks[2], 0);
    ph_transport_feedback_arrived(&feedback, 2, 1100000);
    tell_all(1000);
    assert_int_equal(sender.ticks[2], 1100000 / 250);
    size_t packets = sender.packets;
    ph_transport_feedback_arrived(&feedback, 2, 1200000); /* twice */
    tell_all(1000);
    assert_int_equal(sender.packets, packets);
}

static void times_too_far_apart_take_packets_of_their_own(void **state) {
    (void)state;
    begin();
    ph_transport_feedback_arrived(&feedback, 1, 1000000);
    ph_transport_feedback_arrived(&feedback, 2, 60000000);
    tell_all(1000);
    assert_int_equal(sender.packets, 2);
    assert_int_equal(sender.ticks[2], 60000000 / 250);
}

static void thousands_of_packets_with_losses_are_told_within_the_size(void **state) {
    (void)state;
    begin();
    static int64_t arrived[8000];
    uint32_t random = 1;
    int64_t now_us = 5000000;
    for (uint16_t i = 0; i < 8000; i++) {
        random = random * 1664525 + 1013904223;
        now_us += random >> 20;
        arrived[i] = random >> 8 & 7 ? now_us : 0;
        if (arrived[i])
            ph_transport_feedback_arrived(&feedback, i, now_us);
        if (i % 700 == 699)
            tell_all(200);
    }
    tell_all(200);
    for (uint16_t i = 0; i < 8000; i++)
        assert_int_equal(sender.ticks[i], arrived[i] / 250);
}

static void a_leap_begins_anew(void **state) {
    (void)state;
    begin();
    ph_transport_feedback_arrived(&feedback, 1, 1000000);
    ph_transport_feedback_arrived(&feedback, 30000, 1000250);
    ph_transport_feedback_arrived(&feedback, 2, 1000500); /* from before the leap */
    tell_all(1000);
    assert_true(sender.ticks[30000] > 0);
    assert_int_equal(sender.ticks[2], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrivals_are_told_with_their_times),
        cmocka_unit_test(what_did_not_arrive_is_told_as_lost_even_first),
        cmocka_unit_test(a_late_arrival_is_told_afterwards),
        cmocka_unit_test(times_too_far_apart_take_packets_of_their_own),
        cmocka_unit_test(thousands_of_packets_with_losses_are_told_within_the_size),
        cmocka_unit_test(a_leap_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
