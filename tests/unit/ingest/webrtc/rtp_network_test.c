#include "tests/unit/ingest/webrtc/rtp_network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"

static const struct ph_network_options usual = {.offer = "firefox",
    .delay_us = 25000,
    .fps = 30,
    .packets_per_frame = 6,
    .first_sequence = 100,
    .seed = 1};

/* Runs for so long, then without loss until the last packets are through. */
static void run(struct ph_network_options options, int64_t duration_us, struct ph_network_seen *seen) {
    struct ph_network *network = ph_network_create(&options);
    ph_network_run(network, duration_us);
    ph_network_set_loss(network, 0);
    ph_network_run(network, PH_SECOND_US);
    ph_network_look(network, seen);
    ph_network_destroy(network);
    assert_int_equal(seen->disorders, 0);
    assert_int_equal(seen->figures.malformed, 0);
    assert_int_equal(seen->figures.unknown, 0);
}

static double share_arrived(const struct ph_network_seen *seen) {
    return 1 - (double)seen->gaps / (double)seen->sent;
}

static double share_recovered(const struct ph_network_seen *seen) {
    const struct ph_rtp_media_figures *video = &seen->figures.video;
    uint64_t gone = video->recovered + video->lost;
    return gone ? (double)video->recovered / (double)gone : 1;
}

static void print(const char *what, const struct ph_network_seen *seen) {
    const struct ph_rtp_figures *figures = &seen->figures;
    print_message(
        "%s: of %llu packets %llu were missing, %llu recovered (%.3f %%), %llu given up, %llu only late; "
        "longest wait %lld ms; %llu numbers asked for, %llu sent again, %llu PLI, RTT %.1f ms, wait %.0f "
        "ms\n",
        what, (unsigned long long)seen->sent, (unsigned long long)figures->video.missing,
        (unsigned long long)figures->video.recovered, 100 * share_recovered(seen),
        (unsigned long long)figures->video.lost, (unsigned long long)figures->video.reordered,
        (long long)seen->longest_wait_us / 1000, (unsigned long long)figures->nacks,
        (unsigned long long)seen->repeated, (unsigned long long)seen->plis, figures->rtt_ms,
        figures->wait_ms);
}

static void without_loss_nothing_waits_and_nothing_is_asked_for(void **state) {
    (void)state;
    struct ph_network_seen seen;
    run(usual, 10 * PH_SECOND_US, &seen);
    assert_int_equal(seen.gaps, 0);
    assert_int_equal(seen.immediate, seen.forwarded);
    assert_int_equal(seen.figures.nacks, 0);
    assert_int_equal(seen.plis, 0); /* the stream begins with a keyframe */
    assert_true(seen.forwarded + 12 >= seen.sent);
    assert_in_range(seen.reports_forwarded, 10, 11);
    assert_in_range(seen.feedback_packets, 180, 240);
    assert_true(seen.figures.rtt_ms > 45 && seen.figures.rtt_ms < 60);
    double bitrate = 30 * 6 * 1112 * 8;
    assert_true(seen.figures.video.bitrate > bitrate * 0.9 && seen.figures.video.bitrate < bitrate * 1.1);
}

static void at_5_percent_loss_nearly_every_packet_is_recovered(void **state) {
    (void)state;
    struct ph_network_seen seen;
    struct ph_network_options options = usual;
    options.loss = 0.05;
    run(options, 60 * PH_SECOND_US, &seen);
    print("5 % loss, 50 ms round trip", &seen);
    assert_true(share_recovered(&seen) > 0.995);
    assert_true(share_arrived(&seen) > 0.9998);
    assert_true(seen.longest_wait_us <= PH_RTP_MOST_WAIT_US);
    assert_true(seen.repeated < seen.figures.video.missing * 5 / 4);
}

static void at_15_percent_loss_most_packets_are_recovered(void **state) {
    (void)state;
    struct ph_network_seen seen;
    struct ph_network_options options = usual;
    options.loss = 0.15;
    run(options, 60 * PH_SECOND_US, &seen);
    print("15 % loss, 50 ms round trip", &seen);
    assert_true(share_recovered(&seen) > 0.99);
    assert_true(share_arrived(&seen) > 0.998);
    assert_true(seen.longest_wait_us <= PH_RTP_MOST_WAIT_US + 2000);
}

static void without_rtx_a_repeated_packet_serves_as_well(void **state) {
    (void)state;
    struct ph_network_seen seen;
    struct ph_network_options options = usual;
    options.loss = 0.05;
    options.without_rtx = true;
    run(options, 20 * PH_SECOND_US, &seen);
    print("5 % loss, no RTX", &seen);
    assert_true(share_recovered(&seen) > 0.99);
    assert_true(share_arrived(&seen) > 0.999);
    options.loss = 0.15;
    run(options, 60 * PH_SECOND_US, &seen);
    print("15 % loss, no RTX", &seen);
    assert_true(share_recovered(&seen) > 0.99);
    assert_true(share_arrived(&seen) > 0.998);
}

static void a_jitter_of_100_ms_loses_nothing(void **state) {
    (void)state;
    struct ph_network_seen seen;
    struct ph_network_options options = usual;
    options.jitter_us = 100000;
    run(options, 20 * PH_SECOND_US, &seen);
    print("100 ms of jitter", &seen);
    assert_int_equal(seen.gaps, 0);
    assert_true(seen.figures.video.jitter_ms > 10);
    /* What is only late is hardly asked for. */
    assert_true(seen.figures.nacks * 5 < seen.figures.video.missing);
    assert_true(seen.longest_wait_us < 150000);
}

