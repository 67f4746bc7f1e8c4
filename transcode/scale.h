/* Pictures of any size and format into a rendition's (8-bit 4:2:0, BT.709, limited range, square pixels) or a
 * JPEG's.
 *
 * A picture that lies on its side is set upright (turn.h). One of another shape than the rendition (a phone
 * that was turned) is fitted between black bars. One that is already as wanted passes by without a copy. */
#ifndef PH_TRANSCODE_SCALE_H
#define PH_TRANSCODE_SCALE_H

#include <stdint.h>

#include <libavutil/frame.h>

#include "core/base/error.h"

struct ph_scaler;

enum ph_scale_colours {
    PH_COLOURS_VIDEO, /* BT.709, limited range */
    PH_COLOURS_JPEG,  /* BT.601, full range */
};
int ph_scaler_create(
    struct ph_scaler **scaler, uint32_t width, uint32_t height, enum ph_scale_colours colours) PH_NODISCARD;
/* NULL is fine. */
void ph_scaler_destroy(struct ph_scaler *scaler);
/* `scaled` is borrowed: the picture itself or the scaler's own frame, valid until the next call. 0, -ENOMEM,
 * -ENOTSUP for a format that libswscale cannot read. Belongs to one thread. */
int ph_scaler_run(struct ph_scaler *scaler, const AVFrame *picture, const AVFrame **scaled) PH_NODISCARD;

struct ph_rectangle {
    int x, y, width, height;
};
/* Where a picture, upright, lies in a frame: all of it when the shapes differ by less than two percent, else
 * as large as fits, in the middle, on even places. Pure. */
struct ph_rectangle ph_scale_fit(const AVFrame *picture, uint32_t width, uint32_t height);

#endif
