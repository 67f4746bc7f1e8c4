#include "ingest/webrtc/keyframe_probe.h"

#include "core/base/cursor.h"

enum { h264_idr = 5, h264_sps = 7, h264_stap_a = 24, h264_fu_a = 28 };

static bool is_h264_key(uint8_t type) {
    return type == h264_idr || type == h264_sps;
}

static bool h264_begins(struct ph_cursor *cursor) {
    uint8_t type = ph_cursor_u8(cursor) & 31;
    if (type == h264_fu_a) {
        uint8_t fragment = ph_cursor_u8(cursor);
        return fragment >> 7 && is_h264_key(fragment & 31);
    }
    if (type != h264_stap_a)
        return is_h264_key(type);
    while (ph_cursor_remaining(cursor)) {
        struct ph_slice unit = ph_cursor_take(cursor, ph_cursor_u16(cursor));
        if (unit.size && is_h264_key(unit.data[0] & 31))
            return true;
    }
    return false;
}

enum { h265_first_irap = 16, h265_last_irap = 21, h265_vps = 32, h265_sps = 33, h265_ap = 48, h265_fu = 49 };

static bool is_h265_key(uint8_t type) {
    return (type >= h265_first_irap && type <= h265_last_irap) || type == h265_vps || type == h265_sps;
}

static bool h265_begins(struct ph_cursor *cursor) {
    uint8_t type = ph_cursor_u16(cursor) >> 9 & 63;
    if (type == h265_fu) {
        uint8_t fragment = ph_cursor_u8(cursor);
        return fragment >> 7 && is_h265_key(fragment & 63);
    }
    if (type != h265_ap)
        return is_h265_key(type);
    struct ph_slice unit = ph_cursor_take(cursor, ph_cursor_u16(cursor));
    return unit.size && is_h265_key(unit.data[0] >> 1 & 63);
}

/* RFC 7741 section 4.2: the descriptor, then the frame's first byte, whose lowest bit is clear in a keyframe.
 */
static bool vp8_begins(struct ph_cursor *cursor) {
    uint8_t descriptor = ph_cursor_u8(cursor);
    if ((descriptor & 0x1F) != 0x10) /* start of partition 0 */
        return false;
    if (descriptor & 0x80) {
        uint8_t extension = ph_cursor_u8(cursor);
        if (extension & 0x80 && ph_cursor_u8(cursor) & 0x80)
            ph_cursor_skip(cursor, 1);
        ph_cursor_skip(cursor, (extension >> 6 & 1) + (extension & 0x30 ? 1 : 0));
    }
    return !(ph_cursor_u8(cursor) & 1);
}

/* RFC 9628 section 4.2: begins a frame (B) that is predicted from no other (P clear). */
static bool vp9_begins(struct ph_cursor *cursor) {
    return (ph_cursor_u8(cursor) & 0x48) == 0x08;
}

/* The aggregation header's N: the first packet of a coded video sequence. */
static bool av1_begins(struct ph_cursor *cursor) {
    return ph_cursor_u8(cursor) >> 3 & 1;
}

bool ph_keyframe_begins(enum ph_codec codec, struct ph_slice payload) {
    static bool (*const probes[])(struct ph_cursor * cursor) = {
        [PH_CODEC_H264] = h264_begins,
        [PH_CODEC_VP8] = vp8_begins,
        [PH_CODEC_VP9] = vp9_begins,
        [PH_CODEC_H265] = h265_begins,
        [PH_CODEC_AV1] = av1_begins,
        [PH_CODEC_OPUS] = NULL,
    };
    struct ph_cursor cursor = ph_cursor_init(payload);
    return probes[codec] && probes[codec](&cursor) && ph_cursor_ok(&cursor);
}
