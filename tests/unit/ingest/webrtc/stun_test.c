/* STUN messages: the test vectors of RFC 5769, and messages that are wrong. */
#include "ingest/webrtc/stun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ingest/webrtc/stun_writer.h"

/* RFC 5769 section 2.1; the password and the transaction of all its short-term vectors. */
static const char vector_password[] = "VOkJxbRl1RmTxUk/WvJxBt";
static const uint8_t vector_request[] = {0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7,
    0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e,
    0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e,
    0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06,
    0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00,
    0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};
/* Section 2.2 */
static const uint8_t vector_answer_v4[] = {0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7,
    0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74,
    0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1,
    0x12, 0xa6, 0x43, 0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74,
    0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c,
    0x96};
/* Section 2.3 */
static const uint8_t vector_answer_v6[] = {0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7,
    0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74,
    0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01,
    0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9, 0x00, 0x08,
    0x00, 0x14, 0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1, 0x17, 0x84, 0xc9, 0x7c, 0x82, 0x92, 0xc2,
    0x75, 0xbf, 0xe3, 0xed, 0x41, 0x80, 0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c};

#define SLICE(bytes) ((struct ph_slice){(bytes), sizeof(bytes)})

static void the_rfc_s_request_is_read(void **state) {
    (void)state;
    struct ph_stun_message message;
    assert_int_equal(ph_stun_parse(SLICE(vector_request), &message), 0);
    assert_int_equal(message.class, PH_STUN_REQUEST);
    assert_int_equal(message.method, PH_STUN_BINDING);
    assert_int_equal(message.username.size, 9);
    assert_memory_equal(message.username.data, "evtj:h6vY", 9);
    assert_int_equal(message.priority, 0x6e0001ff);
    assert_int_equal(message.role, PH_STUN_ROLE_CONTROLLED);
    assert_true(message.tie_breaker == UINT64_C(0x932ff9b151263b36));
    assert_true(message.has_fingerprint);
    assert_false(message.use_candidate);
    assert_int_equal(message.unknown_count, 0);
    assert_true(ph_stun_integrity_holds(&message, vector_password));
    assert_false(ph_stun_integrity_holds(&message, "VOkJxbRl1RmTxUk/WvJxBu"));
}

static void the_rfc_s_answers_hold(void **state) {
    (void)state;
    struct ph_stun_message message;
    assert_int_equal(ph_stun_parse(SLICE(vector_answer_v4), &message), 0);
    assert_int_equal(message.class, PH_STUN_SUCCESS);
    assert_true(message.has_fingerprint);
    assert_true(ph_stun_integrity_holds(&message, vector_password));
    assert_int_equal(ph_stun_parse(SLICE(vector_answer_v6), &message), 0);
    assert_true(ph_stun_integrity_holds(&message, vector_password));
}

/* Our answer to the RFC's request maps the address as the RFC's answer does. */
static void answers_map_addresses_as_the_rfc_does(void **state) {
    (void)state;
    struct ph_stun_message request, answer;
    struct ph_net_address address;
    uint8_t bytes[PH_STUN_MOST_ANSWER_BYTES];
    assert_int_equal(ph_stun_parse(SLICE(vector_request), &request), 0);
    assert_int_equal(ph_net_address_parse_ip(&address, "192.0.2.1"), 0);
    address.port = 32853;
    size_t size = ph_stun_write_success(bytes, &request, &address, vector_password);
    assert_int_equal(size, 20 + 12 + 24 + 8);
    assert_memory_equal(bytes + 20, vector_answer_v4 + 36, 12);
    assert_int_equal(ph_stun_parse((struct ph_slice){bytes, size}, &answer), 0);
    assert_true(answer.has_fingerprint && ph_stun_integrity_holds(&answer, vector_password));
    assert_int_equal(ph_net_address_parse_ip(&address, "2001:db8:1234:5678:11:2233:4455:6677"), 0);
    address.port = 32853;
    size = ph_stun_write_success(bytes, &request, &address, vector_password);
    assert_int_equal(size, 20 + 24 + 24 + 8);
    assert_memory_equal(bytes + 20, vector_answer_v6 + 36, 24);
    assert_int_equal(ph_stun_parse((struct ph_slice){bytes, size}, &answer), 0);
    assert_true(answer.has_fingerprint && ph_stun_integrity_holds(&answer, vector_password));
}

