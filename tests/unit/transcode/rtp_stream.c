#include "tests/unit/transcode/rtp_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

enum { most_units = 20000, payload_type_of_first = 96 };

/* One RTP muxer, whose packets go to the stream. */
struct muxer {
    struct rtp_stream *stream;
    AVFormatContext *context;
    int64_t time_us;
    bool is_video, is_key;
    bool is_av1; /* which libavformat packs only since 7 */
    uint16_t sequence;
};

/* libavformat 61 made the bytes constant. */
#if LIBAVFORMAT_VERSION_MAJOR < 61
typedef uint8_t written_byte;
#else
typedef const uint8_t written_byte;
#endif

static int take_packet(void *opaque, written_byte *bytes, int size) {
    struct muxer *muxer = opaque;
    if (bytes[1] >= 192 && bytes[1] <= 223) /* its own reports go by wall-clock */
        return size;
    assert_true(size <= RTP_STREAM_MOST_BYTES && muxer->stream->count < most_units);
    struct rtp_stream_unit *unit = &muxer->stream->units[muxer->stream->count++];
    *unit = (struct rtp_stream_unit){.size = (size_t)size,
        .time_us = muxer->time_us,
        .is_video = muxer->is_video,
        .is_key = muxer->is_key};
    memcpy(unit->bytes, bytes, (size_t)size);
    return size;
}

static void open_muxer(struct muxer *muxer, struct rtp_stream *stream, const AVStream *input) {
    *muxer = (struct muxer){.stream = stream};
    muxer->is_video = input->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
    muxer->is_av1 = input->codecpar->codec_id == AV_CODEC_ID_AV1;
    if (muxer->is_av1)
        return;
    assert_true(avformat_alloc_output_context2(&muxer->context, NULL, "rtp", NULL) >= 0);
    AVStream *output = avformat_new_stream(muxer->context, NULL);
    assert_non_null(output);
    assert_true(avcodec_parameters_copy(output->codecpar, input->codecpar) >= 0);
    output->codecpar->codec_tag = 0;
    uint8_t *buffer = av_malloc(RTP_STREAM_MOST_BYTES);
    muxer->context->pb = avio_alloc_context(buffer, RTP_STREAM_MOST_BYTES, 1, muxer, NULL, take_packet, NULL);
    assert_non_null(muxer->context->pb);
    muxer->context->pb->max_packet_size = RTP_STREAM_MOST_BYTES;
    muxer->context->packet_size = RTP_STREAM_MOST_BYTES;
    muxer->context->flags |= AVFMT_FLAG_BITEXACT;
    muxer->context->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    AVDictionary *options = NULL;
    av_dict_set_int(&options, "payload_type", payload_type_of_first + !muxer->is_video, 0);
    av_dict_set_int(&options, "ssrc", muxer->is_video ? RTP_STREAM_VIDEO_SSRC : RTP_STREAM_AUDIO_SSRC, 0);
    av_dict_set_int(&options, "seq", 65500, 0); /* wraps soon */
    assert_true(avformat_write_header(muxer->context, &options) >= 0);
    av_dict_free(&options);
}

static void close_muxer(struct muxer *muxer) {
    if (!muxer->context)
        return;
    (void)av_write_trailer(muxer->context);
    av_freep(&muxer->context->pb->buffer);
    avio_context_free(&muxer->context->pb);
    avformat_free_context(muxer->context);
}

enum { most_elements = 32, most_element_bytes = 1000, delimiter_type = 2 };

static size_t take_size(const uint8_t **at) {
    size_t size = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        size |= (size_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return size;
    }
}

/* The OBUs of a temporal unit without their sizes and without delimiters, as RTP carries them. */
static size_t split_units(const AVPacket *packet, uint8_t *copy, struct ph_slice *elements) {
    size_t count = 0;
    for (const uint8_t *at = packet->data, *end = at + packet->size; at < end;) {
        uint8_t header = *at++;
        assert_true((header & 0x06) == 0x02 && count < most_elements); /* a size and no extension */
        size_t size = take_size(&at);
        if (header >> 3 != delimiter_type) {
            elements[count++] = (struct ph_slice){copy, size + 1};
            *copy++ = header & 0xfd;
            memcpy(copy, at, size);
            copy += size;
        }
        at += size;
    }
    return count;
}

