#include "transcode/audio_grid.h"

#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <string.h>

enum {
    frame_samples = PH_AUDIO_FRAME_SAMPLES,
    fade_samples = 96,  /* 2 ms */
    slack_samples = 96, /* timestamps are this coarse; nothing is stretched for less */
    most_stretch = 240, /* samples a second: 0.5 % */
};

int ph_audio_grid_init(struct ph_audio_grid *grid, struct ph_grid_sink *sink) {
    *grid = (struct ph_audio_grid){.sink = sink, .expected_until_us = INT64_MIN, .fade = fade_samples};
    for (int channel = 0; channel < 2; channel++) {
        grid->store[channel] = av_calloc(PH_AUDIO_STORE_SAMPLES, sizeof(float));
        if (!grid->store[channel]) {
            ph_audio_grid_finish(grid);
            return -ENOMEM;
        }
    }
    return 0;
}

void ph_audio_grid_finish(struct ph_audio_grid *grid) {
    swr_free(&grid->resampler);
    av_channel_layout_uninit(&grid->input_layout);
    av_freep(&grid->store[0]);
    av_freep(&grid->store[1]);
}

static int64_t end_of(const struct ph_audio_grid *grid) {
    return grid->start + grid->count;
}

/* Forgets stored samples that lie before a position. What is still to come keeps its place. */
static void forget_before(struct ph_audio_grid *grid, int64_t position) {
    int64_t past = position - grid->start;
    if (past <= 0)
        return;
    int gone = past < grid->count ? (int)past : grid->count;
    grid->count -= gone;
    for (int channel = 0; channel < 2; channel++)
        memmove(grid->store[channel], grid->store[channel] + gone, (size_t)grid->count * sizeof(float));
    grid->start += gone;
}

void ph_audio_grid_begin(struct ph_audio_grid *grid, int64_t first) {
    grid->has_begun = true;
    grid->next = first;
    if (grid->has_position)
        forget_before(grid, first * frame_samples);
}

void ph_audio_grid_declare(struct ph_audio_grid *grid, bool has_audio, int64_t now_us) {
    if (has_audio && !grid->is_declared)
        grid->expected_until_us = now_us + PH_AUDIO_ABSENT_US;
    grid->is_declared = has_audio;
}

void ph_audio_grid_restart(struct ph_audio_grid *grid, int64_t bias) {
    grid->has_position = false;
    grid->bias = bias;
    swr_free(&grid->resampler);
}

/* Copies a frame out of the store, silence where it has nothing, and gives it to the sink. */
static int give_frame(struct ph_audio_grid *grid, int64_t arrival_us) {
    float samples[2][frame_samples];
    memset(samples, 0, sizeof(samples));
    int64_t from = grid->next * frame_samples, to = from + frame_samples;
    int64_t first = grid->start > from ? grid->start : from, last = end_of(grid) < to ? end_of(grid) : to;
    for (int channel = 0; channel < 2 && first < last; channel++)
        memcpy(samples[channel] + (first - from), grid->store[channel] + (first - grid->start),
            (size_t)(last - first) * sizeof(float));
    struct ph_grid_audio audio = {
        .frame = grid->next,
        .samples = {samples[0], samples[1]},
        .silent = first >= last,
        .arrival_us = arrival_us,
    };
    grid->next++;
    if (grid->has_position)
        forget_before(grid, to);
    return grid->sink->impl->audio(grid->sink, &audio);
}

static int give_whole_frames(struct ph_audio_grid *grid) {
    while (grid->has_begun && end_of(grid) >= (grid->next + 1) * frame_samples) {
        int code = give_frame(grid, grid->arrival_us);
        if (code < 0)
            return code;
    }
    return 0;
}

int ph_audio_grid_advance(struct ph_audio_grid *grid, int64_t until_us, int64_t arrival_us) {
    while (grid->has_begun && ph_grid_audio_time_us(grid->next + 1) <= until_us) {
        int code = give_frame(grid, arrival_us);
        if (code < 0)
            return code;
    }
    return 0;
}

int ph_audio_grid_follow(struct ph_audio_grid *grid, int64_t end_us, int64_t now_us, int64_t arrival_us) {
    if (now_us < grid->expected_until_us)
        return 0;
    return ph_audio_grid_advance(grid, end_us, arrival_us);
}

static int open_resampler(struct ph_audio_grid *grid, const AVFrame *samples) {
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO, input = {0};
    int code = samples->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC
                   ? (av_channel_layout_default(&input, samples->ch_layout.nb_channels), 0)
                   : av_channel_layout_copy(&input, &samples->ch_layout);
    swr_free(&grid->resampler);
    if (code >= 0)
        code = swr_alloc_set_opts2(&grid->resampler, &stereo, AV_SAMPLE_FMT_FLTP, PH_AUDIO_RATE, &input,
            samples->format, samples->sample_rate, 0, NULL);
    if (code >= 0) /* from the start, so that stretching later changes nothing else */
        code = av_opt_set_int(grid->resampler, "flags", SWR_FLAG_RESAMPLE, 0);
    if (code >= 0)
        code = swr_init(grid->resampler);
    av_channel_layout_uninit(&input);
    if (code >= 0)
        code = av_channel_layout_copy(&grid->input_layout, &samples->ch_layout);
    if (code < 0) {
        swr_free(&grid->resampler);
        return code;
    }
    grid->input_rate = samples->sample_rate;
    grid->input_format = samples->format;
    return 0;
}

