/* AV1 in RTP (AOM's payload format 1.0): OBU elements without sizes of their own, over any number of packets.
 * libavcodec wants OBUs with sizes, behind a temporal delimiter. */
#include <string.h>

#include "core/base/cursor.h"
#include "transcode/rtp_format.h"

enum {
    continues = 0x80,
    continued = 0x40,
    new_sequence = 0x08,
    obu_has_size = 0x02,
    obu_has_extension = 0x04,
    obu_sequence_header = 1,
    obu_temporal_delimiter = 2,
    obu_frame_header = 3,
    obu_tile_group = 4,
    obu_frame = 6,
    obu_tile_list = 8,
    most_size_bytes = 5,
};

static const uint8_t delimiter[] = {obu_temporal_delimiter << 3 | obu_has_size, 0};

/* LEB128 of at most 32 bits. */
static size_t take_size(struct ph_cursor *cursor) {
    uint64_t size = 0;
    for (int i = 0; i < most_size_bytes; i++) {
        uint8_t byte = ph_cursor_u8(cursor);
        size |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return (size_t)size;
    }
    cursor->failed = true;
    return 0;
}

static size_t write_size(uint8_t bytes[most_size_bytes], size_t size) {
    size_t count = 0;
    do {
        bytes[count] = (uint8_t)((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
        size >>= 7;
        count++;
    } while (size && count < most_size_bytes);
    return count;
}

/* The OBU at the end of the frame is whole: gives it a size, or takes it out where it has no place. */
static int end_unit(struct ph_rtp_frame *frame) {
    struct ph_builder *bytes = &frame->bytes;
    size_t size = bytes->size - frame->unit_start;
    uint8_t *unit = bytes->data + frame->unit_start;
    size_t header_bytes = size && unit[0] & obu_has_extension ? 2 : 1;
    if (size < header_bytes)
        return PH_INVALID_DATA;
    uint8_t type = unit[0] >> 3 & 0x0f;
    if (type == obu_temporal_delimiter || type == obu_tile_list) {
        bytes->size = frame->unit_start;
        return 0;
    }
    frame->has_parameters |= type == obu_sequence_header;
    frame->has_picture |= type == obu_frame || type == obu_frame_header || type == obu_tile_group;
    if (unit[0] & obu_has_size)
        return 0;
    uint8_t field[most_size_bytes];
    size_t field_bytes = write_size(field, size - header_bytes);
    ph_builder_zeros(bytes, field_bytes);
    if (!ph_builder_ok(bytes))
        return -ENOMEM;
    unit = bytes->data + frame->unit_start;
    memmove(unit + header_bytes + field_bytes, unit + header_bytes, size - header_bytes);
    memcpy(unit + header_bytes, field, field_bytes);
    unit[0] |= obu_has_size;
    return 0;
}

static int take_element(struct ph_rtp_frame *frame, struct ph_slice element, bool is_whole) {
    if (!frame->in_fragment)
        frame->unit_start = frame->bytes.size;
    ph_builder_append(&frame->bytes, element.data, element.size);
    if (!ph_builder_ok(&frame->bytes))
        return -ENOMEM;
    frame->in_fragment = !is_whole;
    return is_whole ? end_unit(frame) : 0;
}

static int take(struct ph_rtp_frame *frame, struct ph_slice payload) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    uint8_t header = ph_cursor_u8(&cursor);
    unsigned count = header >> 4 & 0x03; /* 0: each element has a size */
    if (!(header & continues) == frame->in_fragment || ph_cursor_remaining(&cursor) == 0)
        return PH_INVALID_DATA;
    if (frame->bytes.size == 0)
        ph_builder_append(&frame->bytes, delimiter, sizeof(delimiter));
    for (unsigned i = 1; ph_cursor_remaining(&cursor) > 0; i++) {
        bool has_size = count == 0 || i < count;
        struct ph_slice element =
            has_size ? ph_cursor_take(&cursor, take_size(&cursor)) : ph_cursor_rest(&cursor);
        if (!ph_cursor_ok(&cursor))
            return PH_INVALID_DATA;
        bool is_last = ph_cursor_remaining(&cursor) == 0;
        int code = take_element(frame, element, !is_last || !(header & continued));
        if (code < 0)
            return code;
    }
    return 0;
}

static enum ph_rtp_beginning beginning(struct ph_slice payload) {
    if (payload.size == 0 || payload.data[0] & continues)
        return PH_RTP_NEVER;
    return payload.data[0] & new_sequence ? PH_RTP_SURELY : PH_RTP_PERHAPS;
}

static int finish(struct ph_rtp_frame *frame) {
    return frame->in_fragment ? PH_INVALID_DATA : 0;
}

const struct ph_rtp_format ph_rtp_av1 = {beginning, take, finish};
