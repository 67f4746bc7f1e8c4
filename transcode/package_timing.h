/* When the frames and parts of one track begin, in ticks of the track. Pure, exact. */
#ifndef PH_TRANSCODE_PACKAGE_TIMING_H
#define PH_TRANSCODE_PACKAGE_TIMING_H

#include <stdint.h>

#include "core/media/track.h"
#include "transcode/grid_plan.h"

struct ph_track_timing {
    enum ph_track_kind kind;
    struct ph_grid_plan grid;
    uint32_t step;        /* grid frames for each frame of the track; 1 for audio */
    uint32_t timescale;   /* ticks a second */
    uint32_t frame_ticks; /* each frame of the track lasts */
};

/* `rate` is the track's own: the grid's / step. */
struct ph_track_timing ph_track_timing_video(
    const struct ph_grid_plan *grid, uint32_t step, struct ph_rational rate);
struct ph_track_timing ph_track_timing_audio(const struct ph_grid_plan *grid);

/* Start of a grid frame that the track takes. */
int64_t ph_track_frame_start(const struct ph_track_timing *timing, int64_t frame);
/* The part a grid frame of the track's kind belongs to, and a part's first frame. */
struct ph_part_position ph_track_part_of(const struct ph_track_timing *timing, int64_t frame);
int64_t ph_track_first_frame(const struct ph_track_timing *timing, struct ph_part_position position);
/* The part after this one. */
struct ph_part_position ph_part_after(const struct ph_grid_plan *grid, struct ph_part_position position);
/* Parts from the session's start: parts as one row. */
uint64_t ph_part_ordinal(const struct ph_grid_plan *grid, struct ph_part_position position);
/* Where a whole part lies. */
void ph_track_part_span(const struct ph_track_timing *timing, struct ph_part_position position,
    int64_t *start_ticks, uint32_t *duration_ticks);

#endif
