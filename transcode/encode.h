/* Video encoders: H.264 High, 8-bit 4:2:0, BT.709 limited range, one picture in and one access unit out. */
#ifndef PH_TRANSCODE_ENCODE_H
#define PH_TRANSCODE_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "core/base/bytes.h"
#include "core/media/track.h"

struct ph_encoder_settings {
    uint32_t width, height;
    struct ph_rational rate;
    uint32_t bitrate, most_bitrate; /* bit/s */
    uint32_t buffer_bits;
    unsigned threads; /* slices encoded side by side; adds no delay */
    int effort;       /* level to begin with, see effort.h */
};

/* NAL units with lengths of four bytes before them, no parameter sets among them. Borrowed until the
 * encoder's next call. */
struct ph_access_unit {
    struct ph_slice bytes;
    bool idr;
};

struct ph_encoder;
struct ph_encoder_impl {
    /* `picture` is yuv420p of the encoder's size, borrowed. */
    int (*encode)(struct ph_encoder *encoder, const AVFrame *picture, bool idr, struct ph_access_unit *unit);
    /* From the next picture on. Changes neither SPS nor PPS. */
    int (*set_effort)(struct ph_encoder *encoder, int level);
    void (*destroy)(struct ph_encoder *encoder);
};
/* Embedded first in the concrete encoder. The parameter sets depend on the settings' size, rate and bitrates
 * alone. */
struct ph_encoder {
    const struct ph_encoder_impl *impl;
    struct ph_bytes *sps, *pps; /* without start codes */
};

/* By name: "libx264", or one of libavcodec's ("h264_nvenc", "h264_vaapi", "h264_qsv" …), which falls back to
 * libx264 with a warning when it does not open or does not answer picture by picture. Belongs to one thread
 * at a time. */
int ph_encoder_open(
    struct ph_encoder **encoder, const char *name, const struct ph_encoder_settings *settings) PH_NODISCARD;
int ph_encoder_encode(
    struct ph_encoder *encoder, const AVFrame *picture, bool idr, struct ph_access_unit *unit) PH_NODISCARD;
int ph_encoder_set_effort(struct ph_encoder *encoder, int level) PH_NODISCARD;
/* NULL is fine. */
void ph_encoder_destroy(struct ph_encoder *encoder);

#endif
