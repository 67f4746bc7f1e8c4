/* The sound's grid: decoded sound of any form becomes frames of 1024 stereo samples at 48 kHz, one after the
 * other.
 *
 * Samples have absolute positions (session time × 48000). Sound that drifts off its timestamps by less than
 * PH_AUDIO_GAP_SAMPLES is stretched until it fits; a larger gap is filled with silence, an overlap is cut.
 * Frames are given out as soon as their samples are there; ph_audio_grid_advance() gives them out when none
 * came; and while a source has no sound, silence follows the picture, so that it delays nothing. Pure but for
 * the calls into the sink. */
#ifndef PH_TRANSCODE_AUDIO_GRID_H
#define PH_TRANSCODE_AUDIO_GRID_H

#include <libswresample/swresample.h>

#include "transcode/source.h"

enum {
    PH_AUDIO_GAP_SAMPLES = 1920,     /* 40 ms */
    PH_AUDIO_STORE_SAMPLES = 144000, /* 3 s */
    PH_AUDIO_ABSENT_US = 1000000,    /* without samples for this long, a source has no sound */
};

/* Embedded; not thread-safe. */
struct ph_audio_grid {
    struct ph_grid_sink *sink;
    bool has_begun; /* frames are given out from `next` on */
    int64_t next;
    SwrContext *resampler;
    int input_rate, input_format;
    AVChannelLayout input_layout;
    float *store[2]; /* samples not given out yet, from position `start` on */
    int64_t start;
    int count;
    bool has_position; /* the store continues the samples before */
    int64_t bias;      /* samples by which the store lies behind the timestamps, for who goes on elsewhere */
    int fade;          /* samples since the last gap, up to the length of a fade */
    bool is_declared;  /* the source says that it has sound */
    int64_t expected_until_us; /* session time until which sound is waited for */
    int64_t arrival_us;        /* link time of the newest samples */
    uint64_t gaps;
};

int ph_audio_grid_init(struct ph_audio_grid *grid, struct ph_grid_sink *sink) PH_NODISCARD;
void ph_audio_grid_finish(struct ph_audio_grid *grid);
/* From this frame on, frames are given out. */
void ph_audio_grid_begin(struct ph_audio_grid *grid, int64_t first);
/* Whether the source has sound by its own account, from `now_us` (session time) on. */
void ph_audio_grid_declare(struct ph_audio_grid *grid, bool has_audio, int64_t now_us);
/* A new connection: what follows does not continue what was. `bias` is 0, or what a checkpoint kept. */
void ph_audio_grid_restart(struct ph_audio_grid *grid, int64_t bias);
/* Decoded samples (borrowed) whose first stands at this session time. 0, what the sink says, or FFmpeg's
 * error. */
int ph_audio_grid_samples(
    struct ph_audio_grid *grid, const AVFrame *samples, int64_t time_us, int64_t arrival_us) PH_NODISCARD;
/* Gives out the frames that end at `until_us` or before, with silence where nothing came. */
int ph_audio_grid_advance(struct ph_audio_grid *grid, int64_t until_us, int64_t arrival_us) PH_NODISCARD;
/* The picture has come to `end_us`; silence follows it when there is no sound at `now_us`. */
int ph_audio_grid_follow(
    struct ph_audio_grid *grid, int64_t end_us, int64_t now_us, int64_t arrival_us) PH_NODISCARD;

#endif
