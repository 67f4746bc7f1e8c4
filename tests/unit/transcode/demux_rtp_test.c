#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>

#include "core/base/clock.h"
#include "tests/unit/transcode/rtp_stream.h"
#include "transcode/demux.h"

enum { most_seen = 2000 };

/* Unit n arrives at n milliseconds. */
struct stream_input {
    struct ph_demux_input base;
    const struct rtp_stream *stream;
    uint64_t next;
    size_t lost; /* a unit that never comes */
};

static int next_unit(struct ph_demux_input *base, struct ph_demux_unit *unit) {
    struct stream_input *input = (struct stream_input *)base;
    input->next += input->next == input->lost;
    if (input->next >= input->stream->count)
        return PH_EOF;
    *unit = (struct ph_demux_unit){
        input->next, (int64_t)input->next * 1000, rtp_unit_slice(&input->stream->units[input->next])};
    input->next++;
    return 0;
}

static int replayable(struct ph_demux_input *base, uint64_t unit) {
    assert_int_equal(unit, ((struct stream_input *)base)->next - 1);
    return 0;
}

static const struct ph_demux_input_impl input_impl = {next_unit, replayable};

struct seen {
    enum ph_demux_event event;
    enum ph_track_kind kind;
    int64_t pts;
    int size;
    uint32_t sum;
    uint64_t first_unit, unit, replay_unit;
};

static uint32_t checksum(const AVPacket *packet) {
    uint32_t sum = 2166136261U;
    for (int i = 0; i < packet->size; i++)
        sum = (sum ^ packet->data[i]) * 16777619U;
    return sum;
}

static size_t demux_from(const struct rtp_stream *stream, uint64_t from, size_t lost, struct seen *seen) {
    struct stream_input input = {.base.impl = &input_impl, .stream = stream, .next = from, .lost = lost};
    struct ph_link_connection connection = {.kind = (char[]){"rtp"}, .sdp = (char *)stream->sdp};
    struct ph_demux *demux;
    assert_int_equal(ph_demux_create(&demux, &connection, &input.base), 0);
    size_t count = 0;
    struct ph_demux_packet read;
    int code;
    while ((code = demux->impl->read(demux, &read)) == 0) {
        assert_true(count < most_seen);
        seen[count] = (struct seen){.event = read.event,
            .kind = read.kind,
            .first_unit = (uint64_t)read.first_arrival_us / 1000,
            .unit = (uint64_t)read.arrival_us / 1000,
            .replay_unit = read.replay_unit};
        if (read.event == PH_DEMUX_PACKET) {
            seen[count].pts = read.packet->pts;
            seen[count].size = read.packet->size;
            seen[count].sum = checksum(read.packet);
        }
        count++;
        av_packet_free(&read.packet);
    }
    assert_int_equal(code, PH_EOF);
    ph_demux_destroy(demux);
    return count;
}

static size_t demux_all(const struct rtp_stream *stream, struct seen *seen) {
    return demux_from(stream, 0, SIZE_MAX, seen);
}

static const char inputs[] =
    "-f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000";

/* Decodes with libavcodec what the demuxer gives; the number of pictures. */
static size_t decode_pictures(const struct rtp_stream *stream, enum AVCodecID id) {
    struct stream_input input = {.base.impl = &input_impl, .stream = stream, .lost = SIZE_MAX};
    struct ph_link_connection connection = {.kind = (char[]){"rtp"}, .sdp = (char *)stream->sdp};
    struct ph_demux *demux;
    assert_int_equal(ph_demux_create(&demux, &connection, &input.base), 0);
    AVCodecContext *context = avcodec_alloc_context3(avcodec_find_decoder(id));
    assert_true(avcodec_open2(context, NULL, NULL) >= 0);
    AVFrame *frame = av_frame_alloc();
    size_t pictures = 0;
    struct ph_demux_packet read;
    while (demux->impl->read(demux, &read) == 0) {
        if (read.event != PH_DEMUX_PACKET || read.kind != PH_TRACK_VIDEO) {
            av_packet_free(&read.packet);
            continue;
        }
        assert_int_equal(avcodec_send_packet(context, read.packet), 0);
        while (avcodec_receive_frame(context, frame) == 0) {
            assert_int_equal(frame->decode_error_flags, 0);
            pictures++;
        }
        av_packet_free(&read.packet);
    }
    (void)avcodec_send_packet(context, NULL);
    while (avcodec_receive_frame(context, frame) == 0)
        pictures++;
    av_frame_free(&frame);
    avcodec_free_context(&context);
    ph_demux_destroy(demux);
    return pictures;
}

