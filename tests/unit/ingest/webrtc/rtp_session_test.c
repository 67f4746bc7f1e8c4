#include "ingest/webrtc/rtp_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/ingest/webrtc/offer_file.h"
#include "tests/unit/ingest/webrtc/rtp_scene.h"
#include "tests/unit/support/allocation_failure.h"

static struct ph_rtp_scene scene;

static void receive_bytes(const uint8_t *bytes, size_t size) {
    ph_rtp_session_receive(scene.session, (struct ph_slice){bytes, size}, scene.now_us);
}

static void receive_rtcp(const uint8_t *bytes, size_t size) {
    ph_rtp_session_receive_rtcp(scene.session, (struct ph_slice){bytes, size}, scene.now_us);
}

static void extensions_padding_and_sources_are_stripped(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "audio_only", NULL);
    static const uint8_t packet[] = {0xB1, 0xE4, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 42, /* CSRC */ 1, 2, 3, 4,
        /* extension */ 0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0, /* payload */ 'o', 'p', 'u', 's', 0, 0, 3};
    receive_bytes(packet, sizeof(packet));
    assert_int_equal(scene.forwarded_count, 1);
    static const uint8_t plain[] = {0x80, 0xE4, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 42, 'o', 'p', 'u', 's'};
    assert_int_equal(scene.forwarded[0].size, sizeof(plain));
    assert_memory_equal(scene.forwarded[0].bytes, plain, sizeof(plain));
    ph_rtp_scene_finish(&scene);
}

static void broken_packets_are_counted_and_dropped(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "audio_only", NULL);
    static const uint8_t packets[][16] = {
        {0x40, 100, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1},                   /* version 1 */
        {0x8F, 100, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1},                   /* CSRCs that are not there */
        {0x90, 100, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xBE, 0xDE, 0, 9}, /* a long extension */
        {0xA0, 100, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5},       /* more padding than payload */
        {0xA0, 100, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0},       /* padding of no bytes */
    };
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
        receive_bytes(packets[i], 16);
    for (size_t size = 0; size < 12; size++)
        receive_bytes(packets[0], size);
    static uint8_t large[PH_RTP_MOST_PACKET_BYTES + 1] = {0x80, 100};
    receive_bytes(large, sizeof(large));
    assert_int_equal(ph_rtp_scene_figures(&scene).malformed, 18);
    static const uint8_t unknown[] = {0x80, 101, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9};
    receive_bytes(unknown, sizeof(unknown));
    assert_int_equal(ph_rtp_scene_figures(&scene).unknown, 1);
    assert_int_equal(scene.forwarded_count, 0);
    ph_rtp_scene_finish(&scene);
}

static void packets_without_payload_leave_no_gap(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    ph_rtp_scene_video(&scene, 10, 0, "\x65 first");
    ph_rtp_scene_video(&scene, 11, 0, "");
    ph_rtp_scene_video(&scene, 12, 0, "");
    ph_rtp_scene_video(&scene, 13, 3000, "\x41 next");
    assert_int_equal(scene.forwarded_count, 2);
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 1).sequence, 11);
    ph_rtp_scene_finish(&scene);
}

static void sender_reports_go_on_and_answer_with_their_time(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    const uint32_t ssrc = scene.negotiation.media[scene.negotiation.audio].ssrc;
    struct ph_sender_report report = {ssrc, 0x1122334455667788, 90, 5, 500}, passed;
    struct ph_builder builder = {0};
    ph_sender_report_write(&builder, &report);
    builder.data[0] = 0x81; /* with a block about us, which is left out */
    builder.data[3] = 12;
    ph_builder_zeros(&builder, 24);
    receive_rtcp(builder.data, builder.size);
    assert_int_equal(scene.forwarded_count, 0); /* of a stream that was not heard */
    ph_rtp_scene_audio(&scene, 1, 80, "a");
    receive_rtcp(builder.data, builder.size);
    ph_builder_discard(&builder);
    assert_int_equal(scene.forwarded_count, 2);
    assert_int_equal(scene.forwarded[1].size, 28);
    assert_true(ph_sender_report_parse((struct ph_slice){scene.forwarded[1].bytes + 4, 24}, &passed));
    assert_int_equal(passed.ssrc, ssrc);
    assert_true(passed.ntp == report.ntp);
    assert_int_equal(passed.timestamp, 90);
    assert_int_equal(passed.octets, 500);
    ph_rtp_scene_pass(&scene, 300000);
    struct ph_rtcp_packet answer;
    assert_true(ph_rtp_scene_sent(&scene, PH_RTCP_RECEIVER_REPORT, 1, &answer) >= 1);
    struct ph_cursor cursor = ph_cursor_init(answer.body);
    assert_int_equal(ph_cursor_u32(&cursor), PH_SCENE_SSRC);
    assert_int_equal(ph_cursor_u32(&cursor), ssrc);
    ph_cursor_skip(&cursor, 12);
    assert_int_equal(ph_cursor_u32(&cursor), 0x33445566);
    assert_in_range(ph_cursor_u32(&cursor), 65536 / 5, 65536 / 3);
    ph_rtp_scene_finish(&scene);
}

