/* The storyboard of a session (core/media/storyboard.h): a thread of low priority that draws a tile every ten
 * seconds of session time and puts the sheet to every origin. An origin that does not take a sheet gets it
 * again; one that is away for more than a few sheets misses the oldest.
 *
 * Lifetime: create → offer … → finish → destroy, or destroy at any point. */
#ifndef PH_TRANSCODE_STORYBOARD_H
#define PH_TRANSCODE_STORYBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "transcode/publisher_origin.h"

struct ph_storyboard;

struct ph_storyboard_options {
    const struct ph_origin *origins; /* borrowed for its life */
    uint32_t origin_count;           /* PH_LINK_MOST_ORIGINS at most */
    uint32_t width, height;          /* of the source's pictures */
    bool resumed;                    /* goes on where another worker was */
};

int ph_storyboard_create(
    struct ph_storyboard **storyboard, const struct ph_storyboard_options *options) PH_NODISCARD;
/* Every picture may be offered, from one thread; takes a reference on those that are due. `time_us` is the
 * picture's on the grid. Never blocks. */
void ph_storyboard_offer(struct ph_storyboard *storyboard, const AVFrame *picture, int64_t time_us);
/* Waits until every origin has what was offered, or until the deadline. */
void ph_storyboard_finish(struct ph_storyboard *storyboard, int64_t deadline_us);
/* NULL is fine. */
void ph_storyboard_destroy(struct ph_storyboard *storyboard);

#endif
