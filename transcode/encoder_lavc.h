/* libavcodec's H.264 encoders, those of the hardware first of all. */
#ifndef PH_TRANSCODE_ENCODER_LAVC_H
#define PH_TRANSCODE_ENCODER_LAVC_H

#include "transcode/encode.h"

/* Encodes one black picture to see that the encoder answers at once: -ENOTSUP when it does not. -ENOENT for a
 * name libavcodec does not know; what libavcodec says otherwise. Effort is bitrate alone here: levels change
 * nothing. */
int ph_encoder_lavc_open(
    struct ph_encoder **encoder, const char *name, const struct ph_encoder_settings *settings) PH_NODISCARD;

#endif
