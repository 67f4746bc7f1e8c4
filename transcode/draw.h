/* Draws the poster and the storyboard of a recording that was cut out of another one: what a session's worker
 * does while it is live (thumbnail.h, storyboard.h), from segments. Runs in a transcoding process
 * (transcode.h). */
#ifndef PH_TRANSCODE_DRAW_H
#define PH_TRANSCODE_DRAW_H

#include "core/media/storyboard.h"
#include "transcode/storyboard_canvas.h"

struct ph_draw {
    int64_t at_us; /* session time: the picture that stands there */
    uint64_t tile; /* rising */
};

/* Embedded; starts zeroed. */
struct ph_drawing {
    struct ph_storyboard_canvas canvas;
    bool is_open;
};

/* `fd` holds a track's init segment and the segment behind it. 0 and the sheet as it is with this tile, with
 * the first one also the poster; the caller's to finish. -ENODATA without a picture; PH_INVALID_DATA;
 * -ENOMEM. */
int ph_drawing_add(struct ph_drawing *drawing, const struct ph_draw *wanted, int fd,
    struct ph_storyboard_drawn *drawn) PH_NODISCARD;
void ph_drawing_finish(struct ph_drawing *drawing);

#endif
