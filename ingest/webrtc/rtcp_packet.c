#include "ingest/webrtc/rtcp_packet.h"

#include <string.h>

uint64_t ph_ntp_of_us(int64_t time_us) {
    uint64_t seconds = (uint64_t)time_us / 1000000, rest = (uint64_t)time_us % 1000000;
    return seconds << 32 | (rest << 32) / 1000000;
}

bool ph_rtcp_next(struct ph_cursor *compound, struct ph_rtcp_packet *packet) {
    if (!ph_cursor_remaining(compound))
        return false;
    uint8_t first = ph_cursor_u8(compound);
    packet->type = ph_cursor_u8(compound);
    packet->count = first & 31;
    packet->body = ph_cursor_take(compound, (size_t)ph_cursor_u16(compound) * 4);
    if (!ph_cursor_ok(compound) || first >> 6 != 2) {
        compound->failed = true;
        return false;
    }
    if (!(first & 0x20))
        return true;
    uint8_t padding = packet->body.size ? packet->body.data[packet->body.size - 1] : 0;
    if (!padding || padding > packet->body.size) {
        compound->failed = true;
        return false;
    }
    packet->body.size -= padding;
    return true;
}

bool ph_sender_report_parse(struct ph_slice body, struct ph_sender_report *report) {
    struct ph_cursor cursor = ph_cursor_init(body);
    report->ssrc = ph_cursor_u32(&cursor);
    report->ntp = ph_cursor_u64(&cursor);
    report->timestamp = ph_cursor_u32(&cursor);
    report->packets = ph_cursor_u32(&cursor);
    report->octets = ph_cursor_u32(&cursor);
    return ph_cursor_ok(&cursor);
}

/* `body_bytes` is a multiple of four. */
static void write_head(
    struct ph_builder *builder, unsigned count, enum ph_rtcp_type type, size_t body_bytes) {
    ph_builder_u8(builder, (uint8_t)(0x80 | count));
    ph_builder_u8(builder, (uint8_t)type);
    ph_builder_u16(builder, (uint16_t)(body_bytes / 4));
}

void ph_sender_report_write(struct ph_builder *builder, const struct ph_sender_report *report) {
    write_head(builder, 0, PH_RTCP_SENDER_REPORT, 24);
    ph_builder_u32(builder, report->ssrc);
    ph_builder_u64(builder, report->ntp);
    ph_builder_u32(builder, report->timestamp);
    ph_builder_u32(builder, report->packets);
    ph_builder_u32(builder, report->octets);
}

void ph_receiver_report_write(
    struct ph_builder *builder, uint32_t sender, const struct ph_report_block *blocks, size_t count) {
    write_head(builder, (unsigned)count, PH_RTCP_RECEIVER_REPORT, 4 + count * 24);
    ph_builder_u32(builder, sender);
    for (size_t i = 0; i < count; i++) {
        ph_builder_u32(builder, blocks[i].ssrc);
        ph_builder_u32(
            builder, (uint32_t)blocks[i].fraction_lost << 24 | ((uint32_t)blocks[i].lost & 0xFFFFFF));
        ph_builder_u32(builder, blocks[i].highest);
        ph_builder_u32(builder, blocks[i].jitter);
        ph_builder_u32(builder, blocks[i].last_report);
        ph_builder_u32(builder, blocks[i].delay_since_last_report);
    }
}

void ph_sdes_write(struct ph_builder *builder, uint32_t sender, const char *cname) {
    enum { item_cname = 1 };
    size_t size = strlen(cname), chunk = 4 + 2 + size + 1, padded = (chunk + 3) / 4 * 4;
    write_head(builder, 1, PH_RTCP_SDES, padded);
    ph_builder_u32(builder, sender);
    ph_builder_u8(builder, item_cname);
    ph_builder_u8(builder, (uint8_t)size);
    ph_builder_append(builder, cname, size);
    ph_builder_zeros(builder, padded - chunk + 1);
}

