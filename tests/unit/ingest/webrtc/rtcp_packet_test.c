#include "ingest/webrtc/rtcp_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void is_written(struct ph_builder *builder, const uint8_t *expected, size_t size) {
    assert_int_equal(builder->size, size);
    assert_memory_equal(builder->data, expected, size);
    ph_builder_discard(builder);
}

static void nacks_share_an_item_within_sixteen_numbers(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    const uint16_t sequences[] = {65534, 65535, 14, 15, 40};
    ph_nack_write(&builder, 1, 2, sequences, 5);
    static const uint8_t expected[] = {
        0x81, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0xFF, 0xFE, 0x80, 0x01, 0, 15, 0, 0, 0, 40, 0, 0};
    is_written(&builder, expected, sizeof(expected));
}

static void reports_and_descriptions_are_padded_to_words(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    const struct ph_report_block block = {2, 64, -1, 0x00010002, 3, 4, 5};
    ph_receiver_report_write(&builder, 1, &block, 1);
    ph_sdes_write(&builder, 1, "ab");
    static const uint8_t expected[] = {0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 64, 0xFF, 0xFF, 0xFF, 0, 1, 0,
        2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0x81, 202, 0, 3, 0, 0, 0, 1, 1, 2, 'a', 'b', 0, 0, 0, 0};
    is_written(&builder, expected, sizeof(expected));
}

static void remb_has_a_mantissa_of_18_bits(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    const uint32_t ssrc = 9;
    ph_remb_write(&builder, 1, 6750000, &ssrc, 1);
    static const uint8_t expected[] = {
        0x8F, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 1, 0x17, 0x37, 0xF9, 0, 0, 0, 9};
    is_written(&builder, expected, sizeof(expected));
}

static void compounds_are_taken_apart_as_far_as_they_are_whole(void **state) {
    (void)state;
    static const uint8_t compound[] = {
        0x80, 201, 0, 1, 0, 0, 0, 1, 0xA1, 203, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4, 0x80, 200, 0, 9};
    struct ph_cursor cursor = ph_cursor_init((struct ph_slice){compound, sizeof(compound)});
    struct ph_rtcp_packet packet;
    assert_true(ph_rtcp_next(&cursor, &packet));
    assert_int_equal(packet.type, PH_RTCP_RECEIVER_REPORT);
    assert_int_equal(packet.body.size, 4);
    assert_true(ph_rtcp_next(&cursor, &packet));
    assert_int_equal(packet.count, 1);
    assert_int_equal(packet.body.size, 4); /* without its padding */
    assert_false(ph_rtcp_next(&cursor, &packet));
    assert_false(ph_cursor_ok(&cursor));
}

static void padding_beyond_a_packet_is_malformed(void **state) {
    (void)state;
    static const uint8_t packets[][8] = {
        {0xA0, 201, 0, 1, 0, 0, 0, 5}, {0xA0, 201, 0, 1, 0, 0, 0, 0}, {0xA0, 201, 0, 0}, {0x40, 201, 0, 1}};
    for (size_t i = 0; i < 4; i++) {
        struct ph_cursor cursor = ph_cursor_init((struct ph_slice){packets[i], i == 2 ? 4 : 8});
        struct ph_rtcp_packet packet;
        assert_false(ph_rtcp_next(&cursor, &packet));
        assert_false(ph_cursor_ok(&cursor));
    }
}

static void an_answer_to_somebody_else_tells_us_nothing(void **state) {
    (void)state;
    static const uint8_t body[] = {0, 0, 0, 1, /* DLRR */ 5, 0, 0, 6, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0,
        0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 4, /* something else */ 7, 0, 0, 0};
    uint32_t reference, delay;
    assert_false(ph_reference_time_answer((struct ph_slice){body, sizeof(body)}, 7, &reference, &delay));
    assert_true(ph_reference_time_answer((struct ph_slice){body, sizeof(body)}, 8, &reference, &delay));
    assert_int_equal(reference, 3);
    assert_int_equal(delay, 4);
    for (size_t size = 0; size < 32; size++)
        assert_false(ph_reference_time_answer((struct ph_slice){body, size}, 8, &reference, &delay));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nacks_share_an_item_within_sixteen_numbers),
        cmocka_unit_test(reports_and_descriptions_are_padded_to_words),
        cmocka_unit_test(remb_has_a_mantissa_of_18_bits),
        cmocka_unit_test(compounds_are_taken_apart_as_far_as_they_are_whole),
        cmocka_unit_test(padding_beyond_a_packet_is_malformed),
        cmocka_unit_test(an_answer_to_somebody_else_tells_us_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
