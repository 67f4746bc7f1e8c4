/* What a transcoding process (transcode.h) is asked of pieces of recordings, and answers: for clips. */
#ifndef PH_TRANSCODE_PIECES_H
#define PH_TRANSCODE_PIECES_H

#include <stdbool.h>

#include "transcode/cut.h"
#include "transcode/draw.h"

struct ph_piece_task {
    bool is_cut, is_draw; /* one of them */
    struct ph_cut cut;
    struct ph_draw draw;
};

/* False for what is none. */
bool ph_piece_task_parse(struct ph_piece_task *task, const char *text, size_t size);
/* Does it with the piece in `fd`, and answers over `control`. 0, or a code when nobody listens. */
int ph_piece_task_run(
    const struct ph_piece_task *task, struct ph_drawing *drawing, int fd, int control) PH_NODISCARD;

#endif
