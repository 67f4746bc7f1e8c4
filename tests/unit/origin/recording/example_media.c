#include "tests/unit/origin/recording/example_media.h"

#include <string.h>

void example_media_publication(struct ph_publication *publication) {
    static const struct ph_track video = {.name = "v1080",
        .kind = PH_TRACK_VIDEO,
        .codecs = "avc1.64001f",
        .timescale = EXAMPLE_VIDEO_TIMESCALE,
        .bandwidth = 5000000,
        .average_bandwidth = 4500000,
        .width = 1920,
        .height = 1080,
        .rate = {30, 1}};
    *publication = (struct ph_publication){.epoch_utc_us = INT64_C(1700000000000000),
        .grid_rate = {30, 1},
        .frames_per_part = 6,
        .parts_per_segment = EXAMPLE_PARTS,
        .part_target_us = 200000,
        .target_duration_s = 2,
        .track_count = 3,
        .tracks = {video, video,
            {.name = "audio",
                .kind = PH_TRACK_AUDIO,
                .codecs = "mp4a.40.2",
                .timescale = PH_AUDIO_RATE,
                .bandwidth = 160000,
                .average_bandwidth = 130000,
                .channels = 2,
                .language = "und"}}};
    memcpy(publication->tracks[1].name, "v720", sizeof("v720"));
    publication->tracks[1].width = 1280;
    publication->tracks[1].height = 720;
}

struct ph_bytes *example_media_init(enum ph_track_kind kind) {
    static const uint8_t sps[] = {0x67, 0x42, 0xC0, 0x1F, 0xD9}, pps[] = {0x68, 0xCE, 0x3C, 0x80};
    static const uint8_t config[] = {0x11, 0x90};
    const struct ph_video_header video = {.width = 1920,
        .height = 1080,
        .timescale = EXAMPLE_VIDEO_TIMESCALE,
        .sps = {sps, sizeof(sps)},
        .pps = {pps, sizeof(pps)}};
    const struct ph_audio_header audio = {.bitrate = 128000, .config = {config, sizeof(config)}};
    struct ph_builder builder = {0};
    int code = kind == PH_TRACK_VIDEO ? ph_package_video_init(&builder, &video)
                                      : ph_package_audio_init(&builder, &audio);
    if (code)
        ph_builder_discard(&builder);
    return code ? NULL : ph_builder_finish(&builder);
}

/* The first audio frame that does not begin before this tick. */
static uint64_t audio_frame_from(uint64_t ticks) {
    return (ticks + PH_AUDIO_FRAME_SAMPLES - 1) / PH_AUDIO_FRAME_SAMPLES;
}

static uint64_t audio_frame_of(uint64_t number, uint32_t part) {
    return audio_frame_from(number * 2 * PH_AUDIO_RATE + part * (PH_AUDIO_RATE / 5));
}

uint32_t example_media_audio_samples(uint64_t number) {
    return (uint32_t)(audio_frame_of(number + 1, 0) - audio_frame_of(number, 0));
}

static void add_part(struct ph_builder *builder, enum ph_track_kind kind, uint64_t number, uint32_t part,
    uint32_t sample_bytes) {
    static uint8_t pattern[64 * 1024];
    struct ph_sample samples[16];
    struct ph_builder payload = {0};
    bool is_video = kind == PH_TRACK_VIDEO;
    uint64_t first = is_video ? number * EXAMPLE_VIDEO_SAMPLES + part * 6 : audio_frame_of(number, part);
    uint64_t end = is_video ? first + 6 : audio_frame_of(number, part + 1);
    uint32_t ticks = is_video ? EXAMPLE_VIDEO_TICKS : PH_AUDIO_FRAME_SAMPLES;
    uint32_t count = (uint32_t)(end - first);
    for (uint32_t i = 0; i < count; i++) {
        samples[i] = (struct ph_sample){
            .bytes = sample_bytes + i, .duration_ticks = ticks, .sync = !is_video || (part == 0 && i == 0)};
        memset(pattern, (uint8_t)((first + i) * 7 + (is_video ? 0 : 1)), samples[i].bytes);
        ph_builder_append(&payload, pattern, samples[i].bytes);
    }
    ph_package_fragment(builder, (uint32_t)(number * EXAMPLE_PARTS + part) + 1, (int64_t)(first * ticks),
        samples, count, (struct ph_slice){payload.data, payload.size});
    if (!ph_builder_ok(&payload))
        builder->failed = true;
    ph_builder_discard(&payload);
}

struct ph_bytes *example_media_segment(enum ph_track_kind kind, uint64_t number, uint32_t sample_bytes) {
    struct ph_builder builder = {0};
    for (uint32_t part = 0; part < EXAMPLE_PARTS; part++)
        add_part(&builder, kind, number, part, sample_bytes);
    return ph_builder_finish(&builder);
}
