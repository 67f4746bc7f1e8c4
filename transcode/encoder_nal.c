#include "transcode/encoder_nal.h"

#include "core/base/cursor.h"

enum { nal_idr = 5, nal_sps = 7, nal_pps = 8, nal_delimiter = 9, nal_filler = 12 };

/* Offset of the next 00 00 01, or the size. */
static size_t find_start_code(struct ph_slice stream) {
    for (size_t i = 0; i + 3 <= stream.size; i++) {
        if (!stream.data[i] && !stream.data[i + 1] && stream.data[i + 2] == 1)
            return i;
    }
    return stream.size;
}

bool ph_nal_next(struct ph_slice *stream, struct ph_slice *nal) {
    for (;;) {
        size_t start = find_start_code(*stream);
        if (start == stream->size)
            return false;
        struct ph_slice rest = {stream->data + start + 3, stream->size - start - 3};
        size_t size = find_start_code(rest);
        *stream = (struct ph_slice){rest.data + size, rest.size - size};
        /* A NAL unit never ends with a zero byte: these belong to the next start code. */
        while (size && !rest.data[size - 1])
            size--;
        *nal = (struct ph_slice){rest.data, size};
        if (size)
            return true;
    }
}

void ph_nal_write_lengths(struct ph_builder *builder, struct ph_slice stream, bool *idr) {
    struct ph_slice nal;
    *idr = false;
    while (ph_nal_next(&stream, &nal)) {
        int type = nal.data[0] & 31;
        if (type == nal_sps || type == nal_pps || type == nal_delimiter || type == nal_filler)
            continue;
        *idr |= type == nal_idr;
        ph_builder_u32(builder, (uint32_t)nal.size);
        ph_builder_append(builder, nal.data, nal.size);
    }
}

/* ISO/IEC 14496-15 5.3.3.1. */
static int read_avcc(struct ph_slice header, struct ph_slice *sps, struct ph_slice *pps) {
    struct ph_cursor cursor = ph_cursor_init(header);
    ph_cursor_skip(&cursor, 5);
    if ((ph_cursor_u8(&cursor) & 31) < 1)
        return PH_INVALID_DATA;
    *sps = ph_cursor_take(&cursor, ph_cursor_u16(&cursor));
    if (ph_cursor_u8(&cursor) < 1)
        return PH_INVALID_DATA;
    *pps = ph_cursor_take(&cursor, ph_cursor_u16(&cursor));
    return ph_cursor_ok(&cursor) && sps->size && pps->size ? 0 : PH_INVALID_DATA;
}

int ph_nal_find_parameter_sets(struct ph_slice header, struct ph_slice *sps, struct ph_slice *pps) {
    *sps = *pps = (struct ph_slice){0};
    if (header.size && header.data[0] == 1)
        return read_avcc(header, sps, pps);
    struct ph_slice nal;
    while (ph_nal_next(&header, &nal)) {
        int type = nal.data[0] & 31;
        if (type == nal_sps && !sps->size)
            *sps = nal;
        if (type == nal_pps && !pps->size)
            *pps = nal;
    }
    return sps->size && pps->size ? 0 : PH_INVALID_DATA;
}
