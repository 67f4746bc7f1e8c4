/* H.264 in RTP (RFC 6184): single units, STAP-A and FU-A, which is all of packetization modes 0 and 1. */
#include "core/base/cursor.h"
#include "transcode/rtp_nal.h"

enum {
    type_mask = 0x1f,
    last_picture = 5, /* slices are 1 to 5 */
    sequence_parameters = 7,
    delimiter = 9,
    last_single = 23,
    stap_a = 24,
    fu_a = 28,
    fu_start = 0x80,
    fu_end = 0x40,
};

static uint8_t type_of(struct ph_slice unit) {
    return unit.data[0] & type_mask;
}

static void note(struct ph_rtp_frame *frame, struct ph_slice unit) {
    uint8_t type = type_of(unit);
    frame->has_picture |= type >= 1 && type <= last_picture;
    frame->has_parameters |= type == sequence_parameters;
}

/* Parameter sets and delimiters come before the first slice; a slice may have others before it. */
static enum ph_rtp_beginning beginning(struct ph_slice payload) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    uint8_t type = ph_cursor_u8(&cursor) & type_mask;
    if (type == fu_a)
        return ph_cursor_u8(&cursor) & fu_start ? PH_RTP_PERHAPS : PH_RTP_NEVER;
    if (type == stap_a) {
        ph_cursor_skip(&cursor, 2);
        type = ph_cursor_u8(&cursor) & type_mask;
    }
    return type == sequence_parameters || type == delimiter ? PH_RTP_SURELY : PH_RTP_PERHAPS;
}

static int take_fragment(struct ph_rtp_frame *frame, struct ph_slice payload) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    uint8_t indicator = ph_cursor_u8(&cursor), header = ph_cursor_u8(&cursor);
    struct ph_slice fragment = ph_cursor_rest(&cursor);
    if (!ph_cursor_ok(&cursor) || fragment.size == 0)
        return PH_INVALID_DATA;
    const uint8_t unit[] = {(uint8_t)((indicator & ~type_mask) | (header & type_mask))};
    note(frame, (struct ph_slice){unit, sizeof(unit)});
    return ph_rtp_nal_append_fragment(
        frame, (struct ph_slice){unit, sizeof(unit)}, fragment, header & fu_start, header & fu_end);
}

static int take(struct ph_rtp_frame *frame, struct ph_slice payload) {
    if (payload.size == 0)
        return PH_INVALID_DATA;
    uint8_t type = type_of(payload);
    if (type == fu_a)
        return take_fragment(frame, payload);
    if (type == stap_a) {
        struct ph_slice units = {payload.data + 1, payload.size - 1};
        return ph_rtp_nal_append_aggregated(frame, units, note);
    }
    if (type == 0 || type > last_single)
        return PH_INVALID_DATA;
    note(frame, payload);
    return ph_rtp_nal_append(frame, payload);
}

static int finish(struct ph_rtp_frame *frame) {
    return frame->in_fragment ? PH_INVALID_DATA : 0;
}

const struct ph_rtp_format ph_rtp_h264 = {beginning, take, finish};
