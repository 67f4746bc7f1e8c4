#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/webrtc/negotiation.h"
#include "tests/unit/ingest/webrtc/offer_file.h"

static const struct ph_ice_candidate candidates[] = {
    {.foundation = "1", .address = "192.0.2.1", .priority = 2130706431, .component = 1, .port = 8000},
    {.foundation = "2",
        .address = "2001:db8::1",
        .priority = 1671430143,
        .component = 1,
        .port = 8000,
        .transport = PH_ICE_TCP_PASSIVE},
};

static const struct ph_local_transport local = {
    .ufrag = "oursufrag",
    .pwd = "ourpasswordofenoughletters",
    .fingerprint_sha256 = {0xAB, 0x01},
    .candidates = candidates,
    .candidate_count = 2,
};

static char *answer_to(const char *name) {
    struct ph_negotiation negotiation = ph_offer_negotiate(name);
    struct ph_builder builder = {0};
    struct ph_answer_rates rates = ph_answer_rates_for(4500000);
    ph_negotiation_answer_write(&builder, &negotiation, &local, &rates, 77);
    char *text = ph_builder_finish_string(&builder);
    assert_non_null(text);
    return text;
}

static void has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}

static void has_not(const char *text, const char *part) {
    if (strstr(text, part))
        fail_msg("'%s' is in:\n%s", part, text);
}