static void loss_and_jitter_together_are_held_out(void **state) {
    (void)state;
    struct ph_network_seen seen;
    struct ph_network_options options = usual;
    options.loss = 0.05;
    options.jitter_us = 40000;
    options.duplication = 0.05;
    run(options, 20 * PH_SECOND_US, &seen);
    print("5 % loss, 40 ms of jitter, 5 % twice", &seen);
    assert_true(share_arrived(&seen) > 0.999);
    assert_true(seen.figures.video.duplicates > 0);
}

static void numbers_and_timestamps_wrap_unseen(void **state) {
    (void)state;
    struct ph_network_seen seen;
    struct ph_network_options options = usual;
    options.first_sequence = 65400;
    options.first_timestamp = UINT32_MAX - 90000;
    options.loss = 0.05;
    run(options, 5 * PH_SECOND_US, &seen);
    assert_int_equal(seen.gaps, seen.figures.video.lost);
    assert_true(share_arrived(&seen) > 0.998);
    assert_true(seen.last_timestamp < 90000 * 6);
}

static void what_cannot_be_recovered_is_given_up_and_a_keyframe_asked_for(void **state) {
    (void)state;
    struct ph_network_seen seen;
    struct ph_network *network = ph_network_create(&usual);
    ph_network_run(network, PH_SECOND_US);
    ph_network_lose_for_good(network, 3);
    ph_network_run(network, 2 * PH_SECOND_US);
    ph_network_look(network, &seen);
    assert_int_equal(seen.gaps, 3);
    assert_int_equal(seen.figures.video.lost, 3);
    assert_int_equal(seen.plis, 1);
    assert_int_equal(seen.figures.keyframes, 2);
    assert_true(seen.longest_wait_us <= PH_RTP_MOST_WAIT_US);
    assert_int_equal(seen.disorders, 0);
    ph_network_destroy(network);
}

static void after_two_seconds_of_silence_the_stream_goes_on(void **state) {
    (void)state;
    struct ph_network_seen before, seen;
    struct ph_network *network = ph_network_create(&usual);
    ph_network_run(network, 2 * PH_SECOND_US);
    ph_network_look(network, &before);
    ph_network_cut(network, true);
    ph_network_run(network, 4 * PH_SECOND_US);
    ph_network_cut(network, false);
    ph_network_run(network, PH_SECOND_US);
    ph_network_look(network, &seen);
    assert_int_equal(seen.disorders, 0);
    assert_true(seen.forwarded > before.forwarded + 150);
    assert_true(seen.plis >= 1 && seen.plis <= 3);
    assert_true(seen.figures.keyframes >= 2);
    ph_network_destroy(network);
}

static void a_new_source_goes_on_where_the_old_one_stood(void **state) {
    (void)state;
    struct ph_network_seen before, seen;
    struct ph_network *network = ph_network_create(&usual);
    ph_network_run(network, 2 * PH_SECOND_US);
    ph_network_look(network, &before);
    ph_network_cut(network, true);
    ph_network_run(network, PH_SECOND_US);
    ph_network_change_ssrc(network);
    ph_network_cut(network, false);
    ph_network_run(network, 2 * PH_SECOND_US);
    ph_network_look(network, &seen);
    assert_int_equal(seen.disorders, 0);
    assert_int_equal(seen.gaps, 1); /* before it: what was lost there is not known */
    assert_true(seen.forwarded > before.forwarded + 300);
    assert_in_range(seen.last_timestamp, before.last_timestamp + 90000 * 29 / 10,
        before.last_timestamp + 90000 * 31 / 10);
    ph_network_destroy(network);
}

static void a_publisher_without_feedback_is_waited_for_only_briefly(void **state) {
    (void)state;
    struct ph_network_seen seen;
    struct ph_network_options options = usual;
    options.offer = "ffmpeg";
    options.loss = 0.05;
    run(options, 5 * PH_SECOND_US, &seen);
    assert_int_equal(seen.figures.nacks, 0);
    assert_int_equal(seen.figures.plis, 0);
    assert_int_equal(seen.figures.video.lost, seen.gaps);
    assert_true(seen.gaps > 0);
    assert_true(seen.longest_wait_us <= 40000);
}

static void a_publisher_without_pli_recovers_by_rtx(void **state) {
    (void)state;
    struct ph_network_seen seen;
    struct ph_network_options options = usual;
    options.offer = "ffmpeg_9";
    options.loss = 0.05;
    run(options, 5 * PH_SECOND_US, &seen);
    assert_true(seen.figures.nacks > 0);
    assert_int_equal(seen.figures.plis, 0);
    assert_int_equal(seen.gaps, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_loss_nothing_waits_and_nothing_is_asked_for),
        cmocka_unit_test(at_5_percent_loss_nearly_every_packet_is_recovered),
        cmocka_unit_test(at_15_percent_loss_most_packets_are_recovered),
        cmocka_unit_test(without_rtx_a_repeated_packet_serves_as_well),
        cmocka_unit_test(a_jitter_of_100_ms_loses_nothing),
        cmocka_unit_test(loss_and_jitter_together_are_held_out),
        cmocka_unit_test(numbers_and_timestamps_wrap_unseen),
        cmocka_unit_test(what_cannot_be_recovered_is_given_up_and_a_keyframe_asked_for),
        cmocka_unit_test(after_two_seconds_of_silence_the_stream_goes_on),
        cmocka_unit_test(a_new_source_goes_on_where_the_old_one_stood),
        cmocka_unit_test(a_publisher_without_feedback_is_waited_for_only_briefly),
        cmocka_unit_test(a_publisher_without_pli_recovers_by_rtx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
