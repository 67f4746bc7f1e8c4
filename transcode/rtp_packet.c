#include "transcode/rtp_packet.h"

#include "core/base/cursor.h"

enum {
    version = 2,
    extension_flag = 0x10,
    padding_flag = 0x20,
    sender_report = 200,
    /* Second bytes that only RTCP has beside the payload types WebRTC uses. */
    first_rtcp = 192,
    last_rtcp = 223,
};

bool ph_rtp_is_rtcp(struct ph_slice unit) {
    return unit.size >= 2 && unit.data[1] >= first_rtcp && unit.data[1] <= last_rtcp;
}

int ph_rtp_packet_parse(struct ph_slice unit, struct ph_rtp_packet *packet) {
    struct ph_cursor cursor = ph_cursor_init(unit);
    uint8_t first = ph_cursor_u8(&cursor), second = ph_cursor_u8(&cursor);
    *packet = (struct ph_rtp_packet){.marker = second & 0x80, .payload_type = second & 0x7f};
    packet->sequence = ph_cursor_u16(&cursor);
    packet->timestamp = ph_cursor_u32(&cursor);
    packet->ssrc = ph_cursor_u32(&cursor);
    ph_cursor_skip(&cursor, (size_t)(first & 0x0f) * 4);
    if (first & extension_flag) {
        ph_cursor_skip(&cursor, 2);
        ph_cursor_skip(&cursor, (size_t)ph_cursor_u16(&cursor) * 4);
    }
    packet->payload = ph_cursor_rest(&cursor);
    if (!ph_cursor_ok(&cursor) || first >> 6 != version)
        return PH_INVALID_DATA;
    if (!(first & padding_flag))
        return 0;
    size_t padding = packet->payload.size ? packet->payload.data[packet->payload.size - 1] : 0;
    if (padding == 0 || padding > packet->payload.size)
        return PH_INVALID_DATA;
    packet->payload.size -= padding;
    return 0;
}

int ph_rtp_report_parse(struct ph_slice unit, struct ph_rtp_report *report) {
    struct ph_cursor cursor = ph_cursor_init(unit);
    uint8_t first = ph_cursor_u8(&cursor), type = ph_cursor_u8(&cursor);
    ph_cursor_skip(&cursor, 2);
    report->ssrc = ph_cursor_u32(&cursor);
    uint64_t seconds = ph_cursor_u32(&cursor), fraction = ph_cursor_u32(&cursor);
    report->ntp_us = (int64_t)(seconds * 1000000 + (fraction * 1000000 >> 32));
    report->timestamp = ph_cursor_u32(&cursor);
    if (ph_cursor_ok(&cursor) && first >> 6 == version && type == sender_report)
        return 0;
    return unit.size >= 4 && first >> 6 == version && type != sender_report ? -ENOENT : PH_INVALID_DATA;
}
