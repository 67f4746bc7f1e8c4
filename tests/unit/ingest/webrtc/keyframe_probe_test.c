#include "ingest/webrtc/keyframe_probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void payloads_that_begin_a_keyframe_are_known(void **state) {
    (void)state;
    static const struct {
        enum ph_codec codec;
        uint8_t payload[12];
        size_t size;
        bool begins;
    } payloads[] = {
        {PH_CODEC_H264, {0x65}, 1, true},
        {PH_CODEC_H264, {0x67, 0x42}, 2, true},
        {PH_CODEC_H264, {0x41}, 1, false},
        {PH_CODEC_H264, {0x06}, 1, false},
        {PH_CODEC_H264, {0x7C, 0x85}, 2, true},
        {PH_CODEC_H264, {0x7C, 0x05}, 2, false},
        {PH_CODEC_H264, {0x7C, 0x81}, 2, false},
        {PH_CODEC_H264, {0x7C}, 1, false},
        {PH_CODEC_H264, {0x78, 0, 2, 0x09, 0x10, 0, 1, 0x67}, 8, true},
        {PH_CODEC_H264, {0x78, 0, 2, 0x09, 0x10, 0, 1, 0x41}, 8, false},
        {PH_CODEC_H264, {0x78, 0xFF, 0xFF, 0x67}, 4, false},
        {PH_CODEC_VP8, {0x10, 0x50}, 2, true},
        {PH_CODEC_VP8, {0x10, 0x51}, 2, false},
        {PH_CODEC_VP8, {0x00, 0x50}, 2, false},
        {PH_CODEC_VP8, {0x11, 0x50}, 2, false},
        {PH_CODEC_VP8, {0x90, 0xF0, 0x80, 0x01, 0x02, 0x03, 0x50}, 7, true},
        {PH_CODEC_VP8, {0x90, 0xC0, 0x81, 0x01, 0x02, 0x50}, 6, true},
        {PH_CODEC_VP8, {0x90, 0x80, 0x01, 0x51}, 4, false},
        {PH_CODEC_VP8, {0x90, 0xE0, 0x81, 0x01}, 4, false},
        {PH_CODEC_VP9, {0x88}, 1, true},
        {PH_CODEC_VP9, {0xC8}, 1, false},
        {PH_CODEC_VP9, {0x80}, 1, false},
        {PH_CODEC_H265, {0x26, 1}, 2, true},
        {PH_CODEC_H265, {0x40, 1}, 2, true},
        {PH_CODEC_H265, {0x02, 1}, 2, false},
        {PH_CODEC_H265, {0x62, 1, 0x93}, 3, true},
        {PH_CODEC_H265, {0x62, 1, 0x13}, 3, false},
        {PH_CODEC_H265, {0x60, 1, 0, 1, 0x40}, 5, true},
        {PH_CODEC_AV1, {0x18}, 1, true},
        {PH_CODEC_AV1, {0x10}, 1, false},
        {PH_CODEC_OPUS, {0x65}, 1, false},
        {PH_CODEC_H264, {0}, 0, false},
        {PH_CODEC_VP8, {0}, 0, false},
        {PH_CODEC_AV1, {0}, 0, false},
    };
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++)
        if (ph_keyframe_begins(payloads[i].codec, (struct ph_slice){payloads[i].payload, payloads[i].size}) !=
            payloads[i].begins)
            fail_msg("payload %zu of the table is taken for another", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(payloads_that_begin_a_keyframe_are_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