static void check_codec(const char *codecs, enum AVCodecID id) {
    struct rtp_stream stream;
    rtp_stream_create(&stream, inputs, codecs, 2);
    static struct seen seen[most_seen];
    int64_t began_us = ph_now_us();
    size_t count = demux_all(&stream, seen), pictures = 0, sounds = 0;
    print_message("           %.1f µs a unit from last byte in to packet out\n",
        (double)(ph_now_us() - began_us) / (double)stream.count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seen[i].event, PH_DEMUX_PACKET);
        if (seen[i].kind == PH_TRACK_AUDIO) {
            sounds++;
            continue;
        }
        pictures++;
        /* It comes with its last packet. */
        assert_true(rtp_unit_marker(&stream.units[seen[i].unit]));
        assert_int_equal(rtp_unit_timestamp(&stream.units[seen[i].unit]), seen[i].pts);
        assert_true(seen[i].first_unit <= seen[i].unit);
    }
    assert_int_equal(pictures, stream.pictures);
    assert_int_equal(sounds, stream.sounds);
    assert_int_equal(decode_pictures(&stream, id), stream.pictures);
    rtp_stream_destroy(&stream);
}

static const char h264[] =
    "-c:v libx264 -preset ultrafast -tune zerolatency -g 15 -b:v 2M -bsf:v dump_extra -c:a libopus";
static const char vp8[] = "-c:v libvpx -deadline realtime -cpu-used 8 -g 15 -b:v 1M -c:a libopus";

static void h264_comes_with_its_last_packet(void **state) {
    (void)state;
    check_codec(h264, AV_CODEC_ID_H264);
}

static void h264_in_slices_comes_with_its_last_packet(void **state) {
    (void)state;
    check_codec("-c:v libx264 -preset ultrafast -tune zerolatency -x264-params slice-max-size=900 -g 15 "
                "-b:v 2M -bsf:v dump_extra -c:a libopus",
        AV_CODEC_ID_H264);
}

static void vp8_comes_with_its_last_packet(void **state) {
    (void)state;
    check_codec(vp8, AV_CODEC_ID_VP8);
}

static void vp9_comes_with_its_last_packet(void **state) {
    (void)state;
    check_codec("-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -lag-in-frames 0 -g 15 -b:v 1M -c:a libopus",
        AV_CODEC_ID_VP9);
}

static void h265_comes_with_its_last_packet(void **state) {
    (void)state;
    check_codec("-c:v libx265 -preset ultrafast -tune zerolatency -x265-params "
                "log-level=none:keyint=15:repeat-headers=1 -c:a libopus",
        AV_CODEC_ID_HEVC);
}

static void av1_comes_with_its_last_packet(void **state) {
    (void)state;
    check_codec("-c:v libaom-av1 -usage realtime -cpu-used 8 -lag-in-frames 0 -g 15 -b:v 1M -c:a libopus",
        AV_CODEC_ID_AV1);
}

static void check_replay(const char *codecs) {
    struct rtp_stream stream;
    rtp_stream_create(&stream, inputs, codecs, 2);
    static struct seen seen[most_seen], again[most_seen];
    size_t count = demux_all(&stream, seen), replays = 0;
    for (size_t i = 0; i < count; i++) {
        if (seen[i].replay_unit == PH_NO_UNIT)
            continue;
        replays++;
        assert_int_equal(seen[i].replay_unit, seen[i].first_unit);
        size_t again_count = demux_from(&stream, seen[i].replay_unit, SIZE_MAX, again), at = 0;
        while (at < again_count && (again[at].kind != seen[i].kind || again[at].pts != seen[i].pts))
            at++;
        assert_true(again_count - at >= 1);
        for (size_t j = 0; i + j < count; j++)
            assert_memory_equal(&again[at + j], &seen[i + j], sizeof(seen[0]));
    }
    assert_true(replays > stream.sounds);
    rtp_stream_destroy(&stream);
}

