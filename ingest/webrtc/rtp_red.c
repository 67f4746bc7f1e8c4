#include "ingest/webrtc/rtp_red.h"

#include "core/base/cursor.h"

bool ph_red_parse(struct ph_slice payload, struct ph_red *red) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    size_t sizes[PH_RED_MOST_BLOCKS] = {0};
    red->count = 0;
    for (bool last = false; !last;) {
        if (red->count == PH_RED_MOST_BLOCKS)
            return false;
        uint8_t head = ph_cursor_u8(&cursor);
        struct ph_red_block *block = &red->blocks[red->count];
        *block = (struct ph_red_block){.payload_type = head & 0x7F};
        last = !(head & 0x80);
        if (!last) {
            uint32_t rest = ph_cursor_u24(&cursor);
            block->timestamp_offset = rest >> 10;
            sizes[red->count] = rest & 0x3FF;
        }
        red->count++;
    }
    for (size_t i = 0; i + 1 < red->count; i++)
        red->blocks[i].payload = ph_cursor_take(&cursor, sizes[i]);
    red->blocks[red->count - 1].payload = ph_cursor_rest(&cursor);
    return ph_cursor_ok(&cursor);
}
