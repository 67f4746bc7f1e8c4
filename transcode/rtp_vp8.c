/* VP8 in RTP (RFC 7741): a descriptor before each piece of a frame. */
#include "core/base/cursor.h"
#include "transcode/rtp_format.h"

enum {
    extended = 0x80,
    partition_start = 0x10,
    partition_mask = 0x07,
    has_picture_id = 0x80,
    has_level_index = 0x40,
    has_layer = 0x20,
    has_key_index = 0x10,
    long_picture_id = 0x80,
};

/* Section 4.2; what follows is the frame's. */
static uint8_t take_descriptor(struct ph_cursor *cursor) {
    uint8_t first = ph_cursor_u8(cursor);
    uint8_t extension = first & extended ? ph_cursor_u8(cursor) : 0;
    if (extension & has_picture_id && ph_cursor_u8(cursor) & long_picture_id)
        ph_cursor_skip(cursor, 1);
    ph_cursor_skip(cursor, (extension & has_level_index) != 0);
    ph_cursor_skip(cursor, (extension & (has_layer | has_key_index)) != 0);
    return first;
}

static enum ph_rtp_beginning beginning(struct ph_slice payload) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    uint8_t first = ph_cursor_u8(&cursor);
    return first & partition_start && !(first & partition_mask) ? PH_RTP_SURELY : PH_RTP_NEVER;
}

static int take(struct ph_rtp_frame *frame, struct ph_slice payload) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    (void)take_descriptor(&cursor);
    struct ph_slice piece = ph_cursor_rest(&cursor);
    if (!ph_cursor_ok(&cursor) || piece.size == 0)
        return PH_INVALID_DATA;
    ph_builder_append(&frame->bytes, piece.data, piece.size);
    frame->has_picture = true;
    return ph_builder_ok(&frame->bytes) ? 0 : -ENOMEM;
}

const struct ph_rtp_format ph_rtp_vp8 = {.beginning = beginning, .take = take};
