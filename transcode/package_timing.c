#include "transcode/package_timing.h"

struct ph_track_timing ph_track_timing_video(
    const struct ph_grid_plan *grid, uint32_t step, struct ph_rational rate) {
    /* A millisecond's precision for the whole rates; the 1001 ones bring their own. */
    uint32_t scale = rate.num >= 10000 ? 1 : 1000;
    return (struct ph_track_timing){
        .kind = PH_TRACK_VIDEO,
        .grid = *grid,
        .step = step,
        .timescale = (uint32_t)rate.num * scale,
        .frame_ticks = (uint32_t)rate.den * scale,
    };
}

struct ph_track_timing ph_track_timing_audio(const struct ph_grid_plan *grid) {
    return (struct ph_track_timing){
        .kind = PH_TRACK_AUDIO,
        .grid = *grid,
        .step = 1,
        .timescale = PH_AUDIO_RATE,
        .frame_ticks = PH_AUDIO_FRAME_SAMPLES,
    };
}

int64_t ph_track_frame_start(const struct ph_track_timing *timing, int64_t frame) {
    return frame / timing->step * timing->frame_ticks;
}

struct ph_part_position ph_track_part_of(const struct ph_track_timing *timing, int64_t frame) {
    if (timing->kind == PH_TRACK_AUDIO)
        return ph_grid_part_of_audio(&timing->grid, frame);
    return ph_grid_part_of_video(&timing->grid, frame);
}

int64_t ph_track_first_frame(const struct ph_track_timing *timing, struct ph_part_position position) {
    if (timing->kind == PH_TRACK_AUDIO)
        return ph_grid_first_audio(&timing->grid, position);
    return ph_grid_first_video(&timing->grid, position);
}

struct ph_part_position ph_part_after(const struct ph_grid_plan *grid, struct ph_part_position position) {
    if (position.part + 1 < grid->parts_per_segment)
        return (struct ph_part_position){position.segment, position.part + 1};
    return (struct ph_part_position){position.segment + 1, 0};
}

uint64_t ph_part_ordinal(const struct ph_grid_plan *grid, struct ph_part_position position) {
    return position.segment * grid->parts_per_segment + position.part;
}

void ph_track_part_span(const struct ph_track_timing *timing, struct ph_part_position position,
    int64_t *start_ticks, uint32_t *duration_ticks) {
    int64_t first = ph_track_first_frame(timing, position);
    int64_t next = ph_track_first_frame(timing, ph_part_after(&timing->grid, position));
    *start_ticks = ph_track_frame_start(timing, first);
    *duration_ticks = (uint32_t)(ph_track_frame_start(timing, next) - *start_ticks);
}