static void a_failure_names_what_was_not_understood(void **state) {
    (void)state;
    uint8_t request[STUN_CHECK_MOST_BYTES], bytes[PH_STUN_MOST_ANSWER_BYTES];
    struct ph_stun_message message;
    struct stun_answer answer;
    size_t size = stun_check_write(request,
        &(struct stun_check){.username = "a:b", .password = "p", .unknown = 0x7777, .transaction = 9});
    assert_int_equal(ph_stun_parse((struct ph_slice){request, size}, &message), 0);
    assert_int_equal(message.unknown_count, 1);
    assert_int_equal(message.unknown[0], 0x7777);
    size = ph_stun_write_failure(bytes, &message, PH_STUN_UNKNOWN_ATTRIBUTE, "p");
    assert_true(stun_answer_read((struct ph_slice){bytes, size}, 9, "p", &answer));
    assert_false(answer.is_success);
    assert_int_equal(answer.error_code, 420);
    static const uint8_t named[] = {0x00, 0x0a, 0x00, 0x02, 0x77, 0x77, 0x00, 0x00};
    assert_memory_equal(bytes + 28, named, sizeof(named));
}

/* The most that an answer can say still fits: the writer has no other bound. */
static void the_largest_failure_fits(void **state) {
    (void)state;
    uint8_t bytes[PH_STUN_MOST_ANSWER_BYTES];
    struct ph_stun_message message = {.unknown_count = PH_STUN_MOST_UNKNOWN};
    size_t size = ph_stun_write_failure(bytes, &message, PH_STUN_UNKNOWN_ATTRIBUTE, "p");
    assert_in_range(size, 60, PH_STUN_MOST_ANSWER_BYTES);
}

static void every_changed_bit_is_noticed(void **state) {
    (void)state;
    uint8_t bytes[sizeof(vector_request)];
    struct ph_stun_message message;
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        memcpy(bytes, vector_request, sizeof(bytes));
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        bool passes = ph_stun_parse(SLICE(bytes), &message) == 0 && message.has_fingerprint &&
                      ph_stun_integrity_holds(&message, vector_password);
        assert_false(passes);
    }
}

static void every_cut_is_refused(void **state) {
    (void)state;
    struct ph_stun_message message;
    for (size_t size = 0; size < sizeof(vector_request); size++)
        assert_int_equal(ph_stun_parse((struct ph_slice){vector_request, size}, &message), PH_INVALID_DATA);
}

static void what_follows_integrity_does_not_count(void **state) {
    (void)state;
    uint8_t bytes[STUN_CHECK_MOST_BYTES];
    struct ph_stun_message message;
    size_t size = stun_check_write(
        bytes, &(struct stun_check){.username = "a:b", .password = "p", .without_fingerprint = true});
    static const uint8_t smuggled[] = {0x00, 0x25, 0x00, 0x00};
    memcpy(bytes + size, smuggled, sizeof(smuggled));
    bytes[3] = (uint8_t)(size + sizeof(smuggled) - 20);
    assert_int_equal(ph_stun_parse((struct ph_slice){bytes, size + sizeof(smuggled)}, &message), 0);
    assert_false(message.use_candidate);
    assert_true(ph_stun_integrity_holds(&message, "p"));
}

static void other_protocols_are_told_apart(void **state) {
    (void)state;
    uint8_t bytes[sizeof(vector_request)];
    memcpy(bytes, vector_request, sizeof(bytes));
    assert_true(ph_stun_is_message(SLICE(bytes)));
    assert_false(ph_stun_is_message((struct ph_slice){bytes, 19}));
    bytes[0] = 22; /* DTLS */
    assert_false(ph_stun_is_message(SLICE(bytes)));
    bytes[0] = 0x80; /* RTP */
    assert_false(ph_stun_is_message(SLICE(bytes)));
    bytes[0] = 0;
    bytes[4] = 0; /* no cookie: RFC 3489 */
    assert_false(ph_stun_is_message(SLICE(bytes)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfc_s_request_is_read),
        cmocka_unit_test(the_rfc_s_answers_hold),
        cmocka_unit_test(answers_map_addresses_as_the_rfc_does),
        cmocka_unit_test(a_failure_names_what_was_not_understood),
        cmocka_unit_test(the_largest_failure_fits),
        cmocka_unit_test(every_changed_bit_is_noticed),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(what_follows_integrity_does_not_count),
        cmocka_unit_test(other_protocols_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
