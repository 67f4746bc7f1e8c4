/* A whole source: streams made by the ffmpeg command go in as link entries, grid frames come out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "transcode/source.h"

enum { unit_bytes = 7 * 188, most_frames = 4000 };

/* A stream cut into units, each with the time it arrives at: the file's bytes spread evenly over its length,
 * as a source of constant bitrate sends them. */
struct stream {
    uint8_t *bytes;
    size_t size;
    int64_t length_us;
};

struct seen {
    struct ph_grid_sink base;
    struct ph_source_description description;
    int64_t first_video, next_video, first_audio, next_audio;
    uint32_t video[most_frames]; /* checksums by index from the first */
    bool repeated[most_frames];
    float audio[most_frames]; /* the first sample's value, by index from the first */
    bool silent[most_frames];
    int begun, ended;
    struct ph_link_reason reason;
};

static uint32_t checksum(const AVFrame *picture) {
    uint32_t sum = 2166136261U;
    for (int y = 0; y < picture->height; y += 7)
        for (int x = 0; x < picture->width; x += 5)
            sum = (sum ^ picture->data[0][y * picture->linesize[0] + x]) * 16777619U;
    return sum;
}

static int sink_begin(struct ph_grid_sink *base, const struct ph_source_description *description) {
    struct seen *seen = (struct seen *)base;
    seen->description = *description;
    seen->begun++;
    return 0;
}

static int sink_video(struct ph_grid_sink *base, const struct ph_grid_video *video) {
    struct seen *seen = (struct seen *)base;
    if (seen->first_video < 0)
        seen->first_video = video->frame;
    else
        assert_int_equal(video->frame, seen->next_video);
    size_t at = (size_t)(video->frame - seen->first_video);
    assert_true(at < most_frames);
    seen->video[at] = checksum(video->picture);
    seen->repeated[at] = video->repeated;
    __atomic_store_n(&seen->next_video, video->frame + 1, __ATOMIC_RELAXED); /* a test waits for it */
    return 0;
}

static int sink_audio(struct ph_grid_sink *base, const struct ph_grid_audio *audio) {
    struct seen *seen = (struct seen *)base;
    if (seen->first_audio < 0)
        seen->first_audio = seen->next_audio = audio->frame;
    assert_int_equal(audio->frame, seen->next_audio);
    size_t at = (size_t)(seen->next_audio++ - seen->first_audio);
    assert_true(at < most_frames);
    seen->audio[at] = audio->samples[0][0];
    seen->silent[at] = audio->silent;
    return 0;
}

static int sink_end(struct ph_grid_sink *base) {
    ((struct seen *)base)->ended++;
    return 0;
}

static void sink_failed(struct ph_grid_sink *base, const struct ph_link_reason *reason) {
    ((struct seen *)base)->reason = *reason;
}

static void sink_want_keyframe(struct ph_grid_sink *base) {
    (void)base;
}

static struct seen *seen_create(void) {
    static const struct ph_grid_sink_impl impl = {
        sink_begin, sink_video, sink_audio, sink_end, sink_failed, sink_want_keyframe};
    struct seen *seen = calloc(1, sizeof(*seen));
    assert_non_null(seen);
    seen->base.impl = &impl;
    seen->first_video = seen->first_audio = -1;
    return seen;
}

static struct stream make_stream(const char *inputs, const char *codecs, double seconds) {
    char name[] = "/tmp/porthole-source-XXXXXX", command[1024];
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    snprintf(command, sizeof(command),
        "ffmpeg -nostdin -v error -y %s -t %g %s -f mpegts -muxdelay 0 -muxpreload 0 %s", inputs, seconds,
        codecs, name);
    assert_int_equal(system(command), 0);
    struct stream stream = {.length_us = (int64_t)(seconds * 1e6)};
    stream.size = (size_t)lseek(fd, 0, SEEK_END);
    stream.bytes = malloc(stream.size);
    assert_non_null(stream.bytes);
    assert_int_equal(pread(fd, stream.bytes, stream.size, 0), stream.size);
    close(fd);
    unlink(name);
    return stream;
}

static const char picture_input[] = "-f lavfi -i testsrc2=size=320x180:rate=30";
static const char both_inputs[] =
    "-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000";
static const char codecs[] = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -x264-params "
                             "nal-hrd=cbr -b:v 800k -minrate 800k -maxrate 800k"
                             " -bufsize 80k -muxrate 1100k -c:a aac -b:a 96k";

/* What is fed between two moments of a stream's life. */
struct feeding {
    struct ph_source *source;
    uint64_t index;
    int64_t start_us; /* link time of the first byte */
    bool with_ticks;
};

static void feed_entry(
    struct feeding *feeding, enum ph_link_type type, int64_t time_us, struct ph_slice bytes) {
    struct ph_link_entry entry = {type, feeding->index++, time_us, bytes};
    int code = ph_source_feed(feeding->source, &entry);
    assert_true(code == 0 || code == PH_EOF);
}

