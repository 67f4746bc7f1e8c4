/* Pictures as JPEG. */
#ifndef PH_TRANSCODE_JPEG_H
#define PH_TRANSCODE_JPEG_H

#include <libavutil/frame.h>

#include "core/base/bytes.h"

/* A JPEG of a picture in 8-bit 4:2:0, full range. `quality` from 1 (best) to 31. NULL when it cannot be made.
 */
struct ph_bytes *ph_jpeg_make(const AVFrame *picture, int quality);

#endif
