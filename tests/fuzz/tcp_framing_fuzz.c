/* links: ph_whip ph_base */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/webrtc/tcp_framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Frames in a row: how many, and a sum over their bytes. */
struct digest {
    size_t frames;
    uint32_t sum;
    int code;
};

static struct digest digest_of(struct ph_slice stream, size_t piece_size) {
    struct ph_tcp_framing framing = {.size = 0};
    struct digest digest = {.code = -EAGAIN};
    while (stream.size && digest.code == -EAGAIN) {
        struct ph_slice piece = {stream.data, stream.size < piece_size ? stream.size : piece_size};
        stream.data += piece.size;
        stream.size -= piece.size;
        struct ph_tcp_frame frame;
        while ((digest.code = ph_tcp_framing_next(&framing, &piece, &frame)) == 0) {
            digest.frames++;
            for (size_t i = 0; i < frame.size; i++)
                digest.sum = digest.sum * 31 + frame.data[i];
        }
    }
    return digest;
}

/* However a stream is cut, its frames are the same. The first byte says how. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    struct ph_slice stream = {data + 1, size - 1};
    struct digest whole = digest_of(stream, SIZE_MAX), cut = digest_of(stream, data[0] + 1U);
    if (whole.frames != cut.frames || whole.sum != cut.sum || whole.code != cut.code)
        abort();
    return 0;
}
