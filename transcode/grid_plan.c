#include "transcode/grid_plan.h"

#include <math.h>
#include <stdbool.h>

#include <libavutil/mathematics.h>

#include "core/base/clock.h"

static const struct ph_rational grid_rates[] = {
    {24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {48, 1}, {50, 1}, {60000, 1001}, {60, 1}};

static double fps_of(struct ph_rational rate) {
    return (double)rate.num / rate.den;
}

static struct ph_rational nearest_grid_rate(double source_fps) {
    const double tolerance = 0.005, most_believable_fps = 1000;
    if (!(source_fps > 0) || source_fps >= most_believable_fps)
        return (struct ph_rational){30, 1};
    struct ph_rational nearest = {source_fps < 30.5 ? 30 : 60, 1};
    double nearest_error = tolerance;
    for (size_t i = 0; i < sizeof(grid_rates) / sizeof(grid_rates[0]); i++) {
        double error = fabs(source_fps / fps_of(grid_rates[i]) - 1);
        if (error <= nearest_error) {
            nearest_error = error;
            nearest = grid_rates[i];
        }
    }
    return nearest;
}

struct ph_rational ph_grid_snap_rate(double source_fps, uint32_t most_fps) {
    struct ph_rational rate = nearest_grid_rate(source_fps);
    double fps = fps_of(rate);
    if (most_fps == 0 || fps <= most_fps)
        return rate;
    /* A whole divisor of the source's rate near the limit decimates evenly. */
    int32_t divisor = (int32_t)ceil(fps / most_fps);
    if (fps / divisor >= 0.99 * most_fps) {
        bool divides = rate.num % divisor == 0;
        return (struct ph_rational){
            divides ? rate.num / divisor : rate.num, divides ? rate.den : rate.den * divisor};
    }
    return (struct ph_rational){(int32_t)most_fps, 1};
}

/* Start of the `frames`-th video frame in audio frames. */
static int64_t video_in_audio_frames(
    const struct ph_grid_plan *plan, int64_t frames, enum AVRounding rounding) {
    return av_rescale_rnd(frames, (int64_t)plan->rate.den * PH_AUDIO_RATE,
        (int64_t)plan->rate.num * PH_AUDIO_FRAME_SAMPLES, rounding);
}

/* Duration of the longer of `frames` video frames and the audio that can begin within them. */
static int64_t longest_us(const struct ph_grid_plan *plan, int64_t frames) {
    int64_t video = av_rescale_rnd(frames, plan->rate.den * PH_SECOND_US, plan->rate.num, AV_ROUND_UP);
    int64_t audio = av_rescale_rnd(video_in_audio_frames(plan, frames, AV_ROUND_UP),
        PH_AUDIO_FRAME_SAMPLES * PH_SECOND_US, PH_AUDIO_RATE, AV_ROUND_UP);
    return video > audio ? video : audio;
}

/* RFC 8216bis: a part that is not its segment's last lasts at least 85 % of PART-TARGET. Audio parts hold a
 * whole number of audio frames, so a very short part would break it. */
static bool audio_parts_are_long_enough(const struct ph_grid_plan *plan) {
    int64_t shortest_us = av_rescale_rnd(video_in_audio_frames(plan, plan->frames_per_part, AV_ROUND_DOWN),
        PH_AUDIO_FRAME_SAMPLES * PH_SECOND_US, PH_AUDIO_RATE, AV_ROUND_DOWN);
    return shortest_us * 100 >= INT64_C(85) * ph_grid_part_target_us(plan);
}

struct ph_grid_plan ph_grid_plan_make(struct ph_rational rate, uint32_t part_ms, uint32_t segment_ms) {
    enum { longest_part_s = 10 };
    const double frame_ms = 1000.0 * rate.den / rate.num;
    struct ph_grid_plan plan = {.rate = rate, .frames_per_part = 0, .parts_per_segment = 1};
    double nearest_error = INFINITY;
    struct ph_grid_plan candidate = plan;
    for (candidate.frames_per_part = 1; candidate.frames_per_part * frame_ms < longest_part_s * 1000;
         candidate.frames_per_part++) {
        double error = fabs(candidate.frames_per_part * frame_ms - part_ms);
        if (error < nearest_error && audio_parts_are_long_enough(&candidate)) {
            nearest_error = error;
            plan.frames_per_part = candidate.frames_per_part;
        }
    }
    double parts = round(segment_ms / (plan.frames_per_part * frame_ms));
    plan.parts_per_segment = parts < 1 ? 1 : (uint32_t)parts;
    return plan;
}

static struct ph_part_position position_of(const struct ph_grid_plan *plan, int64_t part) {
    return (struct ph_part_position){
        (uint64_t)part / plan->parts_per_segment, (uint32_t)((uint64_t)part % plan->parts_per_segment)};
}

static int64_t first_video(const struct ph_grid_plan *plan, struct ph_part_position position) {
    return (int64_t)((position.segment * plan->parts_per_segment + position.part) * plan->frames_per_part);
}

struct ph_part_position ph_grid_part_of_video(const struct ph_grid_plan *plan, int64_t frame) {
    return position_of(plan, frame / plan->frames_per_part);
}

struct ph_part_position ph_grid_part_of_audio(const struct ph_grid_plan *plan, int64_t frame) {
    int64_t part = av_rescale_rnd(frame, (int64_t)plan->rate.num * PH_AUDIO_FRAME_SAMPLES,
        (int64_t)plan->rate.den * PH_AUDIO_RATE * plan->frames_per_part, AV_ROUND_DOWN);
    return position_of(plan, part);
}

int64_t ph_grid_first_video(const struct ph_grid_plan *plan, struct ph_part_position position) {
    return first_video(plan, position);
}

int64_t ph_grid_first_audio(const struct ph_grid_plan *plan, struct ph_part_position position) {
    return video_in_audio_frames(plan, first_video(plan, position), AV_ROUND_UP);
}

int64_t ph_grid_video_time_us(const struct ph_grid_plan *plan, int64_t frame) {
    return av_rescale(frame, plan->rate.den * PH_SECOND_US, plan->rate.num);
}

int64_t ph_grid_video_at_us(const struct ph_grid_plan *plan, int64_t time_us) {
    return av_rescale(time_us, plan->rate.num, plan->rate.den * PH_SECOND_US);
}

int64_t ph_grid_audio_time_us(int64_t frame) {
    return av_rescale(frame, PH_AUDIO_FRAME_SAMPLES * PH_SECOND_US, PH_AUDIO_RATE);
}

uint32_t ph_grid_part_target_us(const struct ph_grid_plan *plan) {
    int64_t longest = longest_us(plan, plan->frames_per_part);
    return (uint32_t)((longest + PH_MILLISECOND_US - 1) / PH_MILLISECOND_US * PH_MILLISECOND_US);
}

uint32_t ph_grid_target_duration_s(const struct ph_grid_plan *plan) {
    int64_t longest = longest_us(plan, (int64_t)plan->frames_per_part * plan->parts_per_segment);
    int64_t seconds = (longest + PH_SECOND_US / 2) / PH_SECOND_US;
    return seconds < 1 ? 1 : (uint32_t)seconds;
}
