#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>

#include "tests/unit/transcode/ts_writer.h"
#include "transcode/demux.h"

enum { frames = 60, ticks_per_frame = 3000 };

/* Units of a fixed size cut from a stream; unit n arrives at n milliseconds. */
struct stream_input {
    struct ph_demux_input base;
    const struct ph_builder *stream;
    size_t unit_bytes;
    uint64_t next;
    uint64_t replayable_count;
    int end_code;
};

static int next_unit(struct ph_demux_input *base, struct ph_demux_unit *unit) {
    struct stream_input *input = (struct stream_input *)base;
    size_t at = input->next * input->unit_bytes;
    if (at >= input->stream->size)
        return input->end_code;
    size_t rest = input->stream->size - at;
    *unit = (struct ph_demux_unit){input->next, (int64_t)input->next * 1000,
        {input->stream->data + at, rest < input->unit_bytes ? rest : input->unit_bytes}};
    input->next++;
    return 0;
}

static int replayable(struct ph_demux_input *base, uint64_t unit) {
    struct stream_input *input = (struct stream_input *)base;
    assert_int_equal(unit, input->next - 1);
    input->replayable_count++;
    return 0;
}

static const struct ph_demux_input_impl input_impl = {next_unit, replayable};

static struct stream_input input_of(const struct ph_builder *stream, size_t unit_bytes, uint64_t from) {
    return (struct stream_input){.base.impl = &input_impl,
        .stream = stream,
        .unit_bytes = unit_bytes,
        .next = from,
        .end_code = PH_EOF};
}

struct seen {
    enum ph_track_kind kind;
    enum AVCodecID codec;
    int64_t pts;
    int size;
    int64_t arrival_unit;
    uint64_t replay_unit;
};

enum { most_seen = 1000 };

static int create(const char *kind, struct ph_demux **demux, struct ph_demux_input *input) {
    char name[32];
    snprintf(name, sizeof(name), "%s", kind);
    return ph_demux_create(demux, &(struct ph_link_connection){.kind = name}, input);
}

/* Reads to the end; the code that ended it. */
static int demux_all(struct stream_input *input, struct seen *seen, size_t *count) {
    struct ph_demux *demux;
    assert_int_equal(create("mpegts", &demux, &input->base), 0);
    *count = 0;
    struct ph_demux_packet read;
    int code;
    while ((code = demux->impl->read(demux, &read)) == 0) {
        assert_true(*count < most_seen);
        seen[(*count)++] = (struct seen){read.kind, read.codec->codec_id, read.packet->pts, read.packet->size,
            read.arrival_us / 1000, read.replay_unit};
        av_packet_free(&read.packet);
    }
    ph_demux_destroy(demux);
    return code;
}

/* What the ffmpeg program makes of these options: two seconds of 30 pictures, with sound. */
static struct ph_builder generate(const char *options) {
    char folder[] = "/tmp/porthole-demux-XXXXXX", path[64], command[1024];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/stream.ts", folder);
    snprintf(command, sizeof(command),
        "ffmpeg -v error -nostdin -f lavfi -i testsrc=size=320x180:rate=30 -f lavfi -i "
        "sine=sample_rate=48000 -t 2 "
        "-threads 1 %s -f mpegts %s",
        options, path);
    if (system(command) != 0)
        fail_msg("this test needs the ffmpeg program with its usual encoders: %s", command);
    struct ph_builder stream = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t block[4096];
    size_t size;
    while ((size = fread(block, 1, sizeof(block), file)) > 0)
        ph_builder_append(&stream, block, size);
    fclose(file);
    unlink(path);
    rmdir(folder);
    return stream;
}

/* Units (of one transport packet) in which a PES of the first video PID of ffmpeg's muxer starts. */
static size_t find_starts(const struct ph_builder *stream, int64_t *starts) {
    size_t count = 0;
    for (size_t at = 0; at < stream->size; at += PH_TS_PACKET_BYTES) {
        const uint8_t *packet = stream->data + at;
        if (((packet[1] & 0x1f) << 8 | packet[2]) == 0x100 && packet[1] & 0x40)
            starts[count++] = (int64_t)(at / PH_TS_PACKET_BYTES);
    }
    return count;
}

