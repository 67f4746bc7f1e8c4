#include "ingest/webrtc/sdpfrag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ingest/webrtc/offer_file.h"

static void trickled_candidates_are_taken(void **state) {
    (void)state;
    char *text = ph_offer_read("sdpfrag/trickle");
    struct ph_sdpfrag fragment;
    assert_int_equal(ph_sdpfrag_parse(ph_offer_slice(text), &fragment, NULL), 0);
    assert_string_equal(fragment.ufrag, "EsAw");
    assert_string_equal(fragment.pwd, "P2uYro0UCOQ4zxjKXaWCBui1");
    assert_int_equal(fragment.candidate_count, 4);
    assert_string_equal(fragment.candidates[0].foundation, "1387637174");
    assert_int_equal(fragment.candidates[0].priority, 2122260223U);
    assert_int_equal(fragment.candidates[0].port, 61764);
    assert_int_equal(fragment.candidates[2].transport, PH_ICE_TCP_ACTIVE);
    assert_string_equal(fragment.candidates[3].address, "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9.local");
    assert_true(fragment.end_of_candidates);
    free(text);
}

static void a_restart_names_new_credentials(void **state) {
    (void)state;
    char *text = ph_offer_read("sdpfrag/restart");
    struct ph_sdpfrag fragment;
    assert_int_equal(ph_sdpfrag_parse(ph_offer_slice(text), &fragment, NULL), 0);
    assert_string_equal(fragment.ufrag, "newU");
    assert_false(fragment.end_of_candidates);
    free(text);
}

static void malformed_candidates_are_left_out(void **state) {
    (void)state;
    static const char *const candidates[] = {"", "1", "1 1 udp 1 192.0.2.1 9 typ",
        "1 1 udp 1 192.0.2.1 9 host", "1 0 udp 1 192.0.2.1 9 typ host", "1 1 sctp 1 192.0.2.1 9 typ host",
        "1 1 tcp 1 192.0.2.1 9 typ host", "1 1 tcp 1 192.0.2.1 9 typ host tcptype up",
        "1 1 udp 4294967296 192.0.2.1 9 typ host", "1 1 udp 1 192.0.2.1 65536 typ host",
        "1 1 udp 1 192.0.2.1 9 typ guest", "1 1 udp 1 example.org 9 typ host", "1 1 udp 1 192.0.2 9 typ host",
        "1 1 udp 1 [2001:db8::1] 9 typ host", "? 1 udp 1 192.0.2.1 9 typ host",
        "012345678901234567890123456789012 1 udp 1 192.0.2.1 9 typ host", "1 1 udp -1 192.0.2.1 9 typ host",
        "1 1 udp 1 a_b.local 9 typ host"};
    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        struct ph_ice_candidate candidate;
        if (ph_ice_candidate_parse(ph_offer_slice(candidates[i]), &candidate))
            fail_msg("'%s' was taken", candidates[i]);
    }
}

static void a_candidate_is_written_as_it_was_read(void **state) {
    (void)state;
    static const char *const candidates[] = {"1 1 udp 2130706431 192.0.2.1 8000 typ host",
        "a+/9 2 udp 0 2001:db8::1 0 typ relay", "2 1 tcp 4294967295 ::1 65535 typ srflx tcptype passive",
        "3 1 tcp 7 192.0.2.1 9 typ prflx tcptype so"};
    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        struct ph_ice_candidate candidate;
        struct ph_builder builder = {0};
        assert_true(ph_ice_candidate_parse(ph_offer_slice(candidates[i]), &candidate));
        ph_builder_text(&builder, "");
        ph_ice_candidate_write(&builder, &candidate);
        char *text = ph_builder_finish_string(&builder);
        assert_memory_equal(text, "a=candidate:", 12);
        assert_memory_equal(text + 12, candidates[i], strlen(candidates[i]));
        assert_string_equal(text + 12 + strlen(candidates[i]), "\r\n");
        free(text);
    }
}

static void refused_are_fragments_that_contradict_themselves(void **state) {
    (void)state;
    static const char *const fragments[] = {"hello", "a",
        "a=ice-ufrag:abcd\na=ice-ufrag:abce\na=ice-pwd:abcdefghijklmnopqrstuv\n", "a=ice-ufrag:abcd\n",
        "a=ice-pwd:abcdefghijklmnopqrstuv\n", "a=ice-ufrag:abc\na=ice-pwd:abcdefghijklmnopqrstuv\n",
        "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstu\n",
        "a=ice-ufrag:\na=ice-pwd:abcdefghijklmnopqrstuv\n",
        "a=ice-ufrag:ab:cd\na=ice-pwd:abcdefghijklmnopqrstuv\n"};
    for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
        struct ph_sdpfrag fragment;
        struct ph_error error = {0};
        if (ph_sdpfrag_parse(ph_offer_slice(fragments[i]), &fragment, &error) != PH_INVALID_DATA)
            fail_msg("'%s' was taken", fragments[i]);
        assert_true(strlen(error.text) > 20);
    }
    struct ph_sdpfrag fragment;
    static char long_text[PH_SDPFRAG_MOST_BYTES + 2];
    memset(long_text, '\n', sizeof(long_text) - 1);
    assert_int_equal(ph_sdpfrag_parse(ph_offer_slice(long_text), &fragment, NULL), PH_INVALID_DATA);
    assert_int_equal(ph_sdpfrag_parse((struct ph_slice){NULL, 0}, &fragment, NULL), 0);
}

static void a_restart_is_answered_for_the_first_m_line(void **state) {
    (void)state;
    struct ph_negotiation negotiation = ph_offer_negotiate("obs");
    static const struct ph_ice_candidate candidate = {
        .foundation = "1", .address = "192.0.2.1", .priority = 7, .component = 1, .port = 8000};
    const struct ph_local_transport local = {
        .ufrag = "new1", .pwd = "ourpasswordofenoughletters", .candidates = &candidate, .candidate_count = 1};
    struct ph_builder builder = {0};
    ph_sdpfrag_answer_write(&builder, &negotiation, &local);
    char *text = ph_builder_finish_string(&builder);
    assert_string_equal(text, "a=ice-lite\r\na=ice-options:trickle "
                              "ice2\r\na=ice-ufrag:new1\r\na=ice-pwd:ourpasswordofenoughletters\r\n"
                              "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
                              "a=candidate:1 1 udp 7 192.0.2.1 8000 typ host\r\na=end-of-candidates\r\n");
    struct ph_sdpfrag fragment;
    assert_int_equal(ph_sdpfrag_parse(ph_offer_slice(text), &fragment, NULL), 0);
    assert_string_equal(fragment.ufrag, "new1");
    assert_int_equal(fragment.candidate_count, 1);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trickled_candidates_are_taken),
        cmocka_unit_test(a_restart_names_new_credentials),
        cmocka_unit_test(malformed_candidates_are_left_out),
        cmocka_unit_test(a_candidate_is_written_as_it_was_read),
        cmocka_unit_test(refused_are_fragments_that_contradict_themselves),
        cmocka_unit_test(a_restart_is_answered_for_the_first_m_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
