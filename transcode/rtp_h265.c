/* H.265 in RTP (RFC 7798): single units, aggregation packets and fragments, all without decoding order
 * numbers (sprop-max-don-diff is 0 in WebRTC). */
#include "core/base/cursor.h"
#include "transcode/rtp_nal.h"

enum {
    header_bytes = 2,
    last_picture = 31,
    video_parameters = 32,
    sequence_parameters = 33,
    delimiter = 35,
    last_single = 47,
    aggregation = 48,
    fragmentation = 49,
    fu_start = 0x80,
    fu_end = 0x40,
    fu_type_mask = 0x3f,
};

static uint8_t type_of(uint8_t first) {
    return first >> 1 & 0x3f;
}

static void note(struct ph_rtp_frame *frame, struct ph_slice unit) {
    uint8_t type = type_of(unit.data[0]);
    frame->has_picture |= type <= last_picture;
    frame->has_parameters |= type == sequence_parameters;
}

static enum ph_rtp_beginning beginning(struct ph_slice payload) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    uint8_t type = type_of(ph_cursor_u8(&cursor));
    ph_cursor_skip(&cursor, 1);
    if (type == fragmentation)
        return ph_cursor_u8(&cursor) & fu_start ? PH_RTP_PERHAPS : PH_RTP_NEVER;
    if (type == aggregation) {
        ph_cursor_skip(&cursor, 2);
        type = type_of(ph_cursor_u8(&cursor));
    }
    return type == video_parameters || type == delimiter ? PH_RTP_SURELY : PH_RTP_PERHAPS;
}

static int take_fragment(struct ph_rtp_frame *frame, struct ph_slice payload) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    uint8_t first = ph_cursor_u8(&cursor), second = ph_cursor_u8(&cursor), header = ph_cursor_u8(&cursor);
    struct ph_slice fragment = ph_cursor_rest(&cursor);
    if (!ph_cursor_ok(&cursor) || fragment.size == 0)
        return PH_INVALID_DATA;
    const uint8_t unit[header_bytes] = {(uint8_t)((first & 0x81) | (header & fu_type_mask) << 1), second};
    note(frame, (struct ph_slice){unit, sizeof(unit)});
    return ph_rtp_nal_append_fragment(
        frame, (struct ph_slice){unit, sizeof(unit)}, fragment, header & fu_start, header & fu_end);
}

static int take(struct ph_rtp_frame *frame, struct ph_slice payload) {
    if (payload.size <= header_bytes)
        return PH_INVALID_DATA;
    uint8_t type = type_of(payload.data[0]);
    if (type == fragmentation)
        return take_fragment(frame, payload);
    if (type == aggregation) {
        struct ph_slice units = {payload.data + header_bytes, payload.size - header_bytes};
        return ph_rtp_nal_append_aggregated(frame, units, note);
    }
    if (type > last_single)
        return PH_INVALID_DATA;
    note(frame, payload);
    return ph_rtp_nal_append(frame, payload);
}

static int finish(struct ph_rtp_frame *frame) {
    return frame->in_fragment ? PH_INVALID_DATA : 0;
}

const struct ph_rtp_format ph_rtp_h265 = {beginning, take, finish};
