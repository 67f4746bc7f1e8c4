/* Streams that rest, leave, begin anew or change their source: one stream goes out from first to last. */
#include "ingest/webrtc/rtp_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/ingest/webrtc/offer_file.h"
#include "tests/unit/ingest/webrtc/rtp_scene.h"

static struct ph_rtp_scene scene;

static void say_bye(int media) {
    struct ph_builder bye = {0};
    ph_builder_u32(&bye, 0x81CB0001);
    ph_builder_u32(&bye, scene.negotiation.media[media].ssrc);
    ph_rtp_session_receive_rtcp(scene.session, (struct ph_slice){bye.data, bye.size}, scene.now_us);
    ph_builder_discard(&bye);
}

static bool is_over(int64_t checked_us) {
    return ph_rtp_session_is_over(scene.session, checked_us, scene.now_us);
}

static void a_session_is_over_when_every_stream_said_bye_and_stayed_silent(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    int64_t checked_us = scene.now_us;
    assert_false(is_over(checked_us));
    ph_rtp_scene_video(&scene, 1, 0, "\x65");
    ph_rtp_scene_audio(&scene, 1, 0, "a");
    say_bye(scene.negotiation.audio);
    ph_rtp_scene_pass(&scene, 2 * PH_RTP_GOODBYE_US);
    assert_false(is_over(checked_us)); /* the picture goes on */
    say_bye(scene.negotiation.video);
    assert_false(is_over(checked_us));
    ph_rtp_scene_pass(&scene, PH_RTP_GOODBYE_US - 1);
    assert_false(is_over(checked_us));
    ph_rtp_scene_pass(&scene, 1);
    assert_true(is_over(checked_us));
    ph_rtp_scene_finish(&scene);
}

/* A picture, a BYE, and half of the time after which that is the end. When the publisher checked before all
 * that. */
static int64_t begin_and_say_bye(void) {
    ph_rtp_scene_init(&scene, "obs", NULL);
    int64_t checked_us = scene.now_us;
    ph_rtp_scene_video(&scene, 1, 0, "\x65");
    say_bye(scene.negotiation.video);
    ph_rtp_scene_pass(&scene, PH_RTP_GOODBYE_US / 2);
    return checked_us;
}

/* The last BYE is meant. */
static void say_bye_and_finish(int64_t checked_us) {
    say_bye(scene.negotiation.video);
    ph_rtp_scene_pass(&scene, PH_RTP_GOODBYE_US);
    assert_true(is_over(checked_us));
    ph_rtp_scene_finish(&scene);
}

/* Many a libwebrtc says BYE when a track is replaced by another or by none. */
static void a_stream_that_goes_on_after_its_bye_was_not_over(void **state) {
    (void)state;
    int64_t checked_us = begin_and_say_bye();
    ph_rtp_scene_video(&scene, 2, 90000, "\x65");
    ph_rtp_scene_pass(&scene, 2 * PH_RTP_GOODBYE_US);
    assert_false(is_over(checked_us));
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 1).sequence, 2);
    say_bye_and_finish(checked_us);
}

static void a_publisher_that_checks_after_its_bye_pauses(void **state) {
    (void)state;
    (void)begin_and_say_bye();
    int64_t checked_us = scene.now_us;
    ph_rtp_scene_pass(&scene, 10 * PH_RTP_GOODBYE_US);
    assert_false(is_over(checked_us));
    say_bye_and_finish(checked_us);
}

static void another_source_waits_until_the_first_is_silent(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "audio_only", NULL);
    struct ph_rtp_wire packet = {
        .payload_type = 100, .ssrc = 7, .timestamp = 500, .payload = ph_offer_slice("x")};
    ph_rtp_scene_receive(&scene, &packet);
    packet.ssrc = 8;
    packet.timestamp = 4000000;
    packet.sequence = 9000;
    ph_rtp_scene_receive(&scene, &packet);
    assert_int_equal(ph_rtp_scene_figures(&scene).unknown, 1);
    ph_rtp_scene_pass(&scene, 600000);
    ph_rtp_scene_receive(&scene, &packet);
    assert_int_equal(scene.forwarded_count, 2);
    struct ph_rtp_wire out = ph_rtp_scene_forwarded(&scene, 1);
    assert_int_equal(out.ssrc, 7);
    assert_int_equal(out.sequence, 1);
    assert_int_equal(out.timestamp, 500 + 48000 * 6 / 10);
    ph_rtp_scene_finish(&scene);
}

static void assert_keyframe_is_asked_for(void) {
    size_t asked = ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 1, NULL);
    ph_rtp_scene_pass(&scene, 10000);
    assert_int_equal(ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 1, NULL), asked + 1);
}

/* What came last of the first source may be half a picture, and what comes first of the second as well. */
static void before_another_source_of_a_picture_a_number_is_left_out(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    const struct ph_negotiated_media *video = &scene.negotiation.media[scene.negotiation.video];
    ph_rtp_scene_video(&scene, 100, 90000, "\x65");
    ph_rtp_scene_video(&scene, 102, 93000, "\x41"); /* waits for 101 */
    scene.now_us += 600000;
    struct ph_rtp_wire packet = {.payload_type = (uint8_t)video->payload_type,
        .ssrc = video->ssrc + 1,
        .sequence = 9000,
        .payload = ph_offer_slice("\x41 the second half of a picture")};
    ph_rtp_scene_receive(&scene, &packet);
    packet.sequence++;
    ph_rtp_scene_receive(&scene, &packet);
    assert_int_equal(scene.forwarded_count, 4);
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 1).sequence, 102);
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 2).sequence, 104); /* 103: whatever was lost */
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 3).sequence, 105);
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 3).ssrc, video->ssrc);
    assert_int_equal(ph_rtp_scene_figures(&scene).video.lost, 1);
    assert_keyframe_is_asked_for();
    ph_rtp_scene_finish(&scene);
}