static void feed_tick(struct feeding *feeding, int64_t now_us) {
    int code = ph_source_tick(feeding->source, now_us);
    assert_true(code == 0 || code == PH_EOF);
}

static void feed_connection(struct feeding *feeding, int64_t time_us) {
    struct ph_link_connection connection = {.kind = (char[]){"mpegts"}};
    char *json = ph_link_connection_to_json(&connection);
    assert_non_null(json);
    feed_entry(feeding, PH_LINK_CONNECTION, time_us, (struct ph_slice){(const uint8_t *)json, strlen(json)});
    free(json);
}

static int64_t time_at(const struct feeding *feeding, const struct stream *stream, size_t byte) {
    return feeding->start_us + (int64_t)((double)stream->length_us * (double)byte / (double)stream->size);
}

static void feed_bytes(struct feeding *feeding, const struct stream *stream, size_t from, size_t to) {
    for (size_t at = from; at < to; at += unit_bytes) {
        size_t size = to - at < unit_bytes ? to - at : unit_bytes;
        int64_t time_us = time_at(feeding, stream, at + size);
        for (int64_t tick_us = time_at(feeding, stream, at) + 3000; feeding->with_ticks && tick_us < time_us;
             tick_us += 3000)
            feed_tick(feeding, tick_us);
        feed_entry(feeding, PH_LINK_UNIT, time_us, (struct ph_slice){stream->bytes + at, size});
    }
}

static const struct ph_source_options options = {.part_ms = 200,
    .segment_ms = 2000,
    .most_fps = 60,
    .epoch_time_us = 1000000,
    .resume_video = -1,
    .resume_audio = -1};

static void wait_for_end(struct ph_source *source) {
    while (ph_source_tick(source, 0) == 0) /* refused once the source is over */
        usleep(1000);
}

/* Runs a whole stream through a source of its own. */
static struct seen *run_stream(const struct stream *stream, bool with_ticks) {
    struct seen *seen = seen_create();
    struct feeding feeding = {.start_us = options.epoch_time_us, .with_ticks = with_ticks};
    assert_int_equal(ph_source_create(&feeding.source, &options, &seen->base), 0);
    feed_connection(&feeding, feeding.start_us);
    feed_bytes(&feeding, stream, 0, stream->size);
    int64_t end_us = feeding.start_us + stream->length_us;
    feed_entry(&feeding, PH_LINK_GONE, end_us, (struct ph_slice){0});
    feed_entry(&feeding, PH_LINK_END, end_us, (struct ph_slice){0});
    wait_for_end(feeding.source);
    ph_source_destroy(feeding.source);
    return seen;
}

static void a_steady_source_fills_each_slot_once(void **state) {
    (void)state;
    struct stream stream = make_stream(both_inputs, codecs, 6);
    struct seen *seen = run_stream(&stream, false);
    assert_int_equal(seen->begun, 1);
    assert_int_equal(seen->ended, 1);
    assert_int_equal(seen->description.width, 320);
    assert_int_equal(seen->description.height, 180);
    assert_int_equal(seen->description.plan.rate.num, 30 * seen->description.plan.rate.den);
    int64_t count = seen->next_video - seen->first_video, repeats = 0, silent = 0;
    assert_in_range(count, 178, 184);
    for (int64_t i = 10; i < count; i++)
        repeats += seen->repeated[i];
    assert_int_equal(repeats, 0);
    int64_t audio_count = seen->next_audio - seen->first_audio;
    assert_in_range(audio_count, 275, 290);
    for (int64_t i = 15; i < audio_count - 5; i++)
        silent += seen->silent[i];
    assert_int_equal(silent, 0);
    free(seen);
    free(stream.bytes);
}

static void ticks_change_nothing(void **state) {
    (void)state;
    struct stream stream = make_stream(both_inputs, codecs, 4);
    struct seen *without = run_stream(&stream, false), *with = run_stream(&stream, true);
    assert_int_equal(without->next_video, with->next_video);
    assert_int_equal(without->next_audio, with->next_audio);
    assert_memory_equal(without->video, with->video, sizeof(with->video));
    assert_memory_equal(without->audio, with->audio, sizeof(with->audio));
    free(without);
    free(with);
    free(stream.bytes);
}

static void a_source_without_sound_is_silent_and_on_time(void **state) {
    (void)state;
    struct stream stream = make_stream(picture_input, codecs, 5);
    struct seen *seen = run_stream(&stream, true);
    assert_in_range(seen->next_audio - seen->first_audio, 225, 240);
    free(seen);
    free(stream.bytes);
}

