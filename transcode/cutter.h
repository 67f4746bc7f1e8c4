/* A process (`porthole transcode`) that cuts segments for clips and draws their pictures, seen from the
 * worker that started it: in its sandbox before it is given a byte, of the lowest priority, killed when an
 * answer takes too long. Of one thread; what it answers is to be believed no more than what it was given. */
#ifndef PH_TRANSCODE_CUTTER_H
#define PH_TRANSCODE_CUTTER_H

#include "core/base/bytes.h"
#include "transcode/cut.h"
#include "transcode/draw.h"

struct ph_cutter;

/* `executable` NULL: /proc/self/exe. */
int ph_cutter_create(struct ph_cutter **cutter, const char *executable) PH_NODISCARD;
/* As ph_cut_run(); -EIO when the process is of no more use. */
int ph_cutter_cut(struct ph_cutter *cutter, const struct ph_cut *cut, struct ph_slice init,
    struct ph_slice segment, struct ph_bytes **made) PH_NODISCARD;
/* As ph_drawing_add(), on the one storyboard that the process draws; likewise. */
int ph_cutter_draw(struct ph_cutter *cutter, const struct ph_draw *draw, struct ph_slice init,
    struct ph_slice segment, struct ph_storyboard_drawn *drawn) PH_NODISCARD;
/* Ends the process. NULL is fine. */
void ph_cutter_destroy(struct ph_cutter *cutter);

#endif
