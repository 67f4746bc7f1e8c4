/* Pictures that lie on their side or stand on their head: a camera that was turned notes so beside them, in a
 * display matrix (ISO/IEC 14496-12, 8.3.2), which libavutil carries with each picture as its side data.
 * Whoever measures a picture does it by how it is shown, and ph_scaler_run() turns it. Pure. */
#ifndef PH_TRANSCODE_TURN_H
#define PH_TRANSCODE_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

/* One of the eight ways in which a rectangle lies on an even grid: mirrored along its axes, then, if it is
 * transposed, its columns become rows. */
struct ph_turn {
    bool flips_x, flips_y, transposes;
};

/* The turn that is nearest to a display matrix, whatever is in it: angles between go to the nearer quarter.
 */
struct ph_turn ph_turn_of_matrix(const int32_t matrix[9]);
/* None for a picture that carries no matrix. */
struct ph_turn ph_turn_of(const AVFrame *picture);
bool ph_turn_is_none(struct ph_turn turn);

/* A picture's size and the shape of its pixels when it is turned; square where what it says is absurd. */
struct ph_shown {
    int width, height;
    AVRational aspect;
};
struct ph_shown ph_turn_shown(const AVFrame *picture);

/* A plane of bytes; the stride may be negative. */
struct ph_plane {
    uint8_t *bytes;
    ptrdiff_t stride;
};
/* Turns a plane, `width` and `height` as it lies in `from`; in `to` they are exchanged when it is transposed.
 */
void ph_turn_plane(struct ph_turn turn, struct ph_plane from, int width, int height, struct ph_plane to);

#endif
