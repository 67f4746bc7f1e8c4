#include "tests/unit/transcode/player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "core/media/track.h"

static int warnings;

__attribute__((format(printf, 3, 0))) static void count_warnings(
    void *context, int level, const char *format, va_list arguments) {
    (void)context;
    if (level > AV_LOG_WARNING)
        return;
    warnings++;
    vprintf(format, arguments);
}

void player_watch_warnings(void) {
    av_log_set_callback(count_warnings);
}

struct reader {
    struct ph_slice rest;
};

static int read_some(void *opaque, uint8_t *target, int size) {
    struct reader *reader = opaque;
    size_t taken = reader->rest.size < (size_t)size ? reader->rest.size : (size_t)size;
    if (!taken)
        return AVERROR_EOF;
    memcpy(target, reader->rest.data, taken);
    reader->rest.data += taken;
    reader->rest.size -= taken;
    return (int)taken;
}

static void take_frame(struct played *played, const AVFrame *frame) {
    played->frames++;
    if (frame->nb_samples <= 0)
        return;
    size_t count = played->sample_count + (size_t)frame->nb_samples;
    played->samples = realloc(played->samples, count * sizeof(float));
    memcpy(played->samples + played->sample_count, frame->extended_data[0],
        (size_t)frame->nb_samples * sizeof(float));
    played->sample_count = count;
}

static void decode(struct played *played, AVCodecContext *decoder, AVPacket *packet, AVFrame *frame) {
    assert_true(avcodec_send_packet(decoder, packet) >= 0);
    while (avcodec_receive_frame(decoder, frame) >= 0)
        take_frame(played, frame);
}

struct played player_play(struct ph_bytes *file) {
    struct played played = {.even = true, .end_pts = AV_NOPTS_VALUE};
    warnings = 0;
    struct reader reader = {ph_bytes_slice(file)};
    AVIOContext *io = avio_alloc_context(av_malloc(4096), 4096, 0, &reader, read_some, NULL, NULL);
    AVFormatContext *format = avformat_alloc_context();
    format->pb = io;
    assert_int_equal(avformat_open_input(&format, NULL, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    assert_int_equal(format->nb_streams, 1);
    AVCodecParameters *parameters = format->streams[0]->codecpar;
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(parameters->codec_id));
    assert_true(avcodec_parameters_to_context(decoder, parameters) >= 0);
    decoder->err_recognition = AV_EF_EXPLODE | AV_EF_CAREFUL;
    assert_int_equal(avcodec_open2(decoder, NULL, NULL), 0);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    while (av_read_frame(format, packet) >= 0) {
        if (!played.packets)
            played.first_pts = packet->pts;
        else
            played.even &= packet->pts == played.end_pts;
        /* libavformat cannot tell the duration of AAC's very first packet. */
        int64_t duration = packet->duration ? packet->duration : PH_AUDIO_FRAME_SAMPLES;
        played.end_pts = packet->pts + duration;
        played.packets++;
        played.keyframes += packet->flags & AV_PKT_FLAG_KEY ? 1 : 0;
        decode(&played, decoder, packet, frame);
        av_packet_unref(packet);
    }
    decode(&played, decoder, NULL, frame);
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&decoder);
    avformat_close_input(&format);
    av_freep(&io->buffer);
    avio_context_free(&io);
    played.warnings = warnings;
    return played;
}
