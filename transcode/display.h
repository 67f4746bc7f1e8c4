/* What a container says of how its pictures are shown: the shape of their pixels, and how the camera was
 * turned. It stands above what the codec's own bytes say of the shape, as in libavformat's players. */
#ifndef PH_TRANSCODE_DISPLAY_H
#define PH_TRANSCODE_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include <libavformat/avformat.h>
#include <libavutil/frame.h>

#include "core/base/error.h"

struct ph_display {
    AVRational aspect; /* of a pixel, as it lies; 0: not said */
    bool is_turned;    /* there is a matrix, and it is not that of a picture that stands upright */
    int32_t matrix[9];
};

struct ph_display ph_display_of(const AVStream *stream);
/* Notes it beside a picture. 0 or -ENOMEM. */
int ph_display_note(const struct ph_display *display, AVFrame *picture) PH_NODISCARD;

#endif