static void a_reference_time_that_comes_back_tells_the_round_trip(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    ph_rtp_scene_video(&scene, 1, 0, "\x65");
    ph_rtp_scene_pass(&scene, 1000);
    struct ph_rtcp_packet sent;
    assert_int_equal(ph_rtp_scene_sent(&scene, PH_RTCP_EXTENDED_REPORT, 0, &sent), 1);
    scene.now_us += 79000; /* since it was sent, of which the publisher kept it 20 ms */
    uint8_t answer[] = {
        0x80, 207, 0, 5, 0, 0, 0, 1, 5, 0, 0, 3, 0x0A, 0x0B, 0x0C, 0x0D, 0, 0, 0, 0, 0, 0, 0x05, 0x1F};
    memcpy(answer + 16, sent.body.data + 10, 4);
    receive_rtcp(answer, sizeof(answer));
    assert_true(ph_rtp_scene_figures(&scene).rtt_ms > 59 && ph_rtp_scene_figures(&scene).rtt_ms < 61);
    ph_rtp_scene_finish(&scene);
}

static void a_keyframe_is_asked_for_again_until_one_begins(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    ph_rtp_session_request_keyframe(scene.session, scene.now_us);
    ph_rtp_scene_pass(&scene, 10000);
    assert_int_equal(
        ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 1, NULL), 0); /* whom to ask is not known */
    ph_rtp_scene_video(&scene, 1, 0, "\x41 inside a picture");
    ph_rtp_scene_pass(&scene, 10000);
    assert_int_equal(ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 1, NULL), 1);
    for (int i = 0; i < 10; i++)
        ph_rtp_session_request_keyframe(scene.session, scene.now_us);
    ph_rtp_scene_pass(&scene, 3 * PH_SECOND_US);
    assert_in_range(ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 1, NULL), 4, 6);
    size_t before = ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 1, NULL);
    ph_rtp_scene_video(&scene, 2, 3000, "\x7C\x85 an IDR picture's first fragment");
    ph_rtp_scene_pass(&scene, 5 * PH_SECOND_US);
    assert_int_equal(ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 1, NULL), before);
    assert_int_equal(ph_rtp_scene_figures(&scene).keyframes, 1);
    ph_rtp_scene_finish(&scene);
}

static void remb_follows_loss_when_it_was_negotiated(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    struct ph_rtcp_packet remb;
    ph_rtp_scene_video(&scene, 0, 0, "\x65");
    ph_rtp_scene_pass(&scene, 100000);
    assert_int_equal(ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 15, &remb), 1);
    assert_memory_equal(remb.body.data + 8, "REMB\x01\x12\xDC\x6C", 8); /* 3 Mbit/s: 187500 × 2^4 */
    for (uint16_t i = 1; i < 1000; i++) {
        if (i % 4)
            ph_rtp_scene_video(&scene, i, i * 900U, "\x41");
        ph_rtp_scene_pass(&scene, 5000);
    }
    (void)ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 15, &remb);
    uint32_t allowed =
        (uint32_t)(((remb.body.data[13] & 3) << 16 | remb.body.data[14] << 8 | remb.body.data[15]))
        << (remb.body.data[13] >> 2);
    assert_true(allowed >= 150000 - 8 && allowed < 1000000);
    ph_rtp_scene_finish(&scene);
}