static void a_pause_is_filled_with_the_last_picture(void **state) {
    (void)state;
    struct stream stream = make_stream(both_inputs, codecs, 2);
    struct seen *seen = seen_create();
    struct feeding feeding = {.start_us = options.epoch_time_us};
    assert_int_equal(ph_source_create(&feeding.source, &options, &seen->base), 0);
    feed_connection(&feeding, feeding.start_us);
    feed_bytes(&feeding, &stream, 0, stream.size);
    feed_entry(&feeding, PH_LINK_GONE, feeding.start_us + 2000000, (struct ph_slice){0});
    feed_tick(&feeding, feeding.start_us + 12000000);
    feeding.start_us += 12000000;
    feed_connection(&feeding, feeding.start_us);
    feed_bytes(&feeding, &stream, 0, stream.size);
    feed_entry(&feeding, PH_LINK_END, feeding.start_us + 2000000, (struct ph_slice){0});
    wait_for_end(feeding.source);
    ph_source_destroy(feeding.source);
    assert_in_range(seen->next_video - seen->first_video, 14 * 30 - 4, 14 * 30 + 4);
    assert_true(seen->repeated[6 * 30]);
    assert_int_equal(seen->video[3 * 30], seen->video[10 * 30]);
    assert_false(seen->repeated[13 * 30]);
    free(seen);
    free(stream.bytes);
}

static void a_resumed_source_makes_the_same_frames(void **state) {
    (void)state;
    struct stream stream = make_stream(both_inputs, codecs, 8);
    struct seen *whole = run_stream(&stream, false), *resumed = seen_create();
    /* The first worker dies after six seconds; four of them are published. */
    struct seen *first = seen_create();
    struct feeding feeding = {.start_us = options.epoch_time_us};
    assert_int_equal(ph_source_create(&feeding.source, &options, &first->base), 0);
    feed_connection(&feeding, feeding.start_us);
    feed_bytes(&feeding, &stream, 0, stream.size / unit_bytes * 3 / 4 * unit_bytes);
    uint64_t replay_from = 0;
    struct ph_bytes *bytes = NULL;
    const int64_t video = 120, audio = 187 - 2;
    while (ph_source_checkpoint(feeding.source, video, audio, &replay_from, &bytes) == -EAGAIN)
        usleep(1000);
    while (__atomic_load_n(&first->next_video, __ATOMIC_RELAXED) < 150)
        usleep(1000);
    ph_bytes_unref(&bytes);
    assert_int_equal(ph_source_checkpoint(feeding.source, video, audio, &replay_from, &bytes), 0);
    ph_source_destroy(feeding.source);
    assert_true(replay_from > 300); /* near the keyframe before, not the beginning */

    struct ph_source_options resuming = options;
    resuming.state = ph_bytes_slice(bytes);
    resuming.resume_video = video;
    resuming.resume_audio = audio;
    feeding = (struct feeding){.start_us = options.epoch_time_us, .index = replay_from};
    assert_int_equal(ph_source_create(&feeding.source, &resuming, &resumed->base), 0);
    feed_bytes(&feeding, &stream, (size_t)(replay_from - 1) * unit_bytes, stream.size);
    feed_entry(&feeding, PH_LINK_END, feeding.start_us + stream.length_us, (struct ph_slice){0});
    wait_for_end(feeding.source);
    ph_source_destroy(feeding.source);
    assert_true(resumed->first_video <= video);
    assert_true(resumed->first_audio <= audio);
    assert_int_equal(resumed->next_video, whole->next_video);
    for (int64_t frame = video; frame < whole->next_video; frame++)
        assert_int_equal(
            resumed->video[frame - resumed->first_video], whole->video[frame - whole->first_video]);
    for (int64_t frame = audio; frame < whole->next_audio && frame < resumed->next_audio; frame++) {
        float difference =
            resumed->audio[frame - resumed->first_audio] - whole->audio[frame - whole->first_audio];
        assert_true(fabsf(difference) < 0.002f);
    }
    ph_bytes_unref(&bytes);
    free(whole);
    free(first);
    free(resumed);
    free(stream.bytes);
}

static void rubbish_is_refused_with_a_reason(void **state) {
    (void)state;
    struct stream stream = {.bytes = malloc(200000), .size = 200000, .length_us = 6000000};
    uint32_t noise = 1;
    for (size_t i = 0; i < stream.size; i++)
        stream.bytes[i] = (uint8_t)((noise = noise * 1664525 + 1013904223) >> 24);
    struct seen *seen = run_stream(&stream, true);
    assert_int_equal(seen->begun, 0);
    assert_string_equal(seen->reason.code, "no_media");
    free(seen);
    free(stream.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_source_fills_each_slot_once),
        cmocka_unit_test(ticks_change_nothing),
        cmocka_unit_test(a_source_without_sound_is_silent_and_on_time),
        cmocka_unit_test(a_pause_is_filled_with_the_last_picture),
        cmocka_unit_test(a_resumed_source_makes_the_same_frames),
        cmocka_unit_test(rubbish_is_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
