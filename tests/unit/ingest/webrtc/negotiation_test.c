#include "ingest/webrtc/negotiation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ingest/webrtc/offer_file.h"

static const struct ph_negotiated_media *video_of(const struct ph_negotiation *negotiation) {
    assert_true(negotiation->video >= 0);
    return &negotiation->media[negotiation->video];
}

static const struct ph_negotiated_media *audio_of(const struct ph_negotiation *negotiation) {
    assert_true(negotiation->audio >= 0);
    return &negotiation->media[negotiation->audio];
}

static void chromium_sends_h264_in_mode_1_with_rtx_and_transport_feedback(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("chromium");
    const struct ph_negotiated_media *video = video_of(&negotiation), *audio = audio_of(&negotiation);
    assert_string_equal(negotiation.ufrag, "Qx7k");
    assert_string_equal(negotiation.pwd, "kV3sJ2nTqL8wYb5rZc1dGf6h");
    assert_int_equal(negotiation.fingerprint_count, 1);
    assert_int_equal(negotiation.fingerprints[0].size, 32);
    assert_int_equal(negotiation.fingerprints[0].bytes[1], 48);
    assert_false(negotiation.dtls_client);
    assert_int_equal(negotiation.candidate_count, 0);
    assert_int_equal(video->codec, PH_CODEC_H264);
    assert_int_equal(video->payload_type, 104);
    assert_int_equal(video->packetization_mode, 1);
    assert_string_equal(video->profile_level_id, "420033");
    assert_int_equal(video->rtx_payload_type, 105);
    assert_int_equal(video->red_payload_type, 100);
    assert_int_equal(video->ulpfec_payload_type, 112);
    assert_int_equal(
        video->feedback, PH_FEEDBACK_NACK | PH_FEEDBACK_PLI | PH_FEEDBACK_TRANSPORT_CC | PH_FEEDBACK_REMB);
    assert_int_equal(video->ssrc, 3051178262U);
    assert_int_equal(video->rtx_ssrc, 1274926905U);
    assert_int_equal(audio->payload_type, 111);
    assert_int_equal(audio->red_payload_type, 63);
    assert_int_equal(audio->clock_rate, 48000);
    assert_int_equal(negotiation.extensions.transport_cc, 3);
    assert_int_equal(negotiation.extensions.mid, 4);
    assert_int_equal(negotiation.extensions.rid, 10);
    assert_int_equal(negotiation.extensions.repaired_rid, 11);
    assert_int_equal(audio->extensions.rid, 0);
}

static void firefox_sends_vp8(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("firefox");
    const struct ph_negotiated_media *video = video_of(&negotiation);
    assert_int_equal(video->codec, PH_CODEC_VP8);
    assert_int_equal(video->payload_type, 120);
    assert_int_equal(video->rtx_payload_type, 124);
    assert_int_equal(video->ssrc, 967251403U);
    assert_int_equal(audio_of(&negotiation)->payload_type, 109);
    assert_int_equal(audio_of(&negotiation)->red_payload_type, PH_NO_PAYLOAD_TYPE);
    assert_int_equal(negotiation.fingerprint_count, 1);
}

static void obs_describes_its_transport_at_session_level(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("obs");
    assert_string_equal(negotiation.ufrag, "3x9F");
    assert_int_equal(negotiation.candidate_count, 3);
    assert_int_equal(negotiation.candidates[2].transport, PH_ICE_TCP_ACTIVE);
    assert_string_equal(negotiation.candidates[1].address, "2001:db8::15");
    assert_true(negotiation.bundle);
    assert_int_equal(video_of(&negotiation)->rtx_payload_type, 97);
}

static void gstreamer_bundles_an_m_line_with_port_0(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("gstreamer_whipsink");
    const struct ph_negotiated_media *video = video_of(&negotiation);
    assert_int_equal(negotiation.video, 0);
    assert_int_equal(negotiation.audio, 1);
    assert_int_equal(video->codec, PH_CODEC_H264);
    assert_string_equal(video->profile_level_id, "42c01f");
    assert_non_null(
        strstr(video->fmtp, "sprop-parameter-sets=Z0LAH9kAUAW7ARAAAAMAEAAAAwPA8YMkgA==,aMuDyyA="));
    assert_int_equal(video->rtx_payload_type, 101);
    assert_int_equal(video->red_payload_type, 98);
}

static void unity_offers_a_data_channel_that_is_rejected(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("unity");
    assert_int_equal(negotiation.media_count, 3);
    assert_false(negotiation.media[2].accepted);
    assert_non_null(negotiation.media[2].rejection);
    assert_string_equal(negotiation.media[2].format, "webrtc-datachannel");
    assert_string_equal(video_of(&negotiation)->profile_level_id, "42e033");
}

