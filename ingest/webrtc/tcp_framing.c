#include "ingest/webrtc/tcp_framing.h"

#include <string.h>

/* Gathers until `wanted` bytes are there. Whether they are. */
static int gather(struct ph_tcp_framing *framing, struct ph_slice *stream, size_t wanted) {
    size_t missing = wanted - framing->size;
    size_t taken = stream->size < missing ? stream->size : missing;
    if (taken)
        memcpy(framing->bytes + framing->size, stream->data, taken);
    framing->size += taken;
    stream->data = taken ? stream->data + taken : stream->data;
    stream->size -= taken;
    return framing->size == wanted ? 0 : -EAGAIN;
}

int ph_tcp_framing_next(struct ph_tcp_framing *framing, struct ph_slice *stream, struct ph_tcp_frame *frame) {
    *frame = (struct ph_tcp_frame){0};
    if (framing->size < PH_TCP_FRAME_HEADER_BYTES && gather(framing, stream, PH_TCP_FRAME_HEADER_BYTES))
        return -EAGAIN;
    size_t size = (size_t)framing->bytes[0] << 8 | framing->bytes[1];
    if (size > PH_TCP_FRAME_MOST_BYTES)
        return PH_INVALID_DATA;
    if (gather(framing, stream, PH_TCP_FRAME_HEADER_BYTES + size))
        return -EAGAIN;
    framing->size = 0;
    *frame = (struct ph_tcp_frame){size ? framing->bytes + PH_TCP_FRAME_HEADER_BYTES : NULL, size};
    return 0;
}
