#include "core/media/source_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/support/allocation_failure.h"

static struct ph_slice text_slice(const char *text) {
    return (struct ph_slice){(const uint8_t *)text, strlen(text)};
}

static struct ph_slice built(const struct ph_builder *builder) {
    return (struct ph_slice){builder->data, builder->size};
}

static struct ph_link_hello example_hello(void) {
    static const uint8_t state[] = {0, 1, 2, 255, 254};
    return (struct ph_link_hello){.session = strdup("abc"),
        .is_recorded = true,
        .ladder = strdup("1080p30@4500k"),
        .preset = strdup("auto"),
        .encoder = strdup("libx264"),
        .origins = {strdup("http://127.0.0.1:8080"), strdup("http://[::1]:81")},
        .publish_token = strdup("token"),
        .part_ms = 200,
        .segment_ms = 2000,
        .reconnect_window_ms = 60000,
        .epoch_time_us = 5,
        .epoch_utc_us = INT64_C(1700000000000000),
        .durable_state = ph_bytes_copy(state, 4),
        .published_state = ph_bytes_copy(state, 5),
        .durable_replay_from = 7,
        .published_replay_from = 9};
}

/* Parses whatever the frame is. */
static int parse_any(const struct ph_link_frame *frame) {
    struct ph_link_entry entry;
    struct ph_link_ack ack;
    struct ph_link_hello hello;
    struct ph_link_reason reason;
    struct ph_link_stats stats;
    int64_t time_us;
    uint64_t index;
    int code = 0;
    switch (frame->type) {
    case PH_LINK_HELLO:
        code = ph_link_hello_parse(frame, &hello);
        if (!code)
            ph_link_hello_finish(&hello);
        return code;
    case PH_LINK_CONNECTION:
    case PH_LINK_UNIT:
    case PH_LINK_GONE:
    case PH_LINK_END:
        return ph_link_entry_parse(frame, &entry);
    case PH_LINK_TICK:
        return ph_link_tick_parse(frame, &time_us);
    case PH_LINK_ACCEPT:
        return ph_link_accept_parse(frame, &index);
    case PH_LINK_ACK:
        return ph_link_ack_parse(frame, &ack);
    case PH_LINK_REFUSE:
    case PH_LINK_FAILED:
        return ph_link_reason_parse(frame, &reason);
    case PH_LINK_STATS:
        return ph_link_stats_from_json(frame->payload, &stats);
    default:
        return 0;
    }
}

static void write_every_message(struct ph_builder *builder) {
    uint8_t nonces[64] = {1, 2, 3};
    struct ph_link_hello hello = example_hello();
    assert_int_equal(ph_link_hello_write(builder, &hello), 0);
    ph_link_hello_finish(&hello);
    struct ph_link_connection connection = {.number = 3, .kind = "rtp", .sdp = "v=0\r\n"};
    char *json = ph_link_connection_to_json(&connection);
    ph_link_entry_write(builder,
        &(struct ph_link_entry){PH_LINK_CONNECTION, .index = 0, .time_us = 1, .bytes = text_slice(json)});
    free(json);
    ph_link_entry_write(
        builder, &(struct ph_link_entry){PH_LINK_UNIT, .index = 1, .time_us = 2, .bytes = text_slice("G…")});
    ph_link_tick_write(builder, 50000);
    ph_link_entry_write(builder, &(struct ph_link_entry){PH_LINK_GONE, .index = 2, .time_us = 3});
    ph_link_entry_write(builder,
        &(struct ph_link_entry){PH_LINK_END, .index = 3, .time_us = 4, .bytes = text_slice("shutdown")});
    ph_link_frame_write(builder, PH_LINK_AUTH, nonces, 64);
    ph_link_frame_write(builder, PH_LINK_CHALLENGE, nonces, 32);
    ph_link_frame_write(builder, PH_LINK_AUTH_OK, nonces, 32);
    ph_link_accept_write(builder, 77);
    ph_link_ack_write(
        builder, &(struct ph_link_ack){{5, text_slice("durable")}, {8, (struct ph_slice){NULL, 0}}});
    ph_link_frame_write(builder, PH_LINK_KEYFRAME, NULL, 0);
    struct ph_link_reason reason = {.code = "busy", .text = "no room"};
    assert_int_equal(ph_link_reason_write(builder, PH_LINK_REFUSE, &reason), 0);
    assert_int_equal(ph_link_reason_write(builder, PH_LINK_FAILED, &reason), 0);
    json = ph_link_stats_to_json(&(struct ph_link_stats){.speed = 1.5, .frames_in = 30});
    ph_link_frame_write(builder, PH_LINK_STATS, json, strlen(json));
    free(json);
    ph_link_frame_write(builder, PH_LINK_FINISHED, NULL, 0);
}

