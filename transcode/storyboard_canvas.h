/* A sheet of a storyboard while it is drawn. Pure but for memory. */
#ifndef PH_TRANSCODE_STORYBOARD_CANVAS_H
#define PH_TRANSCODE_STORYBOARD_CANVAS_H

#include <stdbool.h>

#include <libavutil/frame.h>

#include "core/media/storyboard.h"
#include "transcode/scale.h"

/* Embedded; starts zeroed, ph_storyboard_canvas_finish() ends it. Of one thread. */
struct ph_storyboard_canvas {
    struct ph_storyboard_sheet sheet; /* tiles 0: nothing is drawn yet */
    struct ph_scaler *scaler;
    AVFrame *frame;
};

/* The tile that a worker's first picture becomes, and with it when the next ones are due: the tile whose time
 * the picture is nearest after. One that goes on where another worker was (`resumed`) leaves a tile whose
 * time is more than a second ago to that one. */
uint64_t ph_storyboard_first_tile(int64_t time_us, bool resumed);
/* When a tile is due, in session time. */
int64_t ph_storyboard_tile_time_us(uint64_t tile);
/* The tile that is shown at a time. */
uint64_t ph_storyboard_tile_at(int64_t time_us);

/* Tiles 160 wide, as high as pictures of this size make them. 0 or -ENOMEM. */
int ph_storyboard_canvas_init(
    struct ph_storyboard_canvas *canvas, uint32_t width, uint32_t height) PH_NODISCARD;
void ph_storyboard_canvas_finish(struct ph_storyboard_canvas *canvas);
bool ph_storyboard_canvas_is_full(const struct ph_storyboard_canvas *canvas);
/* An empty sheet that begins with this tile. */
void ph_storyboard_canvas_clear(struct ph_storyboard_canvas *canvas, uint64_t first_tile);
/* Draws the next tile of a sheet that is not full. 0 or a negative code: then the sheet is as it was. */
int ph_storyboard_canvas_add(struct ph_storyboard_canvas *canvas, const AVFrame *picture) PH_NODISCARD;
/* Draws a tile that follows those drawn before; those that were passed over, because who draws was behind,
 * show the same picture. A sheet that is full is followed by an empty one. `note` is called with each sheet
 * that has changed, in between and at the end. 0 or a negative code. */
typedef void ph_storyboard_note(void *opaque, const struct ph_storyboard_canvas *canvas);
int ph_storyboard_canvas_draw(struct ph_storyboard_canvas *canvas, uint64_t tile, const AVFrame *picture,
    ph_storyboard_note *note, void *opaque) PH_NODISCARD;
/* The sheet as a JPEG of at most PH_MOST_STORYBOARD_BYTES; NULL when it cannot be made. */
struct ph_bytes *ph_storyboard_canvas_jpeg(const struct ph_storyboard_canvas *canvas);

#endif