static void ffmpeg_wants_to_be_the_dtls_server(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("ffmpeg");
    assert_true(negotiation.dtls_client);
    assert_int_equal(video_of(&negotiation)->feedback, 0);
    assert_string_equal(video_of(&negotiation)->profile_level_id, "422001f");
    assert_int_equal(audio_of(&negotiation)->ssrc, 3141592653U);
}

static void of_simulcast_the_highest_encoding_is_taken(void **state) {
    (void)state;
    static const struct {
        const char *rids, *chosen;
    } offers[] = {
        {"a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;~h;f,h", "f"},
        {"a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\na=simulcast:send l;m;h", "h"},
        {"a=rid:0 send\r\na=rid:1 send\r\na=simulcast:send 0;1", "0"},
        {"a=rid:a send max-width=320\r\na=rid:b send max-width=1280;max-fps=30\r\na=simulcast:send a;b", "b"},
        {"a=rid:x send pt=96\r\na=simulcast:recv y send x", "x"},
        {"a=rid:x send pt=1;max-width=9\r\na=rid:y send pt=1,96\r\na=simulcast:send x;y", "y"},
        {"a=rid:x send pt=1\r\na=simulcast:send x", ""},
        {"a=rid:x recv\r\na=simulcast:recv x", ""},
        {"a=simulcast:send q;f", ""},
    };
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        char *text = ph_offer_read_changed("sdp_offer/simulcast", offers[0].rids, offers[i].rids);
        struct ph_negotiation negotiation;
        assert_int_equal(ph_negotiation_parse(ph_offer_slice(text), PH_CODECS_USUAL, &negotiation, NULL), 0);
        assert_string_equal(video_of(&negotiation)->rid, offers[i].chosen);
        free(text);
    }
}

static void feedback_for_any_payload_type_counts(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("simulcast");
    assert_int_equal(video_of(&negotiation)->feedback, PH_FEEDBACK_NACK | PH_FEEDBACK_PLI | PH_FEEDBACK_REMB);
}

static void audio_alone_needs_no_bundle(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("audio_only");
    assert_int_equal(negotiation.video, -1);
    assert_int_equal(negotiation.audio, 0);
    assert_false(negotiation.bundle);
    assert_int_equal(negotiation.fingerprint_count, 1);
    assert_int_equal(negotiation.fingerprints[0].hash, PH_FINGERPRINT_SHA256);
}

/* Parses an offer with one text replaced. */
static int negotiate_changed(const char *name, const char *from, const char *to, unsigned codecs,
    struct ph_negotiation *negotiation, struct ph_error *error) {
    char path[128];
    snprintf(path, sizeof(path), "sdp_offer/%s", name);
    char *text = ph_offer_read_changed(path, from, to);
    int code = ph_negotiation_parse(ph_offer_slice(text), codecs, negotiation, error);
    free(text);
    return code;
}

static void codecs_follow_what_workers_carry(void **state) {
    (void)state;
    static const struct {
        unsigned codecs;
        int payload_type;
    } choices[] = {{PH_CODECS_USUAL, 104}, {PH_CODEC_BIT(PH_CODEC_VP8), 96}, {PH_CODEC_BIT(PH_CODEC_VP9), 45},
        {PH_CODEC_BIT(PH_CODEC_AV1), 39}, {PH_CODEC_BIT(PH_CODEC_H265), 114},
        {PH_CODEC_BIT(PH_CODEC_H265) | PH_CODEC_BIT(PH_CODEC_AV1), 114}};
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        struct ph_negotiation negotiation;
        assert_int_equal(negotiate_changed("chromium", "s=-", "s=x",
                             choices[i].codecs | PH_CODEC_BIT(PH_CODEC_OPUS), &negotiation, NULL),
            0);
        assert_int_equal(video_of(&negotiation)->payload_type, choices[i].payload_type);
    }
}

static void packetization_mode_0_is_taken_when_1_is_not_there(void **state) {
    (void)state;
    struct ph_negotiation negotiation;
    assert_int_equal(
        negotiate_changed("obs", "packetization-mode=1;", "", PH_CODECS_USUAL, &negotiation, NULL), 0);
    assert_int_equal(video_of(&negotiation)->packetization_mode, 0);
    assert_int_equal(negotiate_changed("obs", "packetization-mode=1;", "packetization-mode=2;",
                         PH_CODECS_USUAL, &negotiation, NULL),
        -ENOTSUP);
}

