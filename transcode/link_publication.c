#include "transcode/link_publication.h"

#include <stdio.h>

#include "transcode/package_boxes.h"
#include "transcode/package_timing.h"

/* Frames of a part and what its boxes add, in bit/s. */
static uint32_t container_bitrate(double frames_per_second, double parts_per_second) {
    double frames_per_part = frames_per_second / parts_per_second;
    double fixed = ph_package_fragment_overhead(0);
    double each = ph_package_fragment_overhead(1) - fixed;
    return (uint32_t)((fixed + each * frames_per_part) * parts_per_second * 8 + 1);
}

static double parts_per_second(const struct ph_grid_plan *grid) {
    return (double)grid->rate.num / grid->rate.den / grid->frames_per_part;
}

static void describe_video(const struct ph_grid_plan *grid, const struct ph_rendition *rendition,
    const char *codecs, struct ph_track *track) {
    *track = (struct ph_track){
        .kind = PH_TRACK_VIDEO,
        .timescale = ph_track_timing_video(grid, rendition->step, rendition->rate).timescale,
        .width = rendition->width,
        .height = rendition->height,
        .rate = rendition->rate,
    };
    snprintf(track->name, sizeof(track->name), "%s", rendition->name);
    snprintf(track->codecs, sizeof(track->codecs), "%s", codecs);
    double fps = (double)rendition->rate.num / rendition->rate.den;
    uint32_t container = container_bitrate(fps, parts_per_second(grid));
    double segment_seconds = grid->parts_per_segment / parts_per_second(grid);
    /* A segment can spend the refill of the buffer for its length and what the buffer had saved up. */
    double peak = rendition->most_bitrate + rendition->buffer_bits / segment_seconds;
    track->bandwidth = (uint32_t)peak + container;
    /* x264 comes out a little above what it aims at, most of all in a short session. */
    track->average_bandwidth = rendition->bitrate / 100 * 103 + container;
}

uint32_t ph_publication_bitrate(const struct ph_publication *publication, const struct ph_track *track) {
    const struct ph_grid_plan grid = {
        publication->grid_rate, publication->frames_per_part, publication->parts_per_segment};
    double fps = (double)track->rate.num / track->rate.den;
    uint32_t container = container_bitrate(fps, parts_per_second(&grid));
    uint32_t average = track->average_bandwidth > container ? track->average_bandwidth - container : 0;
    /* Ladders count in kbit/s. */
    return (average / 103 * 100 + 500) / 1000 * 1000;
}

static void describe_audio(const struct ph_grid_plan *grid, const char *codecs, struct ph_track *track) {
    uint32_t container =
        container_bitrate((double)PH_AUDIO_RATE / PH_AUDIO_FRAME_SAMPLES, parts_per_second(grid));
    *track = (struct ph_track){
        .name = "audio",
        .kind = PH_TRACK_AUDIO,
        .timescale = PH_AUDIO_RATE,
        /* The encoder's bit reservoir. */
        .bandwidth = PH_AUDIO_BITRATE / 100 * 115 + container,
        .average_bandwidth = PH_AUDIO_BITRATE + container,
        .channels = 2,
        .language = "und",
    };
    snprintf(track->codecs, sizeof(track->codecs), "%s", codecs);
}

void ph_publication_make(const struct ph_ladder_plan *plan, const char *const codecs[], int64_t epoch_utc_us,
    struct ph_publication *publication) {
    const struct ph_grid_plan *grid = &plan->grid;
    *publication = (struct ph_publication){
        .epoch_utc_us = epoch_utc_us,
        .grid_rate = grid->rate,
        .frames_per_part = grid->frames_per_part,
        .parts_per_segment = grid->parts_per_segment,
        .part_target_us = ph_grid_part_target_us(grid),
        .target_duration_s = ph_grid_target_duration_s(grid),
        .track_count = plan->count + 1,
    };
    for (uint32_t i = 0; i < plan->count; i++)
        describe_video(grid, &plan->renditions[i], codecs[i], &publication->tracks[i]);
    describe_audio(grid, codecs[plan->count], &publication->tracks[plan->count]);
}
