/* A sink that demands of any source what struct ph_grid_sink promises, and a session that feeds one. */
#ifndef PH_TEST_CHECKED_SOURCE_H
#define PH_TEST_CHECKED_SOURCE_H

#include <stdlib.h>
#include <string.h>

#include "transcode/source.h"

struct checking_sink {
    struct ph_grid_sink base;
    bool has_begun, is_over;
    int64_t next_video, next_audio; /* -1: none came */
};

static inline void require(bool holds) {
    if (!holds)
        abort();
}

static inline int sink_begin(struct ph_grid_sink *base, const struct ph_source_description *description) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(!sink->has_begun && !sink->is_over);
    require(description->width >= 2 && description->width % 2 == 0);
    require(description->height >= 2 && description->height % 2 == 0);
    sink->has_begun = true;
    return 0;
}

static inline int sink_video(struct ph_grid_sink *base, const struct ph_grid_video *video) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(sink->has_begun && !sink->is_over);
    require(sink->next_video < 0 || video->frame == sink->next_video);
    sink->next_video = video->frame + 1;
    return 0;
}

static inline int sink_audio(struct ph_grid_sink *base, const struct ph_grid_audio *audio) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(sink->has_begun && !sink->is_over);
    require(sink->next_audio < 0 || audio->frame == sink->next_audio);
    sink->next_audio = audio->frame + 1;
    return 0;
}

static inline int sink_end(struct ph_grid_sink *base) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(!sink->is_over);
    sink->is_over = true;
    return 0;
}

static inline void sink_failed(struct ph_grid_sink *base, const struct ph_link_reason *reason) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(!sink->has_begun && !sink->is_over && reason->code[0]);
    sink->is_over = true;
}

static inline void sink_want_keyframe(struct ph_grid_sink *base) {
    (void)base;
}

enum { checked_unit_us = 10000 };

/* A session of one connection; starts zeroed but for `connection`, its JSON. */
struct checked_source {
    const char *connection;
    struct checking_sink sink;
    struct ph_source *source;
    uint64_t index;
    int code;
};

static inline void feed_checked(
    struct checked_source *checked, enum ph_link_type type, struct ph_slice bytes) {
    if (checked->code)
        return;
    uint64_t index = checked->index++;
    struct ph_link_entry entry = {type, index, (int64_t)index * checked_unit_us, bytes};
    checked->code = ph_source_feed(checked->source, &entry);
}

static inline int begin_checked(struct checked_source *checked) {
    static const struct ph_grid_sink_impl impl = {
        sink_begin, sink_video, sink_audio, sink_end, sink_failed, sink_want_keyframe};
    static const struct ph_source_options options = {.part_ms = 200,
        .segment_ms = 2000,
        .most_fps = 60,
        .most_height = 1080,
        .decoder_threads = 1,
        .resume_video = -1,
        .resume_audio = -1};
    checked->sink = (struct checking_sink){.base.impl = &impl, .next_video = -1, .next_audio = -1};
    int code = ph_source_create(&checked->source, &options, &checked->sink.base);
    if (code < 0)
        return code;
    struct ph_slice json = {(const uint8_t *)checked->connection, strlen(checked->connection)};
    feed_checked(checked, PH_LINK_CONNECTION, json);
    return 0;
}

/* Frames came without holes, and the session ended or failed, once. */
static inline void end_checked(struct checked_source *checked) {
    feed_checked(checked, PH_LINK_END, (struct ph_slice){0});
    while (checked->code == 0)
        checked->code = ph_source_tick(checked->source, 0); /* refused once the source is over */
    ph_source_destroy(checked->source);
    require(checked->code == PH_EOF && checked->sink.is_over);
}

#endif