/* A packet of one piece of an element, with the small element before it, if any. */
static void write_pieces(
    struct muxer *muxer, struct ph_slice before, struct ph_slice piece, uint8_t header, bool is_last) {
    uint8_t bytes[RTP_STREAM_MOST_BYTES] = {0x80, (uint8_t)(payload_type_of_first | (is_last ? 0x80 : 0)),
        (uint8_t)(muxer->sequence >> 8), (uint8_t)muxer->sequence, 0, 0, 0, 0, 0, 0,
        RTP_STREAM_VIDEO_SSRC >> 8, RTP_STREAM_VIDEO_SSRC & 0xff};
    size_t size = 12;
    muxer->sequence++;
    bytes[size++] = (uint8_t)(header | (before.size ? 0x20 : 0x10));
    if (before.size) {
        bytes[size++] = (uint8_t)before.size;
        memcpy(bytes + size, before.data, before.size);
        size += before.size;
    }
    memcpy(bytes + size, piece.data, piece.size);
    (void)take_packet(muxer, bytes, (int)(size + piece.size));
}

static void write_av1(struct muxer *muxer, const AVPacket *packet) {
    uint8_t *copy = malloc((size_t)packet->size);
    assert_non_null(copy);
    struct ph_slice elements[most_elements], before = {0};
    size_t count = split_units(packet, copy, elements);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && elements[i].size < 100) {
            before = elements[i];
            continue;
        }
        for (size_t at = 0; at < elements[i].size; at += most_element_bytes) {
            size_t rest = elements[i].size - at;
            bool is_end = rest <= most_element_bytes;
            uint8_t header = (uint8_t)((at ? 0x80 : 0) | (is_end ? 0 : 0x40) | (before.size ? 0x08 : 0));
            struct ph_slice piece = {elements[i].data + at, is_end ? rest : most_element_bytes};
            write_pieces(muxer, before, piece, header, is_end && i + 1 == count);
            before = (struct ph_slice){0};
        }
    }
    free(copy);
}

static void mux(struct muxer *muxer, AVPacket *packet) {
    assert_true(av_write_frame(muxer->context, packet) >= 0);
    (void)av_write_frame(muxer->context, NULL); /* what it gathers for a fuller packet */
    avio_flush(muxer->context->pb);
}

static void write_packet(struct muxer *muxer, const AVStream *input, AVPacket *packet) {
    AVRational time_base = {1, muxer->is_video ? 90000 : 48000};
    muxer->time_us = av_rescale_q(packet->pts, input->time_base, (AVRational){1, 1000000});
    muxer->is_key = packet->flags & AV_PKT_FLAG_KEY;
    av_packet_rescale_ts(packet, input->time_base, time_base);
    packet->stream_index = 0;
    size_t first = muxer->stream->count;
    int64_t timestamp = packet->pts;
    if (muxer->is_av1)
        write_av1(muxer, packet);
    else
        mux(muxer, packet);
    for (size_t i = first; i < muxer->stream->count; i++)
        rtp_unit_set_timestamp(&muxer->stream->units[i], (uint32_t)timestamp);
    *(muxer->is_video ? &muxer->stream->pictures : &muxer->stream->sounds) += 1;
}

