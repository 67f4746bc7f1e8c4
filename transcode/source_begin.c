/* When a source begins: what it is, how fast its pictures come, and what can never be carried. */
#include <libavutil/imgutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transcode/source_stage.h"
#include "transcode/turn.h"

enum {
    enough_pictures = 9,      /* to measure a rate from */
    few_pictures = 3,         /* to believe a declared rate */
    measure_us = 300000,      /* session time after which what is there must do */
    pictureless_us = 1000000, /* a source with sound and no announced picture is sound alone */
    media_us = 5000000,       /* a connection without media for this long has none */
    rtp_media_us = 15000000,  /* the same for RTP, whose first keyframe may take its time on a thin line */
    black_width = 1280,
    black_height = 720,
    growing_width = 640,
    growing_height = 360,
};

static int compare(const void *a, const void *b) {
    int64_t difference = *(const int64_t *)a - *(const int64_t *)b;
    return difference < 0 ? -1 : difference > 0;
}

/* Median time between the waiting pictures; 0 with fewer than two. */
static int64_t median_interval_us(const struct ph_source_stage *stage) {
    int64_t intervals[PH_MOST_WAITING_PICTURES];
    unsigned count = 0;
    for (unsigned i = 1; i < stage->waiting_count; i++)
        intervals[count++] = stage->waiting[i].time_us - stage->waiting[i - 1].time_us;
    if (!count)
        return 0;
    qsort(intervals, count, sizeof(intervals[0]), compare);
    return intervals[count / 2];
}

static double declared_fps(const struct ph_source_stage *stage) {
    if (stage->is_file && stage->file_rate.num > 0)
        return av_q2d(stage->file_rate);
    if (!stage->video.context || stage->video.context->framerate.num <= 0)
        return 0;
    double fps = av_q2d(stage->video.context->framerate);
    return fps >= 5 && fps <= 240 ? fps : 0;
}

/* WebRTC's rate is what the network and the light allow at the moment, 30 or 60 at its best. */
static double fps_of_rtp(double measured) {
    return measured > 45 ? 60 : 30;
}

/* Frames a second, or 0 while it takes more pictures to know. */
static double known_fps(const struct ph_source_stage *stage) {
    double declared = declared_fps(stage);
    if (stage->is_rtp && declared <= 0 && stage->options.most_fps > 0 && stage->options.most_fps <= 30)
        return 30;
    int64_t interval_us = median_interval_us(stage);
    double measured = interval_us > 0 ? 1e6 / (double)interval_us : 0;
    if (stage->waiting_count >= few_pictures && declared > 0 && measured > 0.8 * declared &&
        measured < 1.25 * declared)
        return declared;
    int64_t waited_us = stage->waiting_count ? stage->now_us - stage->waiting[0].time_us : 0;
    if (stage->waiting_count < enough_pictures && waited_us < measure_us)
        return 0;
    if (stage->is_rtp)
        return fps_of_rtp(measured);
    return measured > 0 ? measured : 30;
}

static uint32_t side(int64_t length) {
    if (length > PH_MOST_SOURCE_WIDTH)
        return PH_MOST_SOURCE_WIDTH;
    return length < 2 ? 2 : (uint32_t)length & ~1U;
}

/* Size in square pixels, upright, even; none of the picture's own pixels are lost. */
static void describe_size(struct ph_source_description *description, const AVFrame *picture) {
    struct ph_shown shown = ph_turn_shown(picture);
    AVRational aspect = shown.aspect;
    bool is_wide = aspect.num > aspect.den;
    description->width = side(is_wide ? av_rescale(shown.width, aspect.num, aspect.den) : shown.width);
    description->height = side(is_wide ? shown.height : av_rescale(shown.height, aspect.den, aspect.num));
}

static bool is_of_size(const struct ph_source_description *description, uint32_t longer, uint32_t shorter) {
    uint32_t width = description->width, height = description->height;
    return (width == longer && height == shorter) || (width == shorter && height == longer);
}

/* WebRTC sends what the network carries: a picture that begins small may grow to the ladder's top within
 * seconds, and the renditions are decided once. So it is taken to be that large from the start; but for the
 * sizes of cameras, at which no larger camera's picture passes by when it is scaled by 3/4, 1/2, 3/8 … */
static void foresee_size(struct ph_source_description *description, uint32_t most_height) {
    bool is_portrait = description->height > description->width;
    uint32_t shorter = is_portrait ? description->width : description->height;
    uint32_t longer = is_portrait ? description->height : description->width;
    if (shorter >= most_height || is_of_size(description, 1280, 720) || is_of_size(description, 640, 480))
        return;
    longer = (uint32_t)av_rescale(longer, most_height, shorter) & ~1U;
    if (longer > PH_MOST_SOURCE_WIDTH)
        longer = PH_MOST_SOURCE_WIDTH;
    description->width = is_portrait ? most_height : longer;
    description->height = is_portrait ? longer : most_height;
}