static void the_level_is_repeated_unless_asymmetry_is_allowed(void **state) {
    (void)state;
    struct ph_negotiation negotiation;
    assert_int_equal(negotiate_changed("obs", "level-asymmetry-allowed=1", "level-asymmetry-allowed=0",
                         PH_CODECS_USUAL, &negotiation, NULL),
        0);
    assert_string_equal(video_of(&negotiation)->profile_level_id, "42e01f");
    assert_int_equal(negotiate_changed("obs", "42e01f", "640034", PH_CODECS_USUAL, &negotiation, NULL), 0);
    assert_string_equal(video_of(&negotiation)->profile_level_id, "640034");
    assert_int_equal(negotiate_changed("obs", "42e01f", "4\"e01f", PH_CODECS_USUAL, &negotiation, NULL), 0);
    assert_string_equal(video_of(&negotiation)->profile_level_id, "");
}

static void rtx_goes_with_nack(void **state) {
    (void)state;
    struct ph_negotiation negotiation;
    assert_int_equal(
        negotiate_changed("obs", "a=rtcp-fb:96 nack\r\n", "", PH_CODECS_USUAL, &negotiation, NULL), 0);
    assert_int_equal(video_of(&negotiation)->rtx_payload_type, PH_NO_PAYLOAD_TYPE);
}

static void an_extension_that_means_another_id_elsewhere_is_not_used_there(void **state) {
    (void)state;
    struct ph_negotiation negotiation;
    assert_int_equal(negotiate_changed("unity", "a=mid:1\r\na=extmap:4 http", "a=mid:1\r\na=extmap:5 http",
                         PH_CODECS_USUAL, &negotiation, NULL),
        0);
    assert_int_equal(negotiation.extensions.transport_cc, 4);
    assert_int_equal(audio_of(&negotiation)->extensions.transport_cc, 0);
    assert_int_equal(audio_of(&negotiation)->feedback, 0);
}

static void an_m_line_that_sends_nothing_leaves_the_other(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        int video, audio;
    } changes[] = {
        {"a=mid:0\r\n", "a=mid:0\r\na=recvonly\r\n", 1, 0}, /* the later direction counts */
        {"m=audio 58213", "m=audio 0", 1, -1},
        {"m=audio 58213", "m=text 58213", 1, -1},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct ph_negotiation negotiation;
        struct ph_error error;
        assert_int_equal(
            negotiate_changed("obs", changes[i].from, changes[i].to, PH_CODECS_USUAL, &negotiation, &error),
            0);
        assert_int_equal(negotiation.video, changes[i].video);
        assert_int_equal(negotiation.audio, changes[i].audio);
        assert_int_equal(negotiation.media_count, 2);
    }
}

static void sound_without_its_picture_is_refused_with_a_reason(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *reason;
    } changes[] = {
        {"a=group:BUNDLE 0 1", "a=group:BUNDLE 1",
            "M-line 1 of the offer, audio, cannot be taken: it is not in"},
        {"a=group:BUNDLE 0 1", "a=group:BUNDLE 0",
            "M-line 2 of the offer, video, cannot be taken: it is not in"},
        {"a=group:BUNDLE 0 1\r\n", "", "without a=group:BUNDLE"},
        {"m=video 58213 UDP/TLS/RTP/SAVPF", "m=video 58213 RTP/AVP", "UDP/TLS/RTP/SAVPF"},
        {"a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus/48000", "no audio codec"},
        {"a=rtpmap:96 H264/90000", "a=rtpmap:96 H263/90000", "no video codec"},
        {"a=rtcp-mux\r\na=rtpmap:96", "a=rtpmap:96", "a=rtcp-mux"},
        {"m=video", "m=audio", "one m-line of its type is taken already"},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct ph_negotiation negotiation;
        struct ph_error error = {0};
        assert_int_equal(
            negotiate_changed("obs", changes[i].from, changes[i].to, PH_CODECS_USUAL, &negotiation, &error),
            -ENOTSUP);
        if (!strstr(error.text, changes[i].reason))
            fail_msg("'%s' does not say '%s'", error.text, changes[i].reason);
    }
}

static void two_m_lines_of_one_mid_are_refused(void **state) {
    (void)state;
    struct ph_negotiation negotiation;
    struct ph_error error = {0};
    assert_int_equal(negotiate_changed("obs", "a=mid:1", "a=mid:0", PH_CODECS_USUAL, &negotiation, &error),
        PH_INVALID_DATA);
    assert_non_null(strstr(error.text, "same a=mid"));
}

