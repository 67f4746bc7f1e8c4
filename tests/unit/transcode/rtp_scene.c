#include "tests/unit/transcode/rtp_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static uint32_t checksum(const AVFrame *picture, double *luma) {
    uint32_t sum = 2166136261U;
    uint64_t total = 0, count = 0;
    for (int y = 0; y < picture->height; y += 7)
        for (int x = 0; x < picture->width; x += 5) {
            uint8_t value = picture->data[0][(ptrdiff_t)y * picture->linesize[0] + x];
            sum = (sum ^ value) * 16777619U;
            total += value;
            count++;
        }
    *luma = count ? (double)total / (double)count : 0;
    return sum;
}

static int sink_begin(struct ph_grid_sink *base, const struct ph_source_description *description) {
    struct rtp_seen *seen = (struct rtp_seen *)base;
    seen->description = *description;
    seen->begun++;
    return 0;
}

static int sink_video(struct ph_grid_sink *base, const struct ph_grid_video *video) {
    struct rtp_seen *seen = (struct rtp_seen *)base;
    if (seen->first_video < 0)
        seen->first_video = video->frame;
    else
        assert_int_equal(video->frame, seen->next_video);
    size_t at = (size_t)(video->frame - seen->first_video);
    assert_true(at < RTP_SCENE_MOST_FRAMES);
    seen->video[at].sum = checksum(video->picture, &seen->video[at].luma);
    seen->video[at].width = video->picture->width;
    seen->video[at].height = video->picture->height;
    seen->video[at].repeated = video->repeated;
    seen->video[at].arrival_us = video->arrival_us;
    __atomic_store_n(&seen->next_video, video->frame + 1, __ATOMIC_RELAXED); /* a test waits for it */
    return 0;
}

static int sink_audio(struct ph_grid_sink *base, const struct ph_grid_audio *audio) {
    struct rtp_seen *seen = (struct rtp_seen *)base;
    if (seen->first_audio < 0)
        seen->first_audio = seen->next_audio = audio->frame;
    assert_int_equal(audio->frame, seen->next_audio);
    size_t at = (size_t)(seen->next_audio++ - seen->first_audio);
    assert_true(at < RTP_SCENE_MOST_FRAMES);
    memcpy(seen->audio[at].samples, audio->samples[0], sizeof(seen->audio[at].samples));
    seen->audio[at].silent = audio->silent;
    return 0;
}

static int sink_end(struct ph_grid_sink *base) {
    ((struct rtp_seen *)base)->ended++;
    return 0;
}

static void sink_failed(struct ph_grid_sink *base, const struct ph_link_reason *reason) {
    ((struct rtp_seen *)base)->reason = *reason;
}

static void sink_want_keyframe(struct ph_grid_sink *base) {
    ((struct rtp_seen *)base)->keyframes_wanted++;
}

struct rtp_seen *rtp_seen_create(void) {
    static const struct ph_grid_sink_impl impl = {
        sink_begin, sink_video, sink_audio, sink_end, sink_failed, sink_want_keyframe};
    struct rtp_seen *seen = calloc(1, sizeof(*seen));
    assert_non_null(seen);
    seen->base.impl = &impl;
    seen->first_video = seen->first_audio = -1;
    return seen;
}

void rtp_scene_init(struct rtp_scene *scene, const char *sdp) {
    *scene = (struct rtp_scene){.options = {.part_ms = 200,
                                    .segment_ms = 2000,
                                    .most_fps = 30,
                                    .most_height = 1080,
                                    .epoch_time_us = 1000000,
                                    .decoder_threads = 1,
                                    .resume_video = -1,
                                    .resume_audio = -1}};
    snprintf(scene->sdp, sizeof(scene->sdp), "%s", sdp);
    scene->deliveries = calloc(RTP_SCENE_MOST_UNITS, sizeof(*scene->deliveries));
    assert_non_null(scene->deliveries);
}

void rtp_scene_finish(struct rtp_scene *scene) {
    free(scene->deliveries);
    scene->deliveries = NULL;
}

struct rtp_delivery *rtp_scene_add(
    struct rtp_scene *scene, const struct rtp_stream_unit *unit, int64_t arrival_us) {
    assert_true(scene->count < RTP_SCENE_MOST_UNITS);
    struct rtp_delivery *delivery = &scene->deliveries[scene->count];
    *delivery = (struct rtp_delivery){*unit, arrival_us, scene->count};
    scene->count++;
    return delivery;
}

