/* A source for tests that stands in for demuxing and decoding: entry n + 1 is grid frame n of 30 a second,
 * painted by its number, with the audio that belongs to it; a checkpoint may be taken at every tenth frame.
 */
#include "tests/unit/transcode/source_double.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/builder.h"
#include "core/base/cursor.h"

struct ph_source {
    struct ph_source_options options;
    struct ph_grid_sink *sink;
    struct ph_grid_plan plan;
    bool begun;
    uint64_t pictures;
};

static struct ph_grid_plan plan_of(const struct ph_source_options *options) {
    return ph_grid_plan_make((struct ph_rational){30, 1}, options->part_ms, options->segment_ms);
}

static struct ph_source_description describe(struct ph_grid_plan plan) {
    return (struct ph_source_description){SOURCE_DOUBLE_WIDTH, SOURCE_DOUBLE_HEIGHT, plan};
}

int ph_source_create(
    struct ph_source **created, const struct ph_source_options *options, struct ph_grid_sink *sink) {
    struct ph_source *source = calloc(1, sizeof(*source));
    source->options = *options;
    source->sink = sink;
    source->plan = plan_of(options);
    *created = source;
    return 0;
}

void source_double_paint(AVFrame *picture, int64_t number) {
    for (int plane = 0; plane < 3; plane++) {
        int shift = plane > 0;
        for (int y = 0; y < picture->height >> shift; y++) {
            uint8_t *row = picture->data[plane] + (ptrdiff_t)y * picture->linesize[plane];
            for (int x = 0; x < picture->width >> shift; x++)
                row[x] = (uint8_t)((x + 2 * number) ^ (y + number));
        }
    }
}

static int give_video(struct ph_source *source, int64_t frame, int64_t time_us) {
    AVFrame *picture = av_frame_alloc();
    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = SOURCE_DOUBLE_WIDTH;
    picture->height = SOURCE_DOUBLE_HEIGHT;
    picture->colorspace = AVCOL_SPC_BT709;
    if (av_frame_get_buffer(picture, 0) < 0)
        abort();
    source_double_paint(picture, frame);
    struct ph_grid_video video = {.frame = frame, .picture = picture, .arrival_us = time_us};
    int code = source->sink->impl->video(source->sink, &video);
    av_frame_free(&picture);
    source->pictures++;
    return code;
}

static int give_audio(struct ph_source *source, int64_t frame, int64_t time_us) {
    float samples[PH_AUDIO_FRAME_SAMPLES];
    for (int i = 0; i < PH_AUDIO_FRAME_SAMPLES; i++) {
        double t = (double)(frame * PH_AUDIO_FRAME_SAMPLES + i) / PH_AUDIO_RATE;
        samples[i] = (float)(0.5 * sin(2 * M_PI * 440 * t));
    }
    struct ph_grid_audio audio = {.frame = frame, .samples = {samples, samples}, .arrival_us = time_us};
    return source->sink->impl->audio(source->sink, &audio);
}

static int give_frame(struct ph_source *source, int64_t frame, int64_t time_us) {
    if (!source->begun) {
        struct ph_source_description description = describe(source->plan);
        int code = source->sink->impl->begin(source->sink, &description);
        if (code < 0)
            return code;
        source->begun = true;
    }
    int code = give_video(source, frame, time_us);
    /* Audio frames that begin within this picture: 1.5625 a picture. */
    int64_t first = (frame * 1600 + 1023) / 1024, end = ((frame + 1) * 1600 + 1023) / 1024;
    for (int64_t m = first; code >= 0 && m < end; m++)
        code = give_audio(source, m, time_us);
    return code;
}

int ph_source_feed(struct ph_source *source, const struct ph_link_entry *entry) {
    if (entry->type == PH_LINK_UNIT && entry->bytes.size == 3 && memcmp(entry->bytes.data, "bad", 3) == 0) {
        struct ph_link_reason reason = {"codec", "the source's codec is not supported"};
        source->sink->impl->failed(source->sink, &reason);
        return PH_EOF;
    }
    if (entry->type == PH_LINK_UNIT)
        return give_frame(source, (int64_t)entry->index - 1, entry->time_us);
    if (entry->type == PH_LINK_END)
        return source->sink->impl->end(source->sink);
    return 0;
}

int ph_source_tick(struct ph_source *source, int64_t now_us) {
    (void)source;
    (void)now_us;
    return 0;
}

int ph_source_checkpoint(
    struct ph_source *source, int64_t video, int64_t audio, uint64_t *replay_from, struct ph_bytes **state) {
    int64_t of_audio = audio * 1024 / 1600;
    int64_t frame = (video < of_audio ? video : of_audio) / 10 * 10;
    *replay_from = (uint64_t)frame + 1;
    struct ph_builder builder = {0};
    ph_builder_u32(&builder, source->plan.frames_per_part);
    ph_builder_u32(&builder, source->plan.parts_per_segment);
    *state = ph_builder_finish(&builder);
    return *state ? 0 : -ENOMEM;
}

int ph_source_state_description(struct ph_slice state, struct ph_source_description *description) {
    struct ph_cursor cursor = ph_cursor_init(state);
    struct ph_grid_plan plan = {.rate = {30, 1}};
    plan.frames_per_part = ph_cursor_u32(&cursor);
    plan.parts_per_segment = ph_cursor_u32(&cursor);
    *description = describe(plan);
    return ph_cursor_ok(&cursor) ? 0 : PH_INVALID_DATA;
}

void ph_source_read_figures(struct ph_source *source, struct ph_source_figures *figures) {
    *figures = (struct ph_source_figures){.width = SOURCE_DOUBLE_WIDTH, .height = SOURCE_DOUBLE_HEIGHT};
    figures->source_fps = 30;
    (void)source;
}

void ph_source_set_decode_effort(struct ph_source *source, int skip) {
    (void)source;
    (void)skip;
}

void ph_source_destroy(struct ph_source *source) {
    free(source);
}