static bool resampler_fits(const struct ph_audio_grid *grid, const AVFrame *samples) {
    return grid->resampler && grid->input_rate == samples->sample_rate &&
           grid->input_format == samples->format &&
           av_channel_layout_compare(&grid->input_layout, &samples->ch_layout) == 0;
}

/* Puts `count` samples of silence behind what is stored. */
static void append_silence(struct ph_audio_grid *grid, int64_t count) {
    int64_t room = PH_AUDIO_STORE_SAMPLES - grid->count;
    int added = (int)(count < room ? count : room);
    for (int channel = 0; channel < 2; channel++)
        memset(grid->store[channel] + grid->count, 0, (size_t)added * sizeof(float));
    grid->count += added;
}

/* Sets the store's end so that the next samples lie where their timestamp says: exactly after a gap or an
 * overlap, by and by for small errors. Returns how many of the next samples are to be cut. */
static int64_t settle(struct ph_audio_grid *grid, int64_t position) {
    int64_t delay = swr_get_delay(grid->resampler, PH_AUDIO_RATE);
    if (!grid->has_position) {
        grid->start = position + grid->bias - delay;
        grid->count = 0;
        grid->has_position = true;
        grid->fade = 0;
        return 0;
    }
    int64_t error = position - (end_of(grid) + delay);
    grid->bias = -error;
    if (error > PH_AUDIO_GAP_SAMPLES) {
        if (error < PH_AUDIO_STORE_SAMPLES / 2)
            append_silence(grid, error);
        else {
            grid->start = position - delay;
            grid->count = 0;
        }
        grid->gaps++;
        grid->fade = 0;
        grid->bias = 0;
        return 0;
    }
    if (error < -PH_AUDIO_GAP_SAMPLES) {
        grid->gaps++;
        grid->fade = 0;
        grid->bias = 0;
        return -error;
    }
    if (error > slack_samples || error < -slack_samples) {
        int64_t stretch = error > most_stretch ? most_stretch : error < -most_stretch ? -most_stretch : error;
        (void)swr_set_compensation(
            grid->resampler, (int)stretch, PH_AUDIO_RATE); /* fails only for bad arguments */
    }
    return 0;
}

/* Softens the first samples after a gap. */
static void fade_in(struct ph_audio_grid *grid, int first, int count) {
    for (int i = 0; i < count && grid->fade < fade_samples; i++, grid->fade++) {
        for (int channel = 0; channel < 2; channel++)
            grid->store[channel][first + i] *= (float)grid->fade / fade_samples;
    }
}

/* Removes `cut` samples that were just appended behind `first`. */
static void cut_samples(struct ph_audio_grid *grid, int first, int64_t cut) {
    int added = grid->count - first;
    int gone = cut < added ? (int)cut : added;
    for (int channel = 0; channel < 2 && gone > 0; channel++)
        memmove(grid->store[channel] + first, grid->store[channel] + first + gone,
            (size_t)(added - gone) * sizeof(float));
    grid->count -= gone;
}

int ph_audio_grid_samples(
    struct ph_audio_grid *grid, const AVFrame *samples, int64_t time_us, int64_t arrival_us) {
    if (!resampler_fits(grid, samples)) {
        int64_t bias = grid->has_position ? 0 : grid->bias;
        int code = open_resampler(grid, samples);
        if (code < 0)
            return code;
        if (!grid->has_position)
            grid->bias = bias;
    }
    int64_t cut = settle(grid, time_us * 48 / 1000);
    if (!grid->has_begun && grid->count > PH_AUDIO_STORE_SAMPLES / 2)
        forget_before(grid, grid->start + PH_AUDIO_STORE_SAMPLES / 4);
    int first = grid->count, room = PH_AUDIO_STORE_SAMPLES - first;
    uint8_t *target[2] = {(uint8_t *)(grid->store[0] + first), (uint8_t *)(grid->store[1] + first)};
    int made = swr_convert(
        grid->resampler, target, room, (const uint8_t **)samples->extended_data, samples->nb_samples);
    if (made < 0)
        return made;
    grid->count += made;
    if (cut > 0)
        cut_samples(grid, first, cut);
    fade_in(grid, first, grid->count - first);
    if (grid->has_begun)
        forget_before(grid, grid->next * frame_samples);
    grid->arrival_us = arrival_us;
    return give_whole_frames(grid);
}