static AVFrame *black_picture(uint32_t width, uint32_t height) {
    AVFrame *picture = av_frame_alloc();
    if (!picture)
        return NULL;
    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = (int)width;
    picture->height = (int)height;
    picture->color_range = AVCOL_RANGE_MPEG;
    ptrdiff_t strides[4] = {0};
    if (av_frame_get_buffer(picture, 0) < 0) {
        av_frame_free(&picture);
        return NULL;
    }
    for (int plane = 0; plane < 3; plane++)
        strides[plane] = picture->linesize[plane];
    (void)av_image_fill_black(
        picture->data, strides, AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG, picture->width, picture->height);
    return picture;
}

/* Begins the grids at the start of the segment that holds `time_us`. */
static int begin(struct ph_source_stage *stage, AVFrame *first, double fps, int64_t time_us) {
    struct ph_source_description *description = &stage->description;
    describe_size(description, first);
    if (stage->is_rtp)
        foresee_size(description, stage->options.most_height & ~1U);
    struct ph_rational rate = ph_grid_snap_rate(fps, stage->options.most_fps);
    description->plan = ph_grid_plan_make(rate, stage->options.part_ms, stage->options.segment_ms);
    stage->has_begun = true;
    int64_t slot = ph_grid_video_at_us(&description->plan, time_us > 0 ? time_us : 0);
    struct ph_part_position start = {ph_grid_part_of_video(&description->plan, slot).segment, 0};
    int code = stage->sink->impl->begin(stage->sink, description);
    if (code >= 0)
        code = ph_grid_init(&stage->grid, &description->plan, stage->sink,
            ph_grid_first_video(&description->plan, start), first);
    if (code < 0)
        return code;
    ph_audio_grid_begin(&stage->audio_grid, ph_grid_first_audio(&description->plan, start));
    return ph_source_stage_note_beginning(stage);
}

static int begin_with_pictures(struct ph_source_stage *stage, double fps) {
    int code = begin(stage, stage->waiting[0].picture, fps, stage->waiting[0].time_us);
    for (unsigned i = 0; i < stage->waiting_count; i++) {
        struct ph_waiting_picture *waiting = &stage->waiting[i];
        if (code >= 0)
            code = ph_source_stage_picture(stage, waiting->picture, waiting->time_us, waiting->arrival_us);
        av_frame_free(&waiting->picture);
    }
    stage->waiting_count = 0;
    return code;
}

static int begin_without_pictures(struct ph_source_stage *stage) {
    /* A picture that is listed comes, and may be larger. */
    bool may_grow = stage->is_rtp && stage->lists_video;
    AVFrame *picture =
        may_grow ? black_picture(growing_width, growing_height) : black_picture(black_width, black_height);
    if (!picture)
        return -ENOMEM;
    int code = begin(stage, picture, 30, stage->connected_us);
    av_frame_free(&picture);
    return code;
}

/* A source with sound and no picture so far. */
static bool is_sound_alone(const struct ph_source_stage *stage, int64_t waited_us) {
    if (stage->is_rtp) /* its description is final */
        return !stage->lists_video;
    return stage->parameters[PH_TRACK_VIDEO] == NULL && waited_us >= pictureless_us;
}

static int fail_without_media(struct ph_source_stage *stage) {
    if (stage->is_rtp)
        return ph_source_stage_fail(stage, "no_media",
            "The publisher is connected and sends no picture and no sound that can be decoded; check that "
            "its tracks are not muted and that it answers requests for keyframes.");
    return ph_source_stage_fail(stage, "no_media",
        "The publisher sends neither video nor audio that can be read; publish MPEG-TS with H.264 video.");
}

static int fail_unsupported(struct ph_source_stage *stage) {
    char text[256];
    snprintf(text, sizeof(text),
        "The source's video (%s) cannot be decoded here; publish H.264 video and AAC or Opus audio.",
        stage->refused_codec);
    return ph_source_stage_fail(stage, "unsupported_codec", text);
}

int ph_source_stage_consider(struct ph_source_stage *stage) {
    if (!stage->has_connection || (stage->is_file && !stage->waiting_count))
        return 0;
    if (stage->waiting_count) {
        double fps = known_fps(stage);
        return fps > 0 ? begin_with_pictures(stage, fps) : 0;
    }
    int64_t waited_us = stage->now_us - stage->connected_us;
    bool has_sound = stage->audio.decoded > 0, has_video = stage->parameters[PH_TRACK_VIDEO] != NULL;
    if (stage->refused_codec && !has_video && waited_us >= pictureless_us)
        return fail_unsupported(stage);
    if (has_sound && (waited_us >= media_us || is_sound_alone(stage, waited_us)))
        return begin_without_pictures(stage);
    return waited_us >= (stage->is_rtp ? rtp_media_us : media_us) ? fail_without_media(stage) : 0;
}

int ph_source_stage_begin_late(struct ph_source_stage *stage) {
    if (!stage->waiting_count)
        return 0;
    int64_t interval_us = median_interval_us(stage);
    double fps = declared_fps(stage);
    return begin_with_pictures(stage, fps > 0 ? fps : interval_us > 0 ? 1e6 / (double)interval_us : 30);
}

