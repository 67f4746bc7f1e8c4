/* Decoding of one stream: packets in, pictures or samples out, with limits for strangers' bytes.
 *
 * Send/receive as libavcodec does it. A broken packet costs itself: errors are counted, never fatal, but for
 * a stream that can never be carried. */
#ifndef PH_TRANSCODE_DECODE_H
#define PH_TRANSCODE_DECODE_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/media/source_link.h"

enum { PH_MOST_SOURCE_WIDTH = 4096, PH_MOST_SOURCE_HEIGHT = 2304 };

/* Embedded; starts zeroed, ph_decoder_finish() ends it. */
struct ph_decoder {
    AVCodecContext *context;
    AVCodecParserContext
        *splitter; /* sound: finds the frames in the bytes; picture: says what is a keyframe */
    unsigned threads;
    bool is_shown;     /* a clean keyframe was decoded: what comes may be shown */
    bool hides_damage; /* set after opening: a damaged picture ends what may be shown */
    bool is_too_large; /* a picture above the limits was refused */
    uint64_t decoded, errors;
    int64_t cpu_us; /* spent by the calling thread in the decoder */
};

/* Opens a decoder for the stream; what was open is closed. `threads` is for pictures: with more than one,
 * each further thread delays them by a frame. 0; -ENOTSUP with a reason when no decoder carries the codec;
 * -ENOMEM or FFmpeg's error. */
int ph_decoder_open(struct ph_decoder *decoder, const AVCodecParameters *parameters, unsigned threads,
    struct ph_link_reason *reason) PH_NODISCARD;
/* Packets are frames as they come, and say themselves whether they are keyframes: those of a file. */
void ph_decoder_trust_packets(struct ph_decoder *decoder);
bool ph_decoder_is_open(const struct ph_decoder *decoder);
/* Whether the stream still is what the decoder was opened for. */
bool ph_decoder_fits(const struct ph_decoder *decoder, const AVCodecParameters *parameters);
void ph_decoder_finish(struct ph_decoder *decoder);

/* Whether a packet of the picture can be decoded without those before it. */
bool ph_decoder_is_keyframe(struct ph_decoder *decoder, const AVPacket *packet);
/* Takes one packet (borrowed); NULL drains. Never fails for what the packet holds. -ENOMEM. */
int ph_decoder_send(struct ph_decoder *decoder, const AVPacket *packet) PH_NODISCARD;
/* The next picture or samples. -EAGAIN: send more. PH_EOF: drained. Pictures that must not be shown are left
 * out. */
int ph_decoder_receive(struct ph_decoder *decoder, AVFrame *frame) PH_NODISCARD;
/* Sound: takes the next whole frame from the bytes, of which it may keep some. `pts` is that of the first
 * frame that begins in them, or AV_NOPTS_VALUE. The number of bytes it took; the packet is empty when they
 * complete no frame, and has the frame's own timestamp when that was told. */
int ph_decoder_split(
    struct ph_decoder *decoder, const uint8_t *bytes, int size, int64_t pts, AVPacket *packet) PH_NODISCARD;
/* 0: everything; 1: no loop filter where nothing refers to; 2: nothing that nothing refers to. */
void ph_decoder_set_skip(struct ph_decoder *decoder, int skip);

#endif
