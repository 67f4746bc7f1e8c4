/* The grid: fixed indices from which segment and part numbers follow. Pure arithmetic, exact for every rate.
 *
 * Video frame n of the grid is shown at n / rate. A part is `frames_per_part` frames, a segment
 * `parts_per_segment` parts. Audio frame m begins at m * 1024 / 48000 and belongs to the part in which it
 * begins. Segments and parts count from 0. */
#ifndef PH_TRANSCODE_GRID_PLAN_H
#define PH_TRANSCODE_GRID_PLAN_H

#include <stdint.h>

#include "core/media/track.h"

struct ph_grid_plan {
    struct ph_rational rate;
    uint32_t frames_per_part;
    uint32_t parts_per_segment;
};

/* Snaps a measured or declared frame rate to the grid's: 23.976, 24, 25, 29.97, 30, 48, 50, 59.94 or 60
 * within 0.5 %, else 30 below 30.5 and 60 above; never above `most_fps`. 0, negative and unbounded rates
 * give 30. */
struct ph_rational ph_grid_snap_rate(double source_fps, uint32_t most_fps);
/* The plan whose part lasts closest to part_ms, among those whose audio parts (whole audio frames) keep the
 * 85 % rule of RFC 8216bis, and whose segment, in whole parts, closest to segment_ms. `rate` is positive. */
struct ph_grid_plan ph_grid_plan_make(struct ph_rational rate, uint32_t part_ms, uint32_t segment_ms);

struct ph_part_position ph_grid_part_of_video(const struct ph_grid_plan *plan, int64_t frame);
struct ph_part_position ph_grid_part_of_audio(const struct ph_grid_plan *plan, int64_t frame);
/* First frame of a part. */
int64_t ph_grid_first_video(const struct ph_grid_plan *plan, struct ph_part_position position);
int64_t ph_grid_first_audio(const struct ph_grid_plan *plan, struct ph_part_position position);
/* Start of a video frame, and the frame whose slot holds a time (nearest). */
int64_t ph_grid_video_time_us(const struct ph_grid_plan *plan, int64_t frame);
int64_t ph_grid_video_at_us(const struct ph_grid_plan *plan, int64_t time_us);
int64_t ph_grid_audio_time_us(int64_t frame);
/* The longest part of any track (audio's may exceed video's by up to one audio frame), rounded up to whole
 * milliseconds: PART-TARGET. And EXT-X-TARGETDURATION: the longest segment rounded to the nearest second, at
 * least 1. */
uint32_t ph_grid_part_target_us(const struct ph_grid_plan *plan);
uint32_t ph_grid_target_duration_s(const struct ph_grid_plan *plan);

#endif