static void redundant_audio_fills_a_hole(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "chromium", NULL);
    const struct ph_negotiated_media *audio = &scene.negotiation.media[scene.negotiation.audio];
    struct ph_rtp_wire packet = {.payload_type = (uint8_t)audio->red_payload_type, .ssrc = audio->ssrc};
    static const uint8_t first[] = {111, 'a', 'a'};
    static const uint8_t third[] = {
        0x80 | 111, 0x0F, 0x00, 2, 111, 'b', 'b', 'c', 'c'}; /* 960 ticks before */
    packet.payload = (struct ph_slice){first, sizeof(first)};
    packet.sequence = 65535;
    packet.timestamp = 1000;
    ph_rtp_scene_receive(&scene, &packet);
    packet.payload = (struct ph_slice){third, sizeof(third)};
    packet.sequence = 1;
    packet.timestamp = 1000 + 2 * 960;
    ph_rtp_scene_receive(&scene, &packet);
    assert_int_equal(scene.forwarded_count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct ph_rtp_wire out = ph_rtp_scene_forwarded(&scene, i);
        assert_int_equal(out.payload_type, 111);
        assert_int_equal(out.sequence, (uint16_t)(65535 + i));
        assert_int_equal(out.timestamp, 1000 + i * 960);
        assert_int_equal(out.payload.size, 2);
        assert_int_equal(out.payload.data[0], 'a' + i);
    }
    assert_int_equal(ph_rtp_scene_figures(&scene).audio.recovered, 1);
    static const uint8_t broken[] = {0x80 | 111, 0, 0, 9, 111, 'x'};
    packet.payload = (struct ph_slice){broken, sizeof(broken)};
    packet.sequence = 2;
    ph_rtp_scene_receive(&scene, &packet);
    assert_int_equal(ph_rtp_scene_figures(&scene).unknown, 1);
    ph_rtp_scene_finish(&scene);
}

static void lost_audio_is_passed_as_a_gap(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    ph_rtp_scene_audio(&scene, 1, 0, "a");
    ph_rtp_scene_audio(&scene, 3, 1920, "c");
    assert_int_equal(scene.forwarded_count, 1);
    ph_rtp_scene_pass(&scene, 50000);
    assert_int_equal(scene.forwarded_count, 2);
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 1).sequence, 3);
    assert_int_equal(ph_rtp_scene_figures(&scene).audio.lost, 1);
    assert_int_equal(ph_rtp_scene_sent(&scene, PH_RTCP_TRANSPORT_FEEDBACK, 1, NULL), 0);
    ph_rtp_scene_audio(&scene, 2, 960, "b");
    assert_int_equal(ph_rtp_scene_figures(&scene).audio.late, 1);
    assert_int_equal(scene.forwarded_count, 2);
    ph_rtp_scene_finish(&scene);
}

static void of_simulcast_only_the_chosen_encoding_is_forwarded(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "simulcast", NULL);
    uint8_t packet[] = {0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xBE, 0xDE, 0, 2, 0xA0, 'q', 0x42, 'c', 'a',
        'm', 0, 0, 0x10, 0};
    receive_bytes(packet, sizeof(packet));
    assert_int_equal(scene.forwarded_count, 0);
    packet[11] = 2;
    packet[17] = 'f';
    receive_bytes(packet, sizeof(packet));
    assert_int_equal(scene.forwarded_count, 1);
    static const uint8_t later[] = {0x80, 96, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
    receive_bytes(later, sizeof(later)); /* browsers stop naming it once it is known */
    assert_int_equal(scene.forwarded_count, 2);
    packet[20] = 'x'; /* of another m-line */
    packet[11] = 3;
    receive_bytes(packet, sizeof(packet));
    assert_int_equal(ph_rtp_scene_figures(&scene).unknown, 2);
    ph_rtp_scene_finish(&scene);
}

/* Hands in packets behind a hole until it is given up; how many that took. */
static size_t packets_held(const char *payload) {
    ph_rtp_scene_init(&scene, "obs", NULL);
    ph_rtp_scene_video(&scene, 0, 0, "\x65");
    uint16_t sequence = 2;
    while (scene.forwarded_count == 1 && sequence < 2000)
        ph_rtp_scene_video(&scene, sequence++, 0, payload);
    assert_int_equal(scene.forwarded_count, sequence - 1U);
    assert_int_equal(ph_rtp_scene_figures(&scene).video.lost, 1);
    ph_rtp_scene_finish(&scene);
    return sequence - 2U;
}