static void check_pictures_come_at_once(const char *options, enum AVCodecID video, enum AVCodecID audio) {
    struct ph_builder stream = generate(options);
    static struct seen seen[most_seen];
    static int64_t starts[most_seen];
    size_t count;
    struct stream_input input = input_of(&stream, PH_TS_PACKET_BYTES, 0);
    assert_int_equal(demux_all(&input, seen, &count), PH_EOF);
    size_t start_count = find_starts(&stream, starts);
    assert_int_equal(start_count, frames);
    size_t pictures = 0, sounds = 0, late = 0;
    for (size_t i = 0; i < count; i++) {
        if (seen[i].kind == PH_TRACK_AUDIO) {
            assert_int_equal(seen[i].codec, audio);
            sounds++;
            continue;
        }
        assert_int_equal(seen[i].codec, video);
        late += pictures + 1 < start_count && seen[i].arrival_unit >= starts[pictures + 1];
        pictures++;
    }
    assert_int_equal(pictures, frames);
    assert_true(sounds > 0);
    /* The picture whose last packet happens to be full waits for the next one: about one in 184. */
    assert_true(late <= 3);
    assert_true(input.replayable_count > 0);
    ph_builder_discard(&stream);
}

static void h264_comes_at_once(void **state) {
    (void)state;
    check_pictures_come_at_once(
        "-c:v libx264 -preset superfast -tune zerolatency -g 30 -c:a aac", AV_CODEC_ID_H264, AV_CODEC_ID_AAC);
}

static void h264_with_b_frames_comes_at_once(void **state) {
    (void)state;
    check_pictures_come_at_once(
        "-c:v libx264 -preset fast -bf 3 -g 30 -c:a ac3", AV_CODEC_ID_H264, AV_CODEC_ID_AC3);
}

static void hevc_and_latm_come_at_once(void **state) {
    (void)state;
    check_pictures_come_at_once(
        "-c:v libx265 -preset ultrafast -x265-params log-level=none -c:a aac -mpegts_flags latm",
        AV_CODEC_ID_HEVC, AV_CODEC_ID_AAC_LATM);
}

static void mpeg2_and_layer_2_come_at_once(void **state) {
    (void)state;
    check_pictures_come_at_once("-c:v mpeg2video -bf 2 -c:a mp2", AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_MP3);
}

static void opus_is_found(void **state) {
    (void)state;
    check_pictures_come_at_once(
        "-c:v libx264 -preset superfast -tune zerolatency -c:a libopus", AV_CODEC_ID_H264, AV_CODEC_ID_OPUS);
}

static void a_replay_yields_the_packet_again(void **state) {
    (void)state;
    struct ph_builder stream = generate("-c:v libx264 -preset superfast -tune zerolatency -g 15 -c:a aac");
    static struct seen seen[most_seen], again[most_seen];
    size_t count, again_count;
    struct stream_input input = input_of(&stream, 1316, 0);
    assert_int_equal(demux_all(&input, seen, &count), PH_EOF);
    for (size_t i = 0; i < count; i += 7) {
        assert_true(seen[i].replay_unit != PH_NO_UNIT);
        assert_true((int64_t)seen[i].replay_unit <= seen[i].arrival_unit);
        struct stream_input replay = input_of(&stream, 1316, seen[i].replay_unit);
        assert_int_equal(demux_all(&replay, again, &again_count), PH_EOF);
        size_t at = 0;
        while (at < again_count && (again[at].kind != seen[i].kind || again[at].pts != seen[i].pts))
            at++;
        assert_true(at < again_count);
        for (size_t j = 0; j < 20 && i + j < count; j++) {
            assert_int_equal(again[at + j].size, seen[i + j].size);
            assert_int_equal(again[at + j].arrival_unit, seen[i + j].arrival_unit);
        }
    }
    ph_builder_discard(&stream);
}