static void note_rate(struct ph_source_stage *stage, const AVFrame *picture, int64_t time_us) {
    int64_t interval_us = time_us - stage->last_picture_us;
    stage->last_picture_us = time_us;
    if (interval_us > 0 && interval_us < 1000000)
        stage->interval_us +=
            stage->interval_us > 0 ? 0.05 * ((double)interval_us - stage->interval_us) : (double)interval_us;
    pthread_mutex_lock(&stage->lock);
    stage->figures.width = (uint32_t)picture->width;
    stage->figures.height = (uint32_t)picture->height;
    stage->figures.source_fps = stage->interval_us > 0 ? 1e6 / stage->interval_us : 0;
    pthread_mutex_unlock(&stage->lock);
}

int ph_source_stage_picture(
    struct ph_source_stage *stage, AVFrame *picture, int64_t time_us, int64_t arrival_us) {
    if (stage->has_begun) {
        note_rate(stage, picture, time_us);
        int code = ph_grid_picture(&stage->grid, picture, time_us, arrival_us);
        if (code >= 0)
            code = ph_audio_grid_follow(
                &stage->audio_grid, ph_grid_end_us(&stage->grid), stage->now_us, arrival_us);
        return code;
    }
    if (stage->waiting_count == PH_MOST_WAITING_PICTURES)
        return 0;
    struct ph_waiting_picture *waiting = &stage->waiting[stage->waiting_count];
    *waiting = (struct ph_waiting_picture){av_frame_clone(picture), time_us, arrival_us};
    if (!waiting->picture)
        return -ENOMEM;
    stage->waiting_count++;
    return ph_source_stage_consider(stage);
}

static int resume_grids(struct ph_source_stage *stage, const struct ph_source_state *state) {
    AVFrame *picture = black_picture(state->description.width, state->description.height);
    if (!picture)
        return -ENOMEM;
    int code = ph_grid_init(&stage->grid, &state->description.plan, stage->sink, state->slot, picture);
    av_frame_free(&picture);
    stage->grid.has_phase = true;
    stage->grid.phase = state->phase;
    ph_audio_grid_begin(&stage->audio_grid, state->audio_frame);
    ph_audio_grid_restart(&stage->audio_grid, state->audio_bias);
    return code;
}

/* Goes on where the state was taken; the connection is that of the state. */
static int resume(struct ph_source_stage *stage, struct ph_source_state *state) {
    stage->description = state->description;
    stage->timeline = state->timeline;
    stage->has_begun = stage->has_connection = stage->is_catching_up = true;
    stage->now_us = ph_grid_video_time_us(&state->description.plan, state->slot);
    stage->connected_us = stage->now_us;
    stage->interval_us = 1e6 * state->description.plan.rate.den / state->description.plan.rate.num;
    ph_audio_grid_declare(&stage->audio_grid, state->has_audio, stage->now_us);
    int code = resume_grids(stage, state);
    if (code < 0)
        return code;
    stage->connection = (struct ph_link_connection){.number = state->connection, .kind = strdup(state->kind)};
    if (!stage->connection.kind)
        return -ENOMEM;
    stage->connection.sdp = state->sdp;
    state->sdp = NULL;
    stage->rtp_clock = state->rtp_clock;
    stage->keyframe_us = stage->now_us;
    return ph_source_stage_read_connection(stage);
}

int ph_source_stage_init(struct ph_source_stage *stage, const struct ph_source_options *options,
    struct ph_grid_sink *sink, struct ph_source_state *state) {
    stage->options = *options;
    stage->options.state = (struct ph_slice){0};
    stage->sink = sink;
    stage->now_us = INT64_MIN;
    stage->asked_keyframe_us = INT64_MIN / 2;
    stage->next_audio_ticks = -1;
    stage->first_replay_from = PH_NO_UNIT;
    pthread_mutex_init(&stage->lock, NULL);
    ph_timeline_init(&stage->timeline);
    stage->frame = av_frame_alloc();
    stage->last_sound = av_frame_alloc();
    stage->packet = av_packet_alloc();
    int code = ph_audio_grid_init(&stage->audio_grid, sink);
    if (!stage->frame || !stage->last_sound || !stage->packet)
        code = -ENOMEM;
    if (code == 0 && state)
        code = resume(stage, state);
    return code;
}

int ph_source_stage_start(struct ph_source_stage *stage) {
    return stage->has_begun ? stage->sink->impl->begin(stage->sink, &stage->description) : 0;
}

void ph_source_stage_finish(struct ph_source_stage *stage) {
    for (unsigned i = 0; i < stage->waiting_count; i++)
        av_frame_free(&stage->waiting[i].picture);
    ph_decoder_finish(&stage->video);
    ph_decoder_finish(&stage->audio);
    avcodec_parameters_free(&stage->parameters[PH_TRACK_VIDEO]);
    avcodec_parameters_free(&stage->parameters[PH_TRACK_AUDIO]);
    ph_grid_finish(&stage->grid);
    ph_audio_grid_finish(&stage->audio_grid);
    ph_link_connection_finish(&stage->connection);
    ph_source_points_finish(&stage->points);
    av_packet_free(&stage->packet);
    av_frame_free(&stage->frame);
    av_frame_free(&stage->last_sound);
    pthread_mutex_destroy(&stage->lock);
}