static void what_waits_behind_a_hole_is_bounded_in_packets_and_bytes(void **state) {
    (void)state;
    static char payload[1501];
    memset(payload, 'p', sizeof(payload) - 1);
    assert_in_range(packets_held("small"), PH_RTP_MOST_HELD - 2, PH_RTP_MOST_HELD);
    assert_in_range(packets_held(payload), PH_RTP_MOST_HELD_BYTES / 1512, PH_RTP_MOST_HELD_BYTES / 1512 + 1);
}

static void allow_reduced_size(struct ph_negotiation *negotiation) {
    for (size_t i = 0; i < negotiation->media_count; i++)
        negotiation->media[i].reduced_size = true;
}

static void feedback_is_compound_unless_reduced_size_was_negotiated(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    ph_rtp_scene_video(&scene, 0, 0, "\x41");
    ph_rtp_scene_pass(&scene, 1);
    for (size_t i = 0; i < scene.rtcp_count; i++)
        assert_int_equal(scene.rtcp[i][1], PH_RTCP_RECEIVER_REPORT);
    assert_true(scene.rtcp_count >= 2);
    ph_rtp_scene_finish(&scene);
    ph_rtp_scene_init(&scene, "obs", allow_reduced_size);
    ph_rtp_scene_video(&scene, 0, 0, "\x41");
    ph_rtp_scene_pass(&scene, 1);
    assert_int_equal(scene.rtcp[0][1], PH_RTCP_PAYLOAD_FEEDBACK);
    ph_rtp_scene_finish(&scene);
}

/* ffmpeg 9 offers reduced size for its picture alone, and reads a NACK only where it is alone. */
static void reduced_size_holds_for_the_stream_that_offers_it(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "ffmpeg_9", NULL);
    ph_rtp_scene_audio(&scene, 0, 0, "opus");
    ph_rtp_scene_video(&scene, 0, 0, "\x65");
    ph_rtp_scene_video(&scene, 2, 0, "\x41");
    ph_rtp_scene_pass(&scene, 1000);
    size_t nacks = 0;
    for (size_t i = 0; i < scene.rtcp_count; i++) {
        bool is_nack = scene.rtcp[i][0] == 0x81 && scene.rtcp[i][1] == PH_RTCP_TRANSPORT_FEEDBACK;
        assert_true(is_nack || scene.rtcp[i][1] == PH_RTCP_RECEIVER_REPORT);
        assert_true(!is_nack || scene.rtcp_sizes[i] == 16);
        nacks += is_nack;
    }
    assert_int_equal(nacks, 1);
    assert_int_equal(ph_rtp_scene_sent(&scene, PH_RTCP_TRANSPORT_FEEDBACK, 1, NULL), 1);
    ph_rtp_scene_finish(&scene);
}

static int carry(void *opaque) {
    (void)opaque;
    static const struct ph_rtp_session_impl impl = {NULL, NULL};
    struct ph_negotiation negotiation = scene.negotiation;
    const struct ph_rtp_session_options options = {.negotiation = &negotiation, .impl = &impl};
    struct ph_rtp_session *session;
    int code = ph_rtp_session_create(&session, &options, 0);
    ph_rtp_session_destroy(session);
    return code;
}

static void without_memory_no_session_begins(void **state) {
    (void)state;
    scene.negotiation = ph_offer_negotiate("obs");
    ph_test_with_failing_allocations(carry, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extensions_padding_and_sources_are_stripped),
        cmocka_unit_test(broken_packets_are_counted_and_dropped),
        cmocka_unit_test(packets_without_payload_leave_no_gap),
        cmocka_unit_test(sender_reports_go_on_and_answer_with_their_time),
        cmocka_unit_test(a_reference_time_that_comes_back_tells_the_round_trip),
        cmocka_unit_test(a_keyframe_is_asked_for_again_until_one_begins),
        cmocka_unit_test(remb_follows_loss_when_it_was_negotiated),
        cmocka_unit_test(redundant_audio_fills_a_hole),
        cmocka_unit_test(lost_audio_is_passed_as_a_gap),
        cmocka_unit_test(of_simulcast_only_the_chosen_encoding_is_forwarded),
        cmocka_unit_test(what_waits_behind_a_hole_is_bounded_in_packets_and_bytes),
        cmocka_unit_test(feedback_is_compound_unless_reduced_size_was_negotiated),
        cmocka_unit_test(reduced_size_holds_for_the_stream_that_offers_it),
        cmocka_unit_test(without_memory_no_session_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
