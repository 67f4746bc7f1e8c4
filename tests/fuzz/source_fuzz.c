/* links: ph_transcode ph_media ph_base PkgConfig::AVFORMAT PkgConfig::AVCODEC PkgConfig::AVUTIL m */
#include <stdlib.h>
#include <string.h>

#include <libavutil/log.h>

#include "core/base/log.h"
#include "transcode/source.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { unit_bytes = 1316, unit_us = 10000 };

struct checking_sink {
    struct ph_grid_sink base;
    bool has_begun, is_over;
    int64_t next_video, next_audio; /* -1: none came */
};

static void require(bool holds) {
    if (!holds)
        abort();
}

static int sink_begin(struct ph_grid_sink *base, const struct ph_source_description *description) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(!sink->has_begun && !sink->is_over);
    require(description->width >= 2 && description->width % 2 == 0);
    require(description->height >= 2 && description->height % 2 == 0);
    sink->has_begun = true;
    return 0;
}

static int sink_video(struct ph_grid_sink *base, const struct ph_grid_video *video) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(sink->has_begun && !sink->is_over);
    require(sink->next_video < 0 || video->frame == sink->next_video);
    sink->next_video = video->frame + 1;
    return 0;
}

static int sink_audio(struct ph_grid_sink *base, const struct ph_grid_audio *audio) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(sink->has_begun && !sink->is_over);
    require(sink->next_audio < 0 || audio->frame == sink->next_audio);
    sink->next_audio = audio->frame + 1;
    return 0;
}

static int sink_end(struct ph_grid_sink *base) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(!sink->is_over);
    sink->is_over = true;
    return 0;
}

static void sink_failed(struct ph_grid_sink *base, const struct ph_link_reason *reason) {
    struct checking_sink *sink = (struct checking_sink *)base;
    require(!sink->has_begun && !sink->is_over && reason->code[0]);
    sink->is_over = true;
}

static void sink_want_keyframe(struct ph_grid_sink *base) {
    (void)base;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    av_log_set_level(AV_LOG_QUIET);
    ph_log_set_level(PH_LOG_ERROR);
    return 0;
}

static int feed(struct ph_source *source, enum ph_link_type type, uint64_t index, struct ph_slice bytes) {
    struct ph_link_entry entry = {type, index, (int64_t)index * unit_us, bytes};
    return ph_source_feed(source, &entry);
}

/* Any bytes as a publisher's one connection: frames come without holes, and the session ends or fails, once.
 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char connection[] = "{\"number\":1,\"kind\":\"mpegts\"}";
    static const struct ph_grid_sink_impl impl = {
        sink_begin, sink_video, sink_audio, sink_end, sink_failed, sink_want_keyframe};
    struct checking_sink sink = {.base.impl = &impl, .next_video = -1, .next_audio = -1};
    const struct ph_source_options options = {.part_ms = 200,
        .segment_ms = 2000,
        .most_fps = 60,
        .decoder_threads = 1,
        .resume_video = -1,
        .resume_audio = -1};
    struct ph_source *source;
    if (ph_source_create(&source, &options, &sink.base) < 0)
        return 0;
    uint64_t index = 0;
    int code = feed(source, PH_LINK_CONNECTION, index++,
        (struct ph_slice){(const uint8_t *)connection, strlen(connection)});
    for (size_t at = 0; at < size && code == 0; at += unit_bytes) {
        size_t rest = size - at;
        code = feed(source, PH_LINK_UNIT, index++,
            (struct ph_slice){bytes + at, rest < unit_bytes ? rest : unit_bytes});
    }
    if (code == 0)
        code = feed(source, PH_LINK_END, index, (struct ph_slice){0});
    while (code == 0)
        code = ph_source_tick(source, 0); /* refused once the source is over */
    ph_source_destroy(source);
    require(code == PH_EOF && sink.is_over);
    return 0;
}
