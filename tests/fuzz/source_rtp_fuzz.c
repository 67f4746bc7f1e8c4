/* links: ph_transcode ph_media ph_base PkgConfig::AVFORMAT PkgConfig::AVCODEC PkgConfig::AVUTIL m */
#include "core/base/cursor.h"
#include "core/base/log.h"
#include "tests/fuzz/checked_source.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { video_type = 96, audio_type = 97, header_bytes = 12, most_payload = 255 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    av_log_set_level(AV_LOG_QUIET);
    ph_log_set_level(PH_LOG_ERROR);
    return 0;
}

/* A packet of these bytes: bit 7 is its marker; 6: a new timestamp; 5: a number is missing; 4: sound; 3: a
 * timestamp far off; 2: a sender report. */
static struct ph_slice make_unit(struct ph_cursor *input, uint16_t *sequence, uint32_t *timestamp,
    uint8_t unit[header_bytes + most_payload]) {
    uint8_t flags = ph_cursor_u8(input);
    size_t size = ph_cursor_u8(input), left = ph_cursor_remaining(input);
    struct ph_slice payload = ph_cursor_take(input, size < left ? size : left);
    bool is_sound = flags & 0x10;
    sequence[is_sound] += flags & 0x20 ? 2 : 1;
    timestamp[is_sound] += (flags & 0x40 ? (is_sound ? 960 : 3000) : 0) + (flags & 0x08 ? 0x30000000 : 0);
    const uint8_t header[header_bytes] = {0x80,
        flags & 0x04 ? 200 : (uint8_t)((flags & 0x80) | (is_sound ? audio_type : video_type)),
        (uint8_t)(sequence[is_sound] >> 8), (uint8_t)sequence[is_sound], (uint8_t)(timestamp[is_sound] >> 24),
        (uint8_t)(timestamp[is_sound] >> 16), (uint8_t)(timestamp[is_sound] >> 8),
        (uint8_t)timestamp[is_sound], 0, 0, 0, is_sound};
    memcpy(unit, header, header_bytes);
    if (payload.size)
        memcpy(unit + header_bytes, payload.data, payload.size);
    return (struct ph_slice){unit, header_bytes + payload.size};
}

/* Any packets as a publisher's one connection over WHIP: frames come without holes, and the session ends or
 * fails, once. The first byte says which codec. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const connections[] = {
        "{\"number\":1,\"kind\":\"rtp\",\"sdp\":\"m=video 9 RTP/AVP 96\\na=rtpmap:96 H264/90000\\n"
        "m=audio 9 RTP/AVP 97\\na=rtpmap:97 opus/48000/2\\n\"}",
        "{\"number\":1,\"kind\":\"rtp\",\"sdp\":\"m=video 9 RTP/AVP 96\\na=rtpmap:96 VP8/90000\\n"
        "m=audio 9 RTP/AVP 97\\na=rtpmap:97 opus/48000/2\\n\"}",
        "{\"number\":1,\"kind\":\"rtp\",\"sdp\":\"m=audio 9 RTP/AVP 97\\na=rtpmap:97 opus/48000/2\\n\"}",
    };
    if (size == 0)
        return 0;
    struct checked_source checked = {
        .connection = connections[bytes[0] % (sizeof(connections) / sizeof(connections[0]))]};
    if (begin_checked(&checked) < 0)
        return 0;
    struct ph_cursor input = ph_cursor_init((struct ph_slice){bytes + 1, size - 1});
    uint16_t sequence[2] = {0};
    uint32_t timestamp[2] = {0};
    uint8_t unit[header_bytes + most_payload];
    while (ph_cursor_remaining(&input) >= 2 && checked.code == 0)
        feed_checked(&checked, PH_LINK_UNIT, make_unit(&input, sequence, timestamp, unit));
    end_checked(&checked);
    return 0;
}