static size_t nack_items(const uint16_t *sequences, size_t count) {
    size_t items = 0;
    for (size_t i = 0; i < count; items++) {
        uint16_t first = sequences[i];
        while (i < count && (uint16_t)(sequences[i] - first) <= 16)
            i++;
    }
    return items;
}

void ph_nack_write(
    struct ph_builder *builder, uint32_t sender, uint32_t media, const uint16_t *sequences, size_t count) {
    write_head(builder, 1, PH_RTCP_TRANSPORT_FEEDBACK, 8 + 4 * nack_items(sequences, count));
    ph_builder_u32(builder, sender);
    ph_builder_u32(builder, media);
    for (size_t i = 0; i < count;) {
        uint16_t first = sequences[i++], following = 0;
        for (; i < count && (uint16_t)(sequences[i] - first) <= 16; i++)
            following |= (uint16_t)(1U << (uint16_t)(sequences[i] - first - 1));
        ph_builder_u16(builder, first);
        ph_builder_u16(builder, following);
    }
}

void ph_pli_write(struct ph_builder *builder, uint32_t sender, uint32_t media) {
    write_head(builder, 1, PH_RTCP_PAYLOAD_FEEDBACK, 8);
    ph_builder_u32(builder, sender);
    ph_builder_u32(builder, media);
}

void ph_remb_write(
    struct ph_builder *builder, uint32_t sender, uint64_t bitrate, const uint32_t *ssrcs, size_t count) {
    enum { application_layer = 15, mantissa_bits = 18 };
    uint32_t exponent = 0;
    while (bitrate >> mantissa_bits) {
        bitrate >>= 1;
        exponent++;
    }
    write_head(builder, application_layer, PH_RTCP_PAYLOAD_FEEDBACK, 16 + 4 * count);
    ph_builder_u32(builder, sender);
    ph_builder_u32(builder, 0);
    ph_builder_append(builder, "REMB", 4);
    ph_builder_u32(builder, (uint32_t)count << 24 | exponent << mantissa_bits | (uint32_t)bitrate);
    for (size_t i = 0; i < count; i++)
        ph_builder_u32(builder, ssrcs[i]);
}

enum { block_reference_time = 4, block_dlrr = 5 };

void ph_reference_time_write(struct ph_builder *builder, uint32_t sender, uint64_t ntp) {
    write_head(builder, 0, PH_RTCP_EXTENDED_REPORT, 16);
    ph_builder_u32(builder, sender);
    ph_builder_u8(builder, block_reference_time);
    ph_builder_u8(builder, 0);
    ph_builder_u16(builder, 2);
    ph_builder_u64(builder, ntp);
}

static bool answer_in_block(
    struct ph_slice block, uint32_t receiver, uint32_t *last_reference, uint32_t *delay) {
    struct ph_cursor cursor = ph_cursor_init(block);
    while (ph_cursor_remaining(&cursor) >= 12) {
        uint32_t ssrc = ph_cursor_u32(&cursor);
        *last_reference = ph_cursor_u32(&cursor);
        *delay = ph_cursor_u32(&cursor);
        if (ssrc == receiver && *last_reference)
            return true;
    }
    return false;
}

bool ph_reference_time_answer(
    struct ph_slice body, uint32_t receiver, uint32_t *last_reference, uint32_t *delay) {
    struct ph_cursor cursor = ph_cursor_init(body);
    ph_cursor_skip(&cursor, 4);
    while (ph_cursor_remaining(&cursor) >= 4) {
        uint8_t type = ph_cursor_u8(&cursor);
        ph_cursor_skip(&cursor, 1);
        struct ph_slice block = ph_cursor_take(&cursor, (size_t)ph_cursor_u16(&cursor) * 4);
        if (ph_cursor_ok(&cursor) && type == block_dlrr &&
            answer_in_block(block, receiver, last_reference, delay))
            return true;
    }
    return false;
}
