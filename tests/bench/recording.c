/* Records a session of many small segments and says how long its end took:
 *   bench_recording <archive url> <spool folder> <minutes>
 * prints one line of JSON. Video has 30 frames a second, each as small as the bench's disk can take for
 * hours. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "origin/recording/recorder.h"
#include "transcode/package_boxes.h"

enum {
    video = 0,
    audio = 1,
    part_frames = 6,
    parts = 10,
    most_samples = 16,
    video_bytes = 300,
    audio_bytes = 50
};

static const struct ph_publication publication = {.epoch_utc_us = INT64_C(1700000000000000),
    .track_count = 2,
    .tracks = {{.name = "v1080", .kind = PH_TRACK_VIDEO, .height = 1080},
        {.name = "audio", .kind = PH_TRACK_AUDIO}}};

static void check(int code, const char *what) {
    char name[64];
    if (!code)
        return;
    fprintf(stderr, "%s: %s\n", what, ph_error_name(code, name, sizeof(name)));
    exit(1);
}

static struct ph_bytes *make_init(uint32_t track) {
    static const uint8_t sps[] = {0x67, 0x42, 0xC0, 0x28, 0xD9, 0x00, 0x78, 0x02, 0x27, 0xE5, 0x84},
                         pps[] = {0x68, 0xCE, 0x3C, 0x80}, config[] = {0x11, 0x90};
    const struct ph_video_header video_header = {.width = 1920,
        .height = 1080,
        .timescale = 30000,
        .sps = {sps, sizeof(sps)},
        .pps = {pps, sizeof(pps)}};
    const struct ph_audio_header audio_header = {.bitrate = 128000, .config = {config, sizeof(config)}};
    struct ph_builder builder = {0};
    check(track == video ? ph_package_video_init(&builder, &video_header)
                         : ph_package_audio_init(&builder, &audio_header),
        "init");
    return ph_builder_finish(&builder);
}

static uint64_t first_audio_frame(uint64_t part) {
    return (part * 9600 + 1023) / 1024;
}

static struct ph_bytes *make_segment(uint32_t track, uint64_t number) {
    static const uint8_t payload[most_samples * video_bytes];
    struct ph_builder builder = {0};
    for (uint64_t part = number * parts; part < (number + 1) * parts; part++) {
        struct ph_sample samples[most_samples];
        bool is_video = track == video;
        uint64_t first = is_video ? part * part_frames : first_audio_frame(part);
        uint32_t count = is_video ? part_frames : (uint32_t)(first_audio_frame(part + 1) - first);
        uint32_t ticks = is_video ? 1000 : 1024, size = is_video ? video_bytes : audio_bytes;
        for (uint32_t i = 0; i < count; i++)
            samples[i] = (struct ph_sample){
                .bytes = size, .duration_ticks = ticks, .sync = !is_video || (part % parts == 0 && i == 0)};
        ph_package_fragment(&builder, (uint32_t)part + 1, (int64_t)(first * ticks), samples, count,
            (struct ph_slice){payload, (size_t)count * size});
    }
    return ph_builder_finish(&builder);
}

static struct ph_store *open_store(const char *url, const char *dir) {
    const struct ph_store_options options = {.url = url,
        .data_dir = dir,
        .public_url = "http://localhost",
        .secret = {(const uint8_t *)"a secret of the bench, of no use", 32},
        .storage_class = "",
        .encryption = "",
        .ca_file = ""};
    struct ph_store *store = NULL;
    struct ph_error error = {0};
    if (ph_store_create(&store, &options, &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    return store;
}

static void feed(struct ph_recorder *recorder, uint64_t segments) {
    for (uint64_t number = 0; number < segments; number++) {
        for (uint32_t track = video; track <= audio; track++) {
            struct ph_bytes *bytes = make_segment(track, number);
            check(ph_recorder_add(recorder, track, number, ph_bytes_slice(bytes)), "add");
            ph_bytes_unref(&bytes);
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s <archive url> <spool folder> <minutes>\n", argv[0]);
        return 2;
    }
    struct ph_store *store = open_store(argv[1], argv[2]);
    struct ph_bytes *inits[2] = {make_init(video), make_init(audio)};
    const struct ph_recorder_options options = {.store = store,
        .dir = argv[2],
        .key = "recordings/bench/recording.mp4",
        .title = "Bench",
        .publication = &publication,
        .inits = {ph_bytes_slice(inits[video]), ph_bytes_slice(inits[audio])}};
    struct ph_recorder *recorder = NULL;
    struct ph_recorder_result result;
    check(ph_recorder_open(&recorder, &options), "open");
    int64_t begun = ph_now_us();
    feed(recorder, strtoull(argv[3], NULL, 10) * 30);
    int64_t fed = ph_now_us();
    check(ph_recorder_finish(recorder, &result), "finish");
    int64_t finished = ph_now_us();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"feedMs\":%" PRId64 ",\"finishMs\":%" PRId64 ",\"bytes\":%" PRIu64
           ",\"video\":%u,\"audio\":%u,\"memoryMb\":%ld}\n",
        (fed - begun) / 1000, (finished - fed) / 1000, result.bytes, result.video_samples,
        result.audio_samples, usage.ru_maxrss / 1024);
    ph_recorder_free(recorder);
    ph_bytes_unref(&inits[video]);
    ph_bytes_unref(&inits[audio]);
    ph_store_destroy(store);
    return 0;
}