static void every_message_parses_and_no_truncation_of_the_stream_does(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    write_every_message(&builder);
    size_t offset = 0, messages = 0;
    while (offset < builder.size) {
        struct ph_slice rest = {builder.data + offset, builder.size - offset};
        struct ph_link_frame frame;
        size_t consumed;
        assert_int_equal(ph_link_frame_parse(rest, &frame, &consumed), 0);
        assert_int_equal(parse_any(&frame), 0);
        for (size_t size = 0; size < consumed; size++) {
            struct ph_link_frame cut;
            size_t taken;
            uint8_t *copy = malloc(size ? size : 1);
            memcpy(copy, rest.data, size);
            assert_int_equal(ph_link_frame_parse((struct ph_slice){copy, size}, &cut, &taken), -EAGAIN);
            assert_int_equal(taken, 0);
            free(copy);
        }
        offset += consumed;
        messages++;
    }
    assert_int_equal(messages, 16);
    ph_builder_discard(&builder);
}

static void every_truncated_payload_is_invalid_or_a_shorter_message(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    write_every_message(&builder);
    size_t offset = 0;
    while (offset < builder.size) {
        struct ph_link_frame frame;
        size_t consumed;
        assert_int_equal(ph_link_frame_parse((struct ph_slice){builder.data + offset, builder.size - offset},
                             &frame, &consumed),
            0);
        bool opaque =
            frame.type == PH_LINK_AUTH || frame.type == PH_LINK_CHALLENGE || frame.type == PH_LINK_AUTH_OK;
        bool free_tail =
            frame.type == PH_LINK_CONNECTION || frame.type == PH_LINK_UNIT || frame.type == PH_LINK_END;
        for (size_t size = 0; size < frame.payload.size && !opaque; size++) {
            uint8_t *copy = malloc(size ? size : 1);
            memcpy(copy, frame.payload.data, size);
            struct ph_link_frame cut = {frame.type, {copy, size}};
            int expected = free_tail && size >= 16 ? 0 : PH_INVALID_DATA;
            assert_int_equal(parse_any(&cut), expected);
            free(copy);
        }
        offset += consumed;
    }
    ph_builder_discard(&builder);
}

static void hello_keeps_every_member(void **state) {
    (void)state;
    struct ph_link_hello hello = example_hello(), read;
    struct ph_builder builder = {0};
    assert_int_equal(ph_link_hello_write(&builder, &hello), 0);
    struct ph_link_frame frame;
    size_t consumed;
    assert_int_equal(ph_link_frame_parse(built(&builder), &frame, &consumed), 0);
    assert_int_equal(ph_link_hello_parse(&frame, &read), 0);
    assert_string_equal(read.session, "abc");
    assert_string_equal(read.ladder, "1080p30@4500k");
    assert_string_equal(read.preset, "auto");
    assert_string_equal(read.encoder, "libx264");
    assert_string_equal(read.origins[0], "http://127.0.0.1:8080");
    assert_string_equal(read.origins[1], "http://[::1]:81");
    assert_null(read.origins[2]);
    assert_string_equal(read.publish_token, "token");
    assert_int_equal(read.part_ms, 200);
    assert_int_equal(read.segment_ms, 2000);
    assert_int_equal(read.reconnect_window_ms, 60000);
    assert_int_equal(read.epoch_time_us, 5);
    assert_int_equal(read.epoch_utc_us, INT64_C(1700000000000000));
    assert_int_equal(ph_bytes_size(read.durable_state), 4);
    assert_int_equal(ph_bytes_size(read.published_state), 5);
    assert_true(read.is_recorded);
    assert_memory_equal(ph_bytes_data(read.published_state), ph_bytes_data(hello.published_state), 5);
    assert_int_equal(read.durable_replay_from, 7);
    assert_int_equal(read.published_replay_from, 9);
    ph_link_hello_finish(&read);
    ph_link_hello_finish(&hello);
    ph_builder_discard(&builder);
}

static void hello_carries_states_of_the_largest_size(void **state) {
    (void)state;
    struct ph_link_hello hello = example_hello(), read;
    ph_bytes_unref(&hello.durable_state);
    ph_bytes_unref(&hello.published_state);
    hello.durable_state = ph_bytes_create(65536);
    hello.published_state = ph_bytes_create(0);
    memset(ph_bytes_writable(hello.durable_state), 0xA5, 65536);
    struct ph_builder builder = {0};
    assert_int_equal(ph_link_hello_write(&builder, &hello), 0);
    struct ph_link_frame frame;
    size_t consumed;
    assert_int_equal(ph_link_frame_parse(built(&builder), &frame, &consumed), 0);
    assert_int_equal(ph_link_hello_parse(&frame, &read), 0);
    assert_int_equal(ph_bytes_size(read.durable_state), 65536);
    assert_memory_equal(ph_bytes_data(read.durable_state), ph_bytes_data(hello.durable_state), 65536);
    assert_int_equal(ph_bytes_size(read.published_state), 0);
    ph_link_hello_finish(&read);
    ph_link_hello_finish(&hello);
    ph_builder_discard(&builder);
}