static void timestamps_pass_as_they_were_sent(void **state) {
    (void)state;
    struct ts_writer writer = {0};
    static struct seen seen[most_seen];
    size_t count;
    /* Filling is no H.264, of which newer demuxers want to see a start code. */
    const uint8_t mpeg_audio = 0x03;
    const int64_t last = (INT64_C(1) << 33) - ticks_per_frame;
    ts_write_pat(&writer, (const uint16_t[]){0x1000}, 1);
    ts_write_pmt(&writer, 0x1000, (const struct ts_listed[]){{mpeg_audio, 0x100}}, 1);
    const int64_t sent[] = {last, 0, ticks_per_frame, 90000 * 3600, 5};
    for (size_t i = 0; i < 5; i++)
        ts_write_pes(&writer, 0x100, 0x55, 100, sent[i]);
    struct stream_input input = input_of(&writer.out, 1316, 0);
    assert_int_equal(demux_all(&input, seen, &count), PH_EOF);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(seen[i].pts, sent[i]);
    ph_builder_discard(&writer.out);
}

static void tables_that_never_settle_end_with_the_input(void **state) {
    (void)state;
    struct ts_writer writer = {0};
    static struct seen seen[most_seen];
    size_t count;
    for (uint16_t i = 0; i < 600; i++) {
        uint16_t table_pid = (uint16_t)(0x1000 + i), first = (uint16_t)(0x100 + 3 * i);
        ts_write_pat(&writer, &table_pid, 1);
        ts_write_pmt(
            &writer, table_pid, (const struct ts_listed[]){{0x1b, first}, {0x0f, (uint16_t)(first + 1)}}, 2);
        ts_write_pes(&writer, first, 1, 300, ticks_per_frame * i);
    }
    struct stream_input input = input_of(&writer.out, 1316, 0);
    assert_int_equal(demux_all(&input, seen, &count), PH_EOF);
    assert_true(count < most_seen);
    ph_builder_discard(&writer.out);
}

static void a_stream_of_nothing_ends_with_the_input(void **state) {
    (void)state;
    struct ph_builder noise = {0};
    static struct seen seen[most_seen];
    size_t count;
    ph_builder_zeros(&noise, 300000);
    struct stream_input input = input_of(&noise, 1316, 0);
    assert_int_equal(demux_all(&input, seen, &count), PH_EOF);
    assert_int_equal(count, 0);
    ph_builder_discard(&noise);
}

static void how_the_input_ends_is_what_the_reader_gets(void **state) {
    (void)state;
    struct ph_builder nothing = {0};
    static struct seen seen[most_seen];
    size_t count;
    struct stream_input input = input_of(&nothing, 1316, 0);
    input.end_code = -ECANCELED;
    assert_int_equal(demux_all(&input, seen, &count), -ECANCELED);
}

static void an_unknown_kind_is_refused(void **state) {
    (void)state;
    struct ph_builder nothing = {0};
    struct stream_input input = input_of(&nothing, 1316, 0);
    struct ph_demux *demux;
    assert_int_equal(create("carrier-pigeon", &demux, &input.base), -ENOSYS);
    assert_null(demux);
}

int main(void) {
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h264_comes_at_once),
        cmocka_unit_test(h264_with_b_frames_comes_at_once),
        cmocka_unit_test(hevc_and_latm_come_at_once),
        cmocka_unit_test(mpeg2_and_layer_2_come_at_once),
        cmocka_unit_test(opus_is_found),
        cmocka_unit_test(a_replay_yields_the_packet_again),
        cmocka_unit_test(timestamps_pass_as_they_were_sent),
        cmocka_unit_test(tables_that_never_settle_end_with_the_input),
        cmocka_unit_test(a_stream_of_nothing_ends_with_the_input),
        cmocka_unit_test(how_the_input_ends_is_what_the_reader_gets),
        cmocka_unit_test(an_unknown_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