static void numbering_that_restarts_goes_on(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    ph_rtp_scene_video(&scene, 100, 90000, "\x65");
    scene.now_us += 100000;
    ph_rtp_scene_video(&scene, 40000, 4000000000U, "\x65"); /* one alone could be anything */
    assert_int_equal(scene.forwarded_count, 1);
    ph_rtp_scene_video(&scene, 40001, 4000000000U, "\x65");
    assert_int_equal(scene.forwarded_count, 2);
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 1).sequence, 102); /* 101: whatever was lost */
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 1).timestamp, 90000 + 9000);
    ph_rtp_scene_video(&scene, 40002, 4000003000U, "\x41");
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 2).sequence, 103);
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 2).timestamp, 90000 + 12000);
    assert_int_equal(ph_rtp_scene_figures(&scene).video.lost, 0);
    ph_rtp_scene_finish(&scene);
}

/* After one that is numbered 100: two that jump, and the number of the second as it goes out. */
static uint16_t number_after_jump(int64_t passed_us, uint16_t sequence, uint32_t timestamp) {
    ph_rtp_scene_init(&scene, "obs", NULL);
    ph_rtp_scene_video(&scene, 100, 90000, "\x65");
    ph_rtp_scene_pass(&scene, passed_us);
    ph_rtp_scene_video(&scene, sequence, timestamp, "\x41 the first half of a picture");
    ph_rtp_scene_video(&scene, (uint16_t)(sequence + 1), timestamp, "\x41 its second half");
    assert_int_equal(scene.forwarded_count, 2);
    return ph_rtp_scene_forwarded(&scene, 1).sequence;
}

static void an_outage_of_thousands_of_packets_is_a_loss(void **state) {
    (void)state;
    assert_int_equal(number_after_jump(8 * PH_SECOND_US, 5100, 9 * 90000), 5101);
    assert_int_equal(
        ph_rtp_scene_figures(&scene).video.lost, 5000); /* and the one that alone could be anything */
    assert_int_equal(ph_rtp_scene_figures(&scene).video.missing, 5000);
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 1).timestamp, 9 * 90000);
    assert_keyframe_is_asked_for();
    ph_rtp_scene_video(&scene, 5102, 9 * 90000 + 3000, "\x65");
    assert_int_equal(ph_rtp_scene_forwarded(&scene, 2).sequence, 5102);
    ph_rtp_scene_finish(&scene);
    assert_int_equal(number_after_jump(20 * PH_SECOND_US, 100 + 32766, 21 * 90000), 100 + 32767);
    assert_int_equal(ph_rtp_scene_figures(&scene).video.lost, 32766);
    ph_rtp_scene_finish(&scene);
}

static void a_jump_that_is_no_outage_counts_no_loss(void **state) {
    (void)state;
    static const struct {
        int64_t passed_us;
        uint16_t sequence;
        uint32_t timestamp;
    } jumps[] = {
        {8 * PH_SECOND_US, 5100, 4 * 90000},          /* the timestamp stayed behind */
        {8 * PH_SECOND_US, 5100, 14 * 90000},         /* or ran ahead */
        {100000, 5100, 90000 + 9000},                 /* nobody sends so fast */
        {20 * PH_SECOND_US, 100 + 32768, 21 * 90000}, /* as far behind as ahead */
    };
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        assert_int_equal(number_after_jump(jumps[i].passed_us, jumps[i].sequence, jumps[i].timestamp), 102);
        assert_int_equal(ph_rtp_scene_figures(&scene).video.lost, 0);
        assert_keyframe_is_asked_for();
        ph_rtp_scene_finish(&scene);
    }
}

static void a_leap_over_many_packets_is_not_waited_for(void **state) {
    (void)state;
    ph_rtp_scene_init(&scene, "obs", NULL);
    ph_rtp_scene_video(&scene, 0, 0, "\x65");
    ph_rtp_scene_video(&scene, 2, 0, "\x41");
    ph_rtp_scene_video(&scene, 2000, 0, "\x41");
    assert_int_equal(scene.forwarded_count, 3);
    assert_int_equal(ph_rtp_scene_figures(&scene).video.lost, 1 + 1997);
    ph_rtp_scene_pass(&scene, 20000);
    assert_int_equal(ph_rtp_scene_sent(&scene, PH_RTCP_PAYLOAD_FEEDBACK, 1, NULL), 1);
    assert_int_equal(ph_rtp_scene_sent(&scene, PH_RTCP_TRANSPORT_FEEDBACK, 1, NULL), 0);
    ph_rtp_scene_finish(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_over_when_every_stream_said_bye_and_stayed_silent),
        cmocka_unit_test(a_stream_that_goes_on_after_its_bye_was_not_over),
        cmocka_unit_test(a_publisher_that_checks_after_its_bye_pauses),
        cmocka_unit_test(another_source_waits_until_the_first_is_silent),
        cmocka_unit_test(before_another_source_of_a_picture_a_number_is_left_out),
        cmocka_unit_test(numbering_that_restarts_goes_on),
        cmocka_unit_test(an_outage_of_thousands_of_packets_is_a_loss),
        cmocka_unit_test(a_jump_that_is_no_outage_counts_no_loss),
        cmocka_unit_test(a_leap_over_many_packets_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