#define HELLO_WITH(origins, part_ms, durable_state)                                                          \
    "{\"version\":1,\"session\":\"a\",\"ladder\":\"\",\"preset\":\"\",\"encoder\":\"\",\"origins\":" origins \
    ",\"publish_token\":\"\",\"part_ms\":" part_ms                                                           \
    ",\"segment_ms\":1,\"reconnect_window_ms\":1,\"epoch_time_us\":0,\"epoch_utc_us\":0,\"durable_"          \
    "state\":" durable_state                                                                                 \
    ",\"published_state\":null,\"durable_replay_from\":0,\"published_replay_from\":0}"

static int hello_code(const char *text) {
    struct ph_link_frame frame = {PH_LINK_HELLO, text_slice(text)};
    struct ph_link_hello hello;
    int code = ph_link_hello_parse(&frame, &hello);
    if (!code)
        ph_link_hello_finish(&hello);
    return code;
}

static void a_hostile_hello_is_invalid(void **state) {
    (void)state;
    assert_int_equal(hello_code(HELLO_WITH("[\"x\"]", "200", "null")), 0);
    assert_int_equal(hello_code(HELLO_WITH("[\"x\"]", "200", "\"AAA=\"")), 0);
    static const char *const hostile[] = {"", "null", "[]", "{}", "{\"version\":2}",
        HELLO_WITH("[]", "200", "null"), HELLO_WITH("[1]", "200", "null"), HELLO_WITH("\"x\"", "200", "null"),
        HELLO_WITH("[\"x\",\"x\",\"x\",\"x\",\"x\"]", "200", "null"), HELLO_WITH("[\"x\"]", "-1", "null"),
        HELLO_WITH("[\"x\"]", "4294967296", "null"), HELLO_WITH("[\"x\"]", "\"200\"", "null"),
        HELLO_WITH("[\"x\"]", "1.5", "null"), HELLO_WITH("[\"x\"]", "200", "\"AAA\""),
        HELLO_WITH("[\"x\"]", "200", "\"A*A=\""), HELLO_WITH("[\"x\"]", "200", "7"),
        HELLO_WITH("[\"\\u0000\"]", "200", "null")};
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
        assert_int_equal(hello_code(hostile[i]), PH_INVALID_DATA);
}

static void oversized_and_unknown_frames_are_invalid(void **state) {
    (void)state;
    struct ph_link_frame frame;
    size_t consumed;
    const uint8_t huge[] = {0xFF, 0xFF, 0xFF, 0xFF, PH_LINK_UNIT};
    const uint8_t above[] = {0x00, 0x0F, 0xFF, 0xFC, PH_LINK_UNIT};
    const uint8_t largest[] = {0x00, 0x0F, 0xFF, 0xFB, PH_LINK_UNIT};
    const uint8_t unknown[] = {0, 0, 0, 0, 8}, zero[] = {0, 0, 0, 0, 0}, last[] = {0, 0, 0, 0, 25};
    assert_int_equal(ph_link_frame_parse((struct ph_slice){huge, 5}, &frame, &consumed), PH_INVALID_DATA);
    assert_int_equal(ph_link_frame_parse((struct ph_slice){above, 5}, &frame, &consumed), PH_INVALID_DATA);
    assert_int_equal(ph_link_frame_parse((struct ph_slice){largest, 5}, &frame, &consumed), -EAGAIN);
    assert_int_equal(ph_link_frame_parse((struct ph_slice){unknown, 5}, &frame, &consumed), PH_INVALID_DATA);
    assert_int_equal(ph_link_frame_parse((struct ph_slice){zero, 5}, &frame, &consumed), PH_INVALID_DATA);
    assert_int_equal(ph_link_frame_parse((struct ph_slice){last, 5}, &frame, &consumed), PH_INVALID_DATA);
}

