/* How a codec's frames lie in RTP payloads: one implementation for each codec, a file each.
 *
 * A frame is what libavcodec takes as one packet: an access unit with start codes (H.264, H.265), a temporal
 * unit (AV1), a frame (VP8, VP9). Payloads of one timestamp are given to take() in order and without a hole.
 * Pure; every byte is hostile. */
#ifndef PH_TRANSCODE_RTP_FORMAT_H
#define PH_TRANSCODE_RTP_FORMAT_H

#include <stdbool.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

/* A frame under construction. */
struct ph_rtp_frame {
    struct ph_builder bytes;
    bool has_picture;    /* holds more than parameter sets */
    bool has_parameters; /* holds parameter sets */
    bool in_fragment;    /* its last unit is not whole */
    size_t unit_start;   /* AV1: where the OBU at hand begins */
};

/* Whether a frame begins with a payload, as far as the payload itself tells. */
enum ph_rtp_beginning { PH_RTP_NEVER, PH_RTP_PERHAPS, PH_RTP_SURELY };

struct ph_rtp_format {
    enum ph_rtp_beginning (*beginning)(struct ph_slice payload);
    /* Appends what the payload holds. 0; -ENOMEM; PH_INVALID_DATA: the frame is of no use. */
    int (*take)(struct ph_rtp_frame *frame, struct ph_slice payload);
    /* NULL, or what is left to do when the frame's last payload is taken. Returns as take(). */
    int (*finish)(struct ph_rtp_frame *frame);
};

extern const struct ph_rtp_format ph_rtp_h264; /* RFC 6184, packetization modes 0 and 1 */
extern const struct ph_rtp_format ph_rtp_h265; /* RFC 7798, without DONL */
extern const struct ph_rtp_format ph_rtp_vp8;  /* RFC 7741 */
extern const struct ph_rtp_format ph_rtp_vp9;  /* RFC 9628 */
extern const struct ph_rtp_format ph_rtp_av1;  /* AOM's RTP payload format for AV1, 1.0 */

#endif