/* The lines that ingest writes for a worker. */
static void write_sdp(struct rtp_stream *stream, const AVFormatContext *input) {
    char *at = stream->sdp;
    at += sprintf(at, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n");
    for (unsigned i = 0; i < input->nb_streams; i++) {
        const AVCodecParameters *parameters = input->streams[i]->codecpar;
        bool is_video = parameters->codec_type == AVMEDIA_TYPE_VIDEO;
        int payload_type = payload_type_of_first + !is_video;
        const char *name = parameters->codec_id == AV_CODEC_ID_H264   ? "H264/90000"
                           : parameters->codec_id == AV_CODEC_ID_HEVC ? "H265/90000"
                           : parameters->codec_id == AV_CODEC_ID_VP8  ? "VP8/90000"
                           : parameters->codec_id == AV_CODEC_ID_VP9  ? "VP9/90000"
                           : parameters->codec_id == AV_CODEC_ID_AV1  ? "AV1/90000"
                                                                      : "opus/48000/2";
        at += sprintf(at, "m=%s 9 RTP/AVP %d\r\na=rtpmap:%d %s\r\n", is_video ? "video" : "audio",
            payload_type, payload_type, name);
    }
}

static void packetise(struct rtp_stream *stream, const char *path) {
    AVFormatContext *input = NULL;
    assert_true(avformat_open_input(&input, path, NULL, NULL) >= 0);
    assert_true(avformat_find_stream_info(input, NULL) >= 0);
    struct muxer muxers[2] = {0};
    for (unsigned i = 0; i < input->nb_streams && i < 2; i++)
        open_muxer(&muxers[i], stream, input->streams[i]);
    write_sdp(stream, input);
    AVPacket *packet = av_packet_alloc();
    assert_non_null(packet);
    while (av_read_frame(input, packet) >= 0) {
        int index = packet->stream_index;
        write_packet(&muxers[index], input->streams[index], packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    close_muxer(&muxers[0]);
    close_muxer(&muxers[1]);
    avformat_close_input(&input);
}

void rtp_stream_create(struct rtp_stream *stream, const char *inputs, const char *codecs, double seconds) {
    char path[] = "/tmp/porthole-rtp-XXXXXX", command[1024];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(command, sizeof(command), "ffmpeg -nostdin -v error -y %s -t %g %s -f nut %s", inputs, seconds,
        codecs, path);
    if (system(command) != 0)
        fail_msg("this test needs the ffmpeg program with its usual encoders: %s", command);
    *stream = (struct rtp_stream){.units = calloc(most_units, sizeof(*stream->units))};
    assert_non_null(stream->units);
    packetise(stream, path);
    unlink(path);
}

void rtp_stream_destroy(struct rtp_stream *stream) {
    free(stream->units);
    stream->units = NULL;
}

static uint32_t read_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_u32(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

struct ph_slice rtp_unit_slice(const struct rtp_stream_unit *unit) {
    return (struct ph_slice){unit->bytes, unit->size};
}

bool rtp_unit_marker(const struct rtp_stream_unit *unit) {
    return unit->bytes[1] & 0x80;
}

uint32_t rtp_unit_timestamp(const struct rtp_stream_unit *unit) {
    return read_u32(unit->bytes + 4);
}

void rtp_unit_set_timestamp(struct rtp_stream_unit *unit, uint32_t timestamp) {
    write_u32(unit->bytes + 4, timestamp);
}

uint16_t rtp_unit_sequence(const struct rtp_stream_unit *unit) {
    return (uint16_t)(unit->bytes[2] << 8 | unit->bytes[3]);
}

void rtp_unit_set_sequence(struct rtp_stream_unit *unit, uint16_t sequence) {
    unit->bytes[2] = (uint8_t)(sequence >> 8);
    unit->bytes[3] = (uint8_t)sequence;
}

void rtp_report_write(struct rtp_stream_unit *unit, uint32_t ssrc, int64_t ntp_us, uint32_t timestamp) {
    *unit = (struct rtp_stream_unit){.size = 28, .bytes = {0x80, 200, 0, 6}};
    write_u32(unit->bytes + 4, ssrc);
    write_u32(unit->bytes + 8, (uint32_t)(ntp_us / 1000000));
    write_u32(unit->bytes + 12, (uint32_t)(((uint64_t)(ntp_us % 1000000) << 32) / 1000000));
    write_u32(unit->bytes + 16, timestamp);
}