static void a_time_before_zero_or_beyond_any_clock_is_invalid(void **state) {
    (void)state;
    const int64_t times[] = {-1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct ph_builder builder = {0};
        struct ph_link_frame frame;
        struct ph_link_entry entry;
        size_t consumed;
        int64_t now_us;
        ph_link_entry_write(&builder, &(struct ph_link_entry){PH_LINK_UNIT, .time_us = times[i]});
        assert_int_equal(ph_link_frame_parse(built(&builder), &frame, &consumed), 0);
        assert_int_equal(ph_link_entry_parse(&frame, &entry), PH_INVALID_DATA);
        ph_builder_clear(&builder);
        ph_link_tick_write(&builder, times[i]);
        assert_int_equal(ph_link_frame_parse(built(&builder), &frame, &consumed), 0);
        assert_int_equal(ph_link_tick_parse(&frame, &now_us), PH_INVALID_DATA);
        ph_builder_discard(&builder);
    }
}

static void an_ack_with_trailing_bytes_or_a_large_state_is_invalid(void **state) {
    (void)state;
    uint8_t payload[25] = {0};
    struct ph_link_ack ack;
    struct ph_link_frame frame = {PH_LINK_ACK, {payload, 24}};
    assert_int_equal(ph_link_ack_parse(&frame, &ack), 0);
    frame.payload.size = 25;
    assert_int_equal(ph_link_ack_parse(&frame, &ack), PH_INVALID_DATA);
    struct ph_builder builder = {0};
    ph_builder_u64(&builder, 0);
    ph_builder_u32(&builder, 65537);
    ph_builder_zeros(&builder, 65537 + 12);
    frame.payload = built(&builder);
    assert_int_equal(ph_link_ack_parse(&frame, &ack), PH_INVALID_DATA);
    ph_builder_discard(&builder);
}

static void ack_keeps_both_checkpoints(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    ph_link_ack_write(
        &builder, &(struct ph_link_ack){{5, text_slice("old")}, {UINT64_MAX, text_slice("newer")}});
    struct ph_link_frame frame;
    struct ph_link_ack ack;
    size_t consumed;
    assert_int_equal(ph_link_frame_parse(built(&builder), &frame, &consumed), 0);
    assert_int_equal(ph_link_ack_parse(&frame, &ack), 0);
    assert_int_equal(ack.durable.replay_from, 5);
    assert_memory_equal(ack.durable.state.data, "old", 3);
    assert_true(ack.published.replay_from == UINT64_MAX);
    assert_int_equal(ack.published.state.size, 5);
    assert_memory_equal(ack.published.state.data, "newer", 5);
    ph_builder_discard(&builder);
}

static void digests_depend_on_role_nonces_and_secret(void **state) {
    (void)state;
    uint8_t a[32] = {1}, b[32] = {2}, digests[4][32];
    ph_link_auth_digest(text_slice("secret"), "ingest", a, b, digests[0]);
    ph_link_auth_digest(text_slice("secret"), "worker", a, b, digests[1]);
    ph_link_auth_digest(text_slice("secret"), "ingest", b, a, digests[2]);
    ph_link_auth_digest(text_slice("other"), "ingest", a, b, digests[3]);
    for (int i = 0; i < 4; i++)
        for (int j = i + 1; j < 4; j++)
            assert_memory_not_equal(digests[i], digests[j], 32);
    /* HMAC-SHA256 of "ingest", 1, 31 zeros, 2, 31 zeros under "secret", by another implementation. */
    static const uint8_t expected[4] = {0xe7, 0x64, 0xf8, 0x9a};
    assert_memory_equal(digests[0], expected, 4);
}

static int hello_scenario(void *opaque) {
    struct ph_slice *text = opaque;
    struct ph_link_frame frame = {PH_LINK_HELLO, *text};
    struct ph_link_hello hello;
    int code = ph_link_hello_parse(&frame, &hello);
    if (code)
        return code;
    struct ph_builder builder = {0};
    code = ph_link_hello_write(&builder, &hello);
    ph_link_hello_finish(&hello);
    ph_builder_discard(&builder);
    return code;
}

static void failing_allocations_leak_nothing(void **state) {
    (void)state;
    struct ph_slice text = text_slice(HELLO_WITH("[\"x\",\"y\"]", "200", "\"AAA=\""));
    ph_test_with_failing_allocations(hello_scenario, &text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_parses_and_no_truncation_of_the_stream_does),
        cmocka_unit_test(every_truncated_payload_is_invalid_or_a_shorter_message),
        cmocka_unit_test(hello_keeps_every_member),
        cmocka_unit_test(hello_carries_states_of_the_largest_size),
        cmocka_unit_test(a_hostile_hello_is_invalid),
        cmocka_unit_test(oversized_and_unknown_frames_are_invalid),
        cmocka_unit_test(a_time_before_zero_or_beyond_any_clock_is_invalid),
        cmocka_unit_test(an_ack_with_trailing_bytes_or_a_large_state_is_invalid),
        cmocka_unit_test(ack_keeps_both_checkpoints),
        cmocka_unit_test(digests_depend_on_role_nonces_and_secret),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