void rtp_scene_add_stream(struct rtp_scene *scene, const struct rtp_stream *stream, int64_t video_delay_us,
    int64_t audio_delay_us) {
    for (size_t i = 0; i < stream->count; i++) {
        const struct rtp_stream_unit *unit = &stream->units[i];
        rtp_scene_add(scene, unit, unit->time_us + (unit->is_video ? video_delay_us : audio_delay_us));
    }
}

static int compare(const void *a, const void *b) {
    const struct rtp_delivery *one = a, *other = b;
    if (one->arrival_us != other->arrival_us)
        return one->arrival_us < other->arrival_us ? -1 : 1;
    return one->order < other->order ? -1 : 1;
}

void rtp_scene_sort(struct rtp_scene *scene) {
    qsort(scene->deliveries, scene->count, sizeof(*scene->deliveries), compare);
}

void rtp_scene_drop(struct rtp_scene *scene, size_t at) {
    scene->count--;
    memmove(
        scene->deliveries + at, scene->deliveries + at + 1, (scene->count - at) * sizeof(*scene->deliveries));
}

static void feed(struct ph_source *source, const struct ph_link_entry *entry) {
    int code = ph_source_feed(source, entry);
    assert_true(code == 0 || code == PH_EOF);
}

static void feed_connection(const struct rtp_scene *scene, struct ph_source *source) {
    struct ph_link_connection connection = {.kind = (char[]){"rtp"}, .sdp = (char *)scene->sdp};
    char *json = ph_link_connection_to_json(&connection);
    assert_non_null(json);
    feed(source, &(struct ph_link_entry){PH_LINK_CONNECTION, 0, scene->options.epoch_time_us,
                     {(const uint8_t *)json, strlen(json)}});
    free(json);
}

void rtp_scene_feed(const struct rtp_scene *scene, struct ph_source *source, size_t from, size_t to) {
    if (from == 0)
        feed_connection(scene, source);
    for (size_t i = from; i < to && i < scene->count; i++) {
        const struct rtp_delivery *delivery = &scene->deliveries[i];
        feed(source,
            &(struct ph_link_entry){PH_LINK_UNIT, i + 1, scene->options.epoch_time_us + delivery->arrival_us,
                rtp_unit_slice(&delivery->unit)});
    }
}

int64_t rtp_scene_length_us(const struct rtp_scene *scene) {
    return scene->count ? scene->deliveries[scene->count - 1].arrival_us : 0;
}

void rtp_scene_end(const struct rtp_scene *scene, struct ph_source *source) {
    int64_t end_us = scene->options.epoch_time_us + rtp_scene_length_us(scene) + 1000;
    feed(source, &(struct ph_link_entry){PH_LINK_END, scene->count + 1, end_us, {0}});
    while (ph_source_tick(source, 0) == 0) /* refused once the source is over */
        usleep(1000);
}

struct rtp_seen *rtp_scene_run(const struct rtp_scene *scene) {
    struct rtp_seen *seen = rtp_seen_create();
    struct ph_source *source;
    assert_int_equal(ph_source_create(&source, &scene->options, &seen->base), 0);
    rtp_scene_feed(scene, source, 0, scene->count);
    rtp_scene_end(scene, source);
    ph_source_destroy(source);
    return seen;
}

struct rtp_scene rtp_scene_make(const char *inputs, const char *codecs, double seconds) {
    struct rtp_stream stream;
    struct rtp_scene scene;
    rtp_stream_create(&stream, inputs, codecs, seconds);
    rtp_scene_init(&scene, stream.sdp);
    rtp_scene_add_stream(&scene, &stream, 0, 0);
    rtp_scene_sort(&scene);
    rtp_stream_destroy(&stream);
    return scene;
}

void rtp_unit_shift(struct rtp_stream_unit *unit, uint32_t video, uint32_t audio) {
    rtp_unit_set_timestamp(unit, rtp_unit_timestamp(unit) + (unit->is_video ? video : audio));
}

void rtp_scene_shift(struct rtp_scene *scene, uint32_t video, uint32_t audio) {
    for (size_t i = 0; i < scene->count; i++)
        rtp_unit_shift(&scene->deliveries[i].unit, video, audio);
}