static void what_cannot_be_taken_is_refused_with_a_reason(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        int code;
        const char *reason;
    } changes[] = {
        {"v=0", "{\"sdp\":\"v=0", PH_INVALID_DATA, "first line has to be v=0"},
        {"t=0 0", "t=0 0\r\nhello", PH_INVALID_DATA, "Line 5 of the offer"},
        {"m=audio", "m=audio-of-a-type-whose-name-is-too-long-to-be-true", PH_INVALID_DATA, "malformed"},
        {"m=audio 9", "m=audio 70000", PH_INVALID_DATA, "malformed"},
        {"a=fingerprint:SHA-256 0B", "a=fingerprint:SHA-256 0", -ENOTSUP, "a=fingerprint"},
        {"a=rtcp-mux", "a=x", -ENOTSUP, "it lacks a=rtcp-mux"},
        {"a=sendonly", "a=recvonly", -ENOTSUP, "it sends nothing"},
        {"a=ice-ufrag:abcd", "a=ice-ufrag:abc", PH_INVALID_DATA, "4 to 256"},
        {"a=ice-ufrag:abcd", "a=x", -ENOTSUP, "a=ice-ufrag"},
        {"a=ice-ufrag:abcd", "a=ice-ufrag:ab:d", PH_INVALID_DATA, "a=ice-ufrag"},
        {"a=ice-pwd:abcdefghijklmnopqrstuv", "a=ice-pwd:abc", PH_INVALID_DATA, "22 to 256"},
        {"t=0 0", "t=0 0\r\na=ice-lite", -ENOTSUP, "a=ice-lite"},
        {"opus", "PCMU", -ENOTSUP, "opus/48000/2"},
        {"m=audio", "a=m", -ENOTSUP, "no m-line"},
        {"a=sendonly", "a=mid:abcdefghijklmnopqrstuvwxyzabcdefg", PH_INVALID_DATA, "a=mid"},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct ph_negotiation negotiation;
        struct ph_error error = {0};
        int code = negotiate_changed(
            "audio_only", changes[i].from, changes[i].to, PH_CODECS_USUAL, &negotiation, &error);
        assert_int_equal(code, changes[i].code);
        if (!strstr(error.text, changes[i].reason))
            fail_msg("'%s' does not say '%s'", error.text, changes[i].reason);
    }
}

static void sizes_have_limits(void **state) {
    (void)state;
    struct ph_negotiation negotiation;
    struct ph_error error;
    char *text = calloc(1, 70000);
    assert_non_null(text);
    strcpy(text, "v=0\r\n");
    memset(text + 5, 'a', 69000);
    assert_int_equal(
        ph_negotiation_parse(ph_offer_slice(text), PH_CODECS_USUAL, &negotiation, &error), PH_INVALID_DATA);
    strcpy(text, "v=0\r\n");
    for (size_t i = 0; i < 17; i++)
        strcat(text, "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n");
    assert_int_equal(
        ph_negotiation_parse(ph_offer_slice(text), PH_CODECS_USUAL, &negotiation, &error), PH_INVALID_DATA);
    strcpy(text, "v=0\r\n");
    for (size_t i = 0; i < 2100; i++)
        strcat(text, "a=x\r\n");
    assert_int_equal(
        ph_negotiation_parse(ph_offer_slice(text), PH_CODECS_USUAL, &negotiation, &error), PH_INVALID_DATA);
    free(text);
    assert_int_equal(ph_negotiation_parse((struct ph_slice){NULL, 0}, PH_CODECS_USUAL, &negotiation, &error),
        PH_INVALID_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chromium_sends_h264_in_mode_1_with_rtx_and_transport_feedback),
        cmocka_unit_test(firefox_sends_vp8),
        cmocka_unit_test(obs_describes_its_transport_at_session_level),
        cmocka_unit_test(gstreamer_bundles_an_m_line_with_port_0),
        cmocka_unit_test(unity_offers_a_data_channel_that_is_rejected),
        cmocka_unit_test(ffmpeg_wants_to_be_the_dtls_server),
        cmocka_unit_test(of_simulcast_the_highest_encoding_is_taken),
        cmocka_unit_test(feedback_for_any_payload_type_counts),
        cmocka_unit_test(audio_alone_needs_no_bundle),
        cmocka_unit_test(codecs_follow_what_workers_carry),
        cmocka_unit_test(packetization_mode_0_is_taken_when_1_is_not_there),
        cmocka_unit_test(the_level_is_repeated_unless_asymmetry_is_allowed),
        cmocka_unit_test(rtx_goes_with_nack),
        cmocka_unit_test(an_extension_that_means_another_id_elsewhere_is_not_used_there),
        cmocka_unit_test(an_m_line_that_sends_nothing_leaves_the_other),
        cmocka_unit_test(sound_without_its_picture_is_refused_with_a_reason),
        cmocka_unit_test(two_m_lines_of_one_mid_are_refused),
        cmocka_unit_test(what_cannot_be_taken_is_refused_with_a_reason),
        cmocka_unit_test(sizes_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
