/* Frames in a TCP stream, however it is cut. */
#include "ingest/webrtc/tcp_framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t stream_bytes[] = {0, 3, 'o', 'n', 'e', 0, 0, 0, 5, 't', 'h', 'r', 'e', 'e', 0, 1, '!'};

/* Feeds the stream in pieces of `size` bytes and writes what came out, each frame in brackets. */
static void feed(size_t size, char *text) {
    struct ph_tcp_framing framing = {.size = 0};
    struct ph_tcp_frame frame;
    *text = '\0';
    for (size_t at = 0; at < sizeof(stream_bytes); at += size) {
        size_t left = sizeof(stream_bytes) - at;
        struct ph_slice piece = {stream_bytes + at, left < size ? left : size};
        while (ph_tcp_framing_next(&framing, &piece, &frame) == 0) {
            strcat(text, "[");
            strncat(text, frame.data ? (const char *)frame.data : "", frame.size);
            strcat(text, "]");
        }
        assert_int_equal(piece.size, 0);
    }
}

static void frames_are_the_same_however_the_stream_is_cut(void **state) {
    (void)state;
    for (size_t size = 1; size <= sizeof(stream_bytes); size++) {
        char text[64];
        feed(size, text);
        assert_string_equal(text, "[one][][three][!]");
    }
}

static void a_frame_that_is_too_large_ends_the_stream(void **state) {
    (void)state;
    struct ph_tcp_framing framing = {.size = 0};
    struct ph_tcp_frame frame;
    const uint8_t header[] = {PH_TCP_FRAME_MOST_BYTES >> 8, (PH_TCP_FRAME_MOST_BYTES & 0xff) + 1};
    struct ph_slice piece = {header, sizeof(header)};
    assert_int_equal(ph_tcp_framing_next(&framing, &piece, &frame), PH_INVALID_DATA);
}

static void the_largest_frame_passes(void **state) {
    (void)state;
    struct ph_tcp_framing framing = {.size = 0};
    struct ph_tcp_frame frame;
    uint8_t bytes[PH_TCP_FRAME_HEADER_BYTES + PH_TCP_FRAME_MOST_BYTES] = {
        PH_TCP_FRAME_MOST_BYTES >> 8, PH_TCP_FRAME_MOST_BYTES & 0xff};
    bytes[sizeof(bytes) - 1] = 'z';
    struct ph_slice piece = {bytes, sizeof(bytes)};
    assert_int_equal(ph_tcp_framing_next(&framing, &piece, &frame), 0);
    assert_int_equal(frame.size, PH_TCP_FRAME_MOST_BYTES);
    assert_int_equal(frame.data[frame.size - 1], 'z');
    assert_int_equal(ph_tcp_framing_next(&framing, &piece, &frame), -EAGAIN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_the_same_however_the_stream_is_cut),
        cmocka_unit_test(a_frame_that_is_too_large_ends_the_stream),
        cmocka_unit_test(the_largest_frame_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
