/* Packets in a TCP stream, each behind its size in two bytes (RFC 4571). Pure, incremental. */
#ifndef PH_INGEST_WEBRTC_TCP_FRAMING_H
#define PH_INGEST_WEBRTC_TCP_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum { PH_TCP_FRAME_HEADER_BYTES = 2, PH_TCP_FRAME_MOST_BYTES = 2048 };

/* Embedded; starts as {0}. */
struct ph_tcp_framing {
    uint8_t bytes[PH_TCP_FRAME_HEADER_BYTES + PH_TCP_FRAME_MOST_BYTES];
    size_t size; /* of the frame that is being gathered, header included */
};

/* Takes bytes off `stream` until a frame is whole. 0 and the frame, a view that the caller may write to until
 * the next call (NULL data: an empty frame); -EAGAIN when the stream is used up; PH_INVALID_DATA for a frame
 * that is too large: the stream is lost. */
struct ph_tcp_frame {
    uint8_t *data;
    size_t size;
};
int ph_tcp_framing_next(
    struct ph_tcp_framing *framing, struct ph_slice *stream, struct ph_tcp_frame *frame) PH_NODISCARD;

#endif
