/* VP9 in RTP (RFC 9628): a descriptor before each piece of a frame. Of a picture in spatial layers, all
 * layers' frames stand behind each other; ingest's answers ask for none. */
#include "core/base/cursor.h"
#include "transcode/rtp_format.h"

enum {
    has_picture_id = 0x80,
    is_predicted = 0x40,
    has_layers = 0x20,
    is_flexible = 0x10,
    frame_start = 0x08,
    frame_end = 0x04,
    has_structure = 0x02,
    long_picture_id = 0x80,
    more_references = 0x01,
    most_references = 3,
    has_resolutions = 0x10,
    has_group = 0x08,
};

/* Section 4.2.1: the scalability structure. */
static void skip_structure(struct ph_cursor *cursor) {
    uint8_t first = ph_cursor_u8(cursor);
    if (first & has_resolutions)
        ph_cursor_skip(cursor, (size_t)((first >> 5) + 1) * 4);
    if (!(first & has_group))
        return;
    for (uint8_t left = ph_cursor_u8(cursor); left > 0 && ph_cursor_ok(cursor); left--)
        ph_cursor_skip(cursor, ph_cursor_u8(cursor) >> 2 & 0x03);
}

/* Section 4.2; what follows is the frame's. */
static uint8_t take_descriptor(struct ph_cursor *cursor) {
    uint8_t first = ph_cursor_u8(cursor);
    if (first & has_picture_id && ph_cursor_u8(cursor) & long_picture_id)
        ph_cursor_skip(cursor, 1);
    if (first & has_layers)
        ph_cursor_skip(cursor, first & is_flexible ? 1 : 2);
    if (first & is_flexible && first & is_predicted) {
        int count = 1;
        while (ph_cursor_u8(cursor) & more_references && count < most_references)
            count++;
    }
    if (first & has_structure)
        skip_structure(cursor);
    return first;
}

static enum ph_rtp_beginning beginning(struct ph_slice payload) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    return ph_cursor_u8(&cursor) & frame_start ? PH_RTP_SURELY : PH_RTP_NEVER;
}

static int take(struct ph_rtp_frame *frame, struct ph_slice payload) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    uint8_t first = take_descriptor(&cursor);
    struct ph_slice piece = ph_cursor_rest(&cursor);
    if (!ph_cursor_ok(&cursor) || piece.size == 0 || !(first & frame_start) == !frame->in_fragment)
        return PH_INVALID_DATA;
    ph_builder_append(&frame->bytes, piece.data, piece.size);
    frame->has_picture = true;
    frame->in_fragment = !(first & frame_end);
    return ph_builder_ok(&frame->bytes) ? 0 : -ENOMEM;
}

static int finish(struct ph_rtp_frame *frame) {
    return frame->in_fragment ? PH_INVALID_DATA : 0;
}

const struct ph_rtp_format ph_rtp_vp9 = {beginning, take, finish};
