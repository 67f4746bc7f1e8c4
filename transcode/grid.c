#include "transcode/grid.h"

#include <math.h>

static const double phase_gain = 0.05;
/* Slots a picture may lie off before its slot changes; above one half, so that jitter around an edge changes
 * nothing. */
static const double most_phase = 0.75;

int ph_grid_init(struct ph_grid *grid, const struct ph_grid_plan *plan, struct ph_grid_sink *sink,
    int64_t first, const AVFrame *picture) {
    *grid = (struct ph_grid){.plan = *plan, .sink = sink, .next = first};
    grid->last = av_frame_clone(picture);
    return grid->last ? 0 : -ENOMEM;
}

void ph_grid_finish(struct ph_grid *grid) {
    av_frame_free(&grid->last);
}

void ph_grid_lose_phase(struct ph_grid *grid) {
    grid->has_phase = false;
}

static int64_t slot_of(struct ph_grid *grid, int64_t time_us) {
    double position = (double)time_us * grid->plan.rate.num / grid->plan.rate.den / 1e6;
    if (!grid->has_phase) {
        grid->phase = position - floor(position + 0.5);
        grid->has_phase = true;
    }
    double slot = floor(position - grid->phase + 0.5);
    grid->phase += phase_gain * (position - grid->phase - slot);
    if (grid->phase > most_phase)
        grid->phase -= 1;
    else if (grid->phase < -most_phase)
        grid->phase += 1;
    return (int64_t)slot;
}

static int fill(struct ph_grid *grid, bool repeated, int64_t arrival_us) {
    struct ph_grid_video video = {
        .frame = grid->next, .picture = grid->last, .repeated = repeated, .arrival_us = arrival_us};
    grid->next++;
    grid->repeated += repeated;
    return grid->sink->impl->video(grid->sink, &video);
}

int ph_grid_picture(struct ph_grid *grid, AVFrame *picture, int64_t time_us, int64_t arrival_us) {
    int64_t slot = slot_of(grid, time_us);
    while (grid->next < slot) {
        int code = fill(grid, true, arrival_us);
        if (code < 0)
            return code;
    }
    av_frame_unref(grid->last);
    int code = av_frame_ref(grid->last, picture);
    if (code < 0)
        return code;
    if (slot < grid->next) { /* too late for its slot; what repeats it shows it all the same */
        grid->late++;
        return 0;
    }
    return fill(grid, false, arrival_us);
}

int ph_grid_advance(struct ph_grid *grid, int64_t until_us, int64_t arrival_us) {
    while (ph_grid_video_time_us(&grid->plan, grid->next) <= until_us) {
        int code = fill(grid, true, arrival_us);
        if (code < 0)
            return code;
    }
    return 0;
}

int64_t ph_grid_end_us(const struct ph_grid *grid) {
    return ph_grid_video_time_us(&grid->plan, grid->next);
}