static void a_replay_yields_the_packets_again(void **state) {
    (void)state;
    check_replay(h264);
    check_replay(vp8);
}

/* Whichever packet is lost: its picture does not come, the loss is told, and the rest is as it was. */
static void check_losses(const char *codecs) {
    struct rtp_stream stream;
    rtp_stream_create(&stream, inputs, codecs, 1);
    static struct seen seen[most_seen], lossy[most_seen];
    size_t count = demux_all(&stream, seen);
    /* That the very first packet is missing, nobody can see. */
    for (size_t lost = 3; lost + 20 < stream.count; lost += 7) {
        size_t lossy_count = demux_from(&stream, 0, lost, lossy), at = 0, losses = 0, missing = 0;
        for (size_t i = 0; i < count; i++) {
            while (at < lossy_count && lossy[at].event == PH_DEMUX_LOSS)
                at++, losses++;
            bool is_hit = lost >= seen[i].first_unit && lost <= seen[i].unit &&
                          stream.units[lost].is_video == (seen[i].kind == PH_TRACK_VIDEO);
            if (at < lossy_count && lossy[at].sum == seen[i].sum && lossy[at].pts == seen[i].pts) {
                assert_false(is_hit);
                at++;
            } else {
                missing++;
            }
        }
        assert_int_equal(at, lossy_count);
        assert_true(stream.units[lost].is_video ? losses >= 1 : losses == 0);
        /* The picture behind the hole may be doubted, too. */
        assert_in_range(missing, 1, 2);
    }
    rtp_stream_destroy(&stream);
}

static void a_picture_that_lacks_a_packet_does_not_come(void **state) {
    (void)state;
    check_losses(h264);
    check_losses(vp8);
    check_losses(
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -lag-in-frames 0 -g 15 -b:v 1M -c:a libopus");
}

static void sender_reports_come_in_their_place(void **state) {
    (void)state;
    struct rtp_stream stream = {.units = calloc(2, sizeof(*stream.units)), .count = 2};
    strcpy(stream.sdp, "m=audio 9 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n");
    rtp_report_write(&stream.units[0], 7, INT64_C(3900000000500000), 1234);
    rtp_report_write(&stream.units[1], 8, 0, 0);
    stream.units[1].bytes[1] = 201; /* a receiver report */
    static struct seen seen[most_seen];
    assert_int_equal(demux_all(&stream, seen), 1);
    assert_int_equal(seen[0].event, PH_DEMUX_REPORT);
    rtp_stream_destroy(&stream);
}

/* What of a description can be carried is seen before a packet comes. */
static void a_codec_nobody_knows_is_told(void **state) {
    (void)state;
    struct rtp_stream stream = {0};
    struct stream_input input = {.base.impl = &input_impl, .stream = &stream};
    char sdp[] = "m=video 9 RTP/AVP 96\r\na=rtpmap:96 THEORA/90000\r\n";
    struct ph_link_connection connection = {.kind = (char[]){"rtp"}, .sdp = sdp};
    struct ph_demux *demux;
    assert_int_equal(ph_demux_create(&demux, &connection, &input.base), 0);
    assert_non_null(demux->impl->unsupported(demux));
    ph_demux_destroy(demux);
    connection.sdp = (char[]){"v=0\r\n"};
    assert_int_equal(ph_demux_create(&demux, &connection, &input.base), PH_INVALID_DATA);
}

int main(void) {
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h264_comes_with_its_last_packet),
        cmocka_unit_test(h264_in_slices_comes_with_its_last_packet),
        cmocka_unit_test(vp8_comes_with_its_last_packet),
        cmocka_unit_test(vp9_comes_with_its_last_packet),
        cmocka_unit_test(h265_comes_with_its_last_packet),
        cmocka_unit_test(av1_comes_with_its_last_packet),
        cmocka_unit_test(a_replay_yields_the_packets_again),
        cmocka_unit_test(a_picture_that_lacks_a_packet_does_not_come),
        cmocka_unit_test(sender_reports_come_in_their_place),
        cmocka_unit_test(a_codec_nobody_knows_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
