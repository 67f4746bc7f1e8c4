#include "ingest/webrtc/rtp_wire.h"

#include "core/base/cursor.h"

bool ph_rtp_wire_is_rtcp(struct ph_slice packet) {
    return packet.size >= 2 && packet.data[1] >= 192 && packet.data[1] <= 223;
}

static void take_extension(struct ph_rtp_wire *packet, const struct ph_extension_ids *extensions, uint8_t id,
    struct ph_slice value) {
    if (id == extensions->transport_cc && value.size >= 2) {
        packet->has_transport_sequence = true;
        packet->transport_sequence = (uint16_t)(value.data[0] << 8 | value.data[1]);
    } else if (id == extensions->mid) {
        packet->mid = value;
    } else if (id == extensions->rid) {
        packet->rid = value;
    } else if (id == extensions->repaired_rid) {
        packet->repaired_rid = value;
    }
}

enum { one_byte_profile = 0xBEDE, two_byte_profile = 0x100 };

/* RFC 8285 section 4.2: id and length share a byte; 15 ends the list. */
static void take_one_byte_headers(
    struct ph_rtp_wire *packet, const struct ph_extension_ids *extensions, struct ph_cursor cursor) {
    while (ph_cursor_remaining(&cursor)) {
        uint8_t head = ph_cursor_u8(&cursor), id = head >> 4;
        if (id == 15)
            return;
        if (!head)
            continue;
        struct ph_slice value = ph_cursor_take(&cursor, (size_t)(head & 15) + 1);
        if (ph_cursor_ok(&cursor) && id)
            take_extension(packet, extensions, id, value);
    }
}

/* RFC 8285 section 4.3. */
static void take_two_byte_headers(
    struct ph_rtp_wire *packet, const struct ph_extension_ids *extensions, struct ph_cursor cursor) {
    while (ph_cursor_remaining(&cursor)) {
        uint8_t id = ph_cursor_u8(&cursor);
        if (!id)
            continue;
        struct ph_slice value = ph_cursor_take(&cursor, ph_cursor_u8(&cursor));
        if (ph_cursor_ok(&cursor))
            take_extension(packet, extensions, id, value);
    }
}

static void take_extensions(
    struct ph_cursor *cursor, const struct ph_extension_ids *extensions, struct ph_rtp_wire *packet) {
    uint16_t profile = ph_cursor_u16(cursor);
    struct ph_slice block = ph_cursor_take(cursor, (size_t)ph_cursor_u16(cursor) * 4);
    if (profile == one_byte_profile)
        take_one_byte_headers(packet, extensions, ph_cursor_init(block));
    else if (profile >> 4 == two_byte_profile)
        take_two_byte_headers(packet, extensions, ph_cursor_init(block));
}

bool ph_rtp_wire_parse(
    struct ph_slice bytes, const struct ph_extension_ids *extensions, struct ph_rtp_wire *packet) {
    struct ph_cursor cursor = ph_cursor_init(bytes);
    uint8_t first = ph_cursor_u8(&cursor), second = ph_cursor_u8(&cursor);
    *packet = (struct ph_rtp_wire){
        .payload_type = second & 0x7F,
        .marker = second >> 7,
        .sequence = ph_cursor_u16(&cursor),
    };
    packet->timestamp = ph_cursor_u32(&cursor);
    packet->ssrc = ph_cursor_u32(&cursor);
    ph_cursor_skip(&cursor, (size_t)(first & 15) * 4);
    if (first & 0x10)
        take_extensions(&cursor, extensions, packet);
    packet->payload = ph_cursor_rest(&cursor);
    if (!ph_cursor_ok(&cursor) || first >> 6 != 2)
        return false;
    if (!(first & 0x20))
        return true;
    uint8_t padding = packet->payload.size ? packet->payload.data[packet->payload.size - 1] : 0;
    if (!padding || padding > packet->payload.size)
        return false;
    packet->payload.size -= padding;
    return true;
}

static void put_u32(uint8_t *target, uint32_t value) {
    for (int i = 0; i < 4; i++)
        target[i] = (uint8_t)(value >> (24 - 8 * i));
}

void ph_rtp_wire_header_write(uint8_t target[PH_RTP_HEADER_BYTES], const struct ph_rtp_wire *packet) {
    target[0] = 0x80;
    target[1] = (uint8_t)(packet->marker << 7 | packet->payload_type);
    target[2] = (uint8_t)(packet->sequence >> 8);
    target[3] = (uint8_t)packet->sequence;
    put_u32(target + 4, packet->timestamp);
    put_u32(target + 8, packet->ssrc);
}
