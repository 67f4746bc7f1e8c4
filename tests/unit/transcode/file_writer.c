#include "tests/unit/transcode/file_writer.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

struct writer {
    AVFormatContext *format;
    AVPacket *packet;
};

struct track {
    AVStream *stream;
    AVCodecContext *encoder;
};

static AVCodecContext *open_picture(const struct film *film) {
    const AVCodec *codec = avcodec_find_encoder_by_name(film->picture);
    assert_non_null(codec);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    context->width = film->width;
    context->height = film->height;
    context->pix_fmt = AV_PIX_FMT_YUV420P;
    context->time_base = (AVRational){1, film->rate};
    context->framerate = (AVRational){film->rate, 1};
    context->gop_size = film->rate;
    context->max_b_frames = film->b_frames;
    context->bit_rate = 300000;
    context->thread_count = 1;
    AVDictionary *options = NULL;
    av_dict_set(&options, "preset", "ultrafast", 0);
    av_dict_set(&options, "cpu-used", "8", 0);
    av_dict_set(&options, "deadline", "realtime", 0);
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    assert_int_equal(avcodec_open2(context, codec, &options), 0);
    av_dict_free(&options);
    return context;
}

static AVCodecContext *open_sound(const struct film *film) {
    const AVCodec *codec = avcodec_find_encoder_by_name(film->sound);
    assert_non_null(codec);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    context->sample_fmt = codec->id == AV_CODEC_ID_OPUS ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLTP;
    context->sample_rate = 48000;
    context->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
    context->bit_rate = 64000;
    context->time_base = (AVRational){1, 48000};
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    assert_int_equal(avcodec_open2(context, codec, NULL), 0);
    return context;
}

static struct track add_track(struct writer *writer, AVCodecContext *encoder) {
    struct track track = {avformat_new_stream(writer->format, NULL), encoder};
    assert_int_equal(avcodec_parameters_from_context(track.stream->codecpar, encoder), 0);
    track.stream->time_base = encoder->time_base;
    track.stream->avg_frame_rate = encoder->framerate;
    return track;
}

static void note_matrix(AVStream *stream, const int32_t *matrix) {
    const size_t size = 9 * sizeof(matrix[0]);
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    AVPacketSideData *note = av_packet_side_data_new(&stream->codecpar->coded_side_data,
        &stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX, size, 0);
    assert_non_null(note);
    memcpy(note->data, matrix, size);
#else
    uint8_t *note = av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, size);
    assert_non_null(note);
    memcpy(note, matrix, size);
#endif
}

static void encode(struct writer *writer, struct track *track, const AVFrame *frame) {
    assert_int_equal(avcodec_send_frame(track->encoder, frame), 0);
    while (avcodec_receive_packet(track->encoder, writer->packet) == 0) {
        if (!writer->packet->duration)
            writer->packet->duration = 1;
        av_packet_rescale_ts(writer->packet, track->encoder->time_base, track->stream->time_base);
        writer->packet->stream_index = track->stream->index;
        assert_int_equal(av_interleaved_write_frame(writer->format, writer->packet), 0);
    }
}

static void encode_pictures(
    struct writer *writer, struct track *track, const struct film *film, int from, int to) {
    for (int i = from; i < to; i++) {
        AVFrame *frame = av_frame_alloc();
        frame->format = AV_PIX_FMT_YUV420P;
        frame->width = film->width;
        frame->height = film->height;
        assert_int_equal(av_frame_get_buffer(frame, 0), 0);
        for (int plane = 0; plane < 3; plane++)
            memset(frame->data[plane], plane ? 128 : 40 + i % 160,
                (size_t)frame->linesize[plane] * (size_t)(plane ? film->height / 2 : film->height));
        frame->pts = i;
        encode(writer, track, frame);
        av_frame_free(&frame);
    }
}

static void fill_with_tone(AVFrame *frame, int64_t from) {
    for (int i = 0; i < frame->nb_samples; i++) {
        float level = 0.3F * sinf((float)(from + i) * 6.2831853F * 440 / 48000);
        for (int channel = 0; channel < 2; channel++) {
            if (frame->format == AV_SAMPLE_FMT_FLTP)
                ((float *)(void *)frame->extended_data[channel])[i] = level;
            else
                ((int16_t *)(void *)frame->data[0])[2 * i + channel] = (int16_t)(level * 32767);
        }
    }
}

static void encode_second_of_sound(struct writer *writer, struct track *track, int64_t *sample, int64_t end) {
    int size = track->encoder->frame_size ? track->encoder->frame_size : 1024;
    for (; *sample + size <= end; *sample += size) {
        AVFrame *frame = av_frame_alloc();
        frame->format = track->encoder->sample_fmt;
        frame->nb_samples = size;
        frame->sample_rate = 48000;
        frame->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
        assert_int_equal(av_frame_get_buffer(frame, 0), 0);
        fill_with_tone(frame, *sample);
        frame->pts = *sample;
        encode(writer, track, frame);
        av_frame_free(&frame);
    }
}

static void write_media(struct writer *writer, const struct film *film) {
    struct track picture = {0}, sound = {0};
    if (film->picture)
        picture = add_track(writer, open_picture(film));
    if (film->matrix)
        note_matrix(picture.stream, film->matrix);
    if (film->aspect[0])
        picture.stream->sample_aspect_ratio = picture.stream->codecpar->sample_aspect_ratio =
            (AVRational){film->aspect[0], film->aspect[1]};
    if (film->sound)
        sound = add_track(writer, open_sound(film));
    AVDictionary *options = NULL;
    if (film->flags)
        av_dict_set(&options, "movflags", film->flags, 0);
    assert_in_range(avformat_write_header(writer->format, &options), 0, 1);
    av_dict_free(&options);
    int64_t sample = 0;
    for (int from = 0; from < film->frames; from += film->rate) {
        int to = from + film->rate < film->frames ? from + film->rate : film->frames;
        if (film->picture)
            encode_pictures(writer, &picture, film, from, to);
        if (film->sound)
            encode_second_of_sound(writer, &sound, &sample, (int64_t)to * 48000 / film->rate);
    }
    if (film->picture)
        encode(writer, &picture, NULL);
    if (film->sound)
        encode(writer, &sound, NULL);
    assert_true(av_write_trailer(writer->format) >= 0);
    avcodec_free_context(&picture.encoder);
    avcodec_free_context(&sound.encoder);
}

int film_make(const struct film *film) {
    char path[] = "/tmp/porthole-film-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct writer writer = {.packet = av_packet_alloc()};
    assert_in_range(avformat_alloc_output_context2(&writer.format, NULL, film->container, path), 0, 1);
    assert_in_range(avio_open(&writer.format->pb, path, AVIO_FLAG_WRITE), 0, 1);
    write_media(&writer, film);
    avio_closep(&writer.format->pb);
    avformat_free_context(writer.format);
    av_packet_free(&writer.packet);
    unlink(path);
    return fd;
}