static void a_browser_is_told_one_codec_its_rates_and_our_transport(void **state) {
    (void)state;
    char *text = answer_to("chromium");
    has(text, "v=0\r\no=- 77 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n");
    has(text, "a=group:BUNDLE 0 1\r\n");
    has(text, "m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n");
    has(text, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:111 opus/48000/2\r\n");
    has(text, "m=video 9 UDP/TLS/RTP/SAVPF 104 105\r\n");
    has(text, "b=AS:6750\r\n");
    has(text, "a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=420033;"
              "x-google-start-bitrate=4000;x-google-max-bitrate=6750\r\n");
    has(text, "a=rtpmap:105 rtx/90000\r\na=fmtp:105 apt=104\r\n");
    has(text, "a=rtcp-fb:104 nack\r\na=rtcp-fb:104 nack pli\r\na=rtcp-fb:104 transport-cc\r\n");
    has(text, "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n");
    has(text,
        "a=ice-ufrag:oursufrag\r\na=ice-pwd:ourpasswordofenoughletters\r\na=fingerprint:sha-256 AB:01:00");
    has(text, "a=setup:passive\r\na=candidate:1 1 udp 2130706431 192.0.2.1 8000 typ host\r\n"
              "a=candidate:2 1 tcp 1671430143 2001:db8::1 8000 typ host tcptype passive\r\n"
              "a=end-of-candidates\r\n");
    has(text, "a=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\n");
    has_not(text, "goog-remb");
    has_not(text, "abs-send-time");
    has_not(text, "ulpfec");
    has_not(text, "VP8");
    free(text);
}

static void vp8_gets_its_rates_too(void **state) {
    (void)state;
    char *text = answer_to("firefox");
    has(text, "a=fmtp:120 max-fs=12288;max-fr=60;x-google-start-bitrate=4000;x-google-max-bitrate=6750\r\n");
    free(text);
    text = answer_to("simulcast");
    has(text, "a=fmtp:96 x-google-start-bitrate=4000;x-google-max-bitrate=6750\r\n");
    free(text);
}

static void without_transport_feedback_remb_is_answered(void **state) {
    (void)state;
    char *text = answer_to("obs");
    has(text, "a=rtcp-fb:96 goog-remb\r\n");
    has_not(text, "transport-cc");
    free(text);
}

static void of_simulcast_one_encoding_is_answered(void **state) {
    (void)state;
    char *text = answer_to("simulcast");
    has(text, "a=rid:f recv\r\na=simulcast:recv f\r\n");
    has(text, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n");
    has(text, "a=setup:passive\r\n");
    free(text);
}

static void every_m_line_is_answered_in_order(void **state) {
    (void)state;
    char *text = answer_to("unity");
    char *video = strstr(text, "m=video 9"), *audio = strstr(text, "m=audio 9");
    char *rejected =
        strstr(text, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\n");
    assert_non_null(video);
    assert_true(video < audio && audio < rejected);
    has(text, "a=group:BUNDLE 0 1\r\n");
    free(text);
}

static void a_dtls_server_is_answered_by_a_client(void **state) {
    (void)state;
    char *text = answer_to("ffmpeg");
    has(text, "a=setup:active\r\n");
    has(text, "profile-level-id=422001f;");
    has_not(text, "rtcp-fb");
    free(text);
}

/* ffmpeg 9 sends again what was lost, and takes reduced-size RTCP for its picture alone. */
static void ffmpeg_is_asked_for_what_was_lost(void **state) {
    (void)state;
    char *text = answer_to("ffmpeg_9");
    char *video = strstr(text, "m=video 9 UDP/TLS/RTP/SAVPF 106 105\r\n");
    assert_non_null(video);
    has(text, "a=setup:active\r\n");
    has(video, "a=rtcp-rsize\r\n");
    has(video, "a=rtcp-fb:106 nack\r\n");
    has(video, "a=rtpmap:105 rtx/90000\r\na=fmtp:105 apt=106\r\n");
    has_not(text, "nack pli");
    *video = '\0';
    has_not(text, "a=rtcp-rsize");
    free(text);
}

/* OBS 32.2: its fingerprint for all, its ICE for each, no candidate gathered yet, no RTX. */
static void obs_is_answered_before_it_has_candidates(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("obs_32");
    assert_int_equal(negotiation.candidate_count, 0);
    assert_int_equal(negotiation.fingerprint_count, 1);
    char *text = answer_to("obs_32");
    has(text, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    has(text, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
    has(text, "a=setup:passive\r\n");
    has(text, "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\n");
    free(text);
}

static void a_small_ladder_lowers_the_rates(void **state) {
    (void)state;
    struct ph_answer_rates rates = ph_answer_rates_for(2000000);
    assert_int_equal(rates.ceiling_bps, 3000000);
    assert_int_equal(rates.start_bps, 3000000);
    assert_int_equal(ph_answer_rates_for(500000).ceiling_bps, 2000000);
    assert_int_equal(ph_answer_rates_for(0).start_bps, 0);
    assert_int_equal(ph_answer_rates_for(UINT32_MAX).ceiling_bps, UINT32_MAX);
}

static void a_worker_gets_a_plain_session(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("gstreamer_whipsink");
    struct ph_builder builder = {0};
    ph_negotiation_worker_sdp_write(&builder, &negotiation);
    char *text = ph_builder_finish_string(&builder);
    assert_string_equal(text, "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                              "m=video 9 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                              "a=fmtp:96 packetization-mode=1;profile-level-id=42c01f;"
                              "sprop-parameter-sets=Z0LAH9kAUAW7ARAAAAMAEAAAAwPA8YMkgA==,aMuDyyA=\r\n"
                              "m=audio 9 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_browser_is_told_one_codec_its_rates_and_our_transport),
        cmocka_unit_test(vp8_gets_its_rates_too),
        cmocka_unit_test(without_transport_feedback_remb_is_answered),
        cmocka_unit_test(of_simulcast_one_encoding_is_answered),
        cmocka_unit_test(every_m_line_is_answered_in_order),
        cmocka_unit_test(a_dtls_server_is_answered_by_a_client),
        cmocka_unit_test(ffmpeg_is_asked_for_what_was_lost),
        cmocka_unit_test(obs_is_answered_before_it_has_candidates),
        cmocka_unit_test(a_small_ladder_lowers_the_rates),
        cmocka_unit_test(a_worker_gets_a_plain_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
