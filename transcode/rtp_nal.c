#include "transcode/rtp_nal.h"

#include "core/base/cursor.h"

static const uint8_t start_code[] = {0, 0, 0, 1};

static int verdict(const struct ph_rtp_frame *frame) {
    return ph_builder_ok(&frame->bytes) ? 0 : -ENOMEM;
}

int ph_rtp_nal_append(struct ph_rtp_frame *frame, struct ph_slice unit) {
    if (frame->in_fragment)
        return PH_INVALID_DATA;
    ph_builder_append(&frame->bytes, start_code, sizeof(start_code));
    ph_builder_append(&frame->bytes, unit.data, unit.size);
    return verdict(frame);
}

int ph_rtp_nal_append_aggregated(struct ph_rtp_frame *frame, struct ph_slice payload,
    void (*note)(struct ph_rtp_frame *frame, struct ph_slice unit)) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    while (ph_cursor_remaining(&cursor) > 0) {
        struct ph_slice unit = ph_cursor_take(&cursor, ph_cursor_u16(&cursor));
        if (!ph_cursor_ok(&cursor) || unit.size == 0)
            return PH_INVALID_DATA;
        note(frame, unit);
        int code = ph_rtp_nal_append(frame, unit);
        if (code < 0)
            return code;
    }
    return payload.size ? 0 : PH_INVALID_DATA;
}

int ph_rtp_nal_append_fragment(
    struct ph_rtp_frame *frame, struct ph_slice header, struct ph_slice fragment, bool starts, bool ends) {
    if (starts == frame->in_fragment || (starts && ends))
        return PH_INVALID_DATA;
    if (starts) {
        int code = ph_rtp_nal_append(frame, header);
        if (code < 0)
            return code;
    }
    ph_builder_append(&frame->bytes, fragment.data, fragment.size);
    frame->in_fragment = !ends;
    return verdict(frame);
}
