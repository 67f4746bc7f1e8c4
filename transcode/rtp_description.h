/* What a connection of kind "rtp" carries: the SDP (RFC 8866) that ingest wrote, one video and one audio
 * m-line at most, one payload type each. Pure. */
#ifndef PH_TRANSCODE_RTP_DESCRIPTION_H
#define PH_TRANSCODE_RTP_DESCRIPTION_H

#include <stdbool.h>

#include <libavcodec/codec_par.h>

#include "core/base/error.h"
#include "transcode/rtp_format.h"

struct ph_rtp_media {
    bool is_listed;
    uint8_t payload_type;
    int32_t clock_rate;
    int channels;
    const struct ph_rtp_format *format; /* NULL: a packet is a frame */
    enum AVCodecID codec;               /* NONE: nothing here reads it */
    AVCodecParameters *parameters;      /* owned; NULL when `codec` is NONE */
};

struct ph_rtp_description {
    struct ph_rtp_media media[2]; /* by enum ph_track_kind */
};

/* Lines that say nothing to us are passed over. 0, -ENOMEM, PH_INVALID_DATA when no media is listed; the
 * caller ends it with ph_rtp_description_finish() in any case. */
int ph_rtp_description_parse(struct ph_rtp_description *description, const char *sdp) PH_NODISCARD;
void ph_rtp_description_finish(struct ph_rtp_description *description);

#endif
