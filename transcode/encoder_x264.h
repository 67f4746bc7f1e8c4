/* libx264 through its own interface: only x264_encoder_reconfig() changes effort between two pictures without
 * a reset. */
#ifndef PH_TRANSCODE_ENCODER_X264_H
#define PH_TRANSCODE_ENCODER_X264_H

#include "transcode/encode.h"

int ph_encoder_x264_open(
    struct ph_encoder **encoder, const struct ph_encoder_settings *settings) PH_NODISCARD;

#endif
