#include "transcode/decode.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t thread_cpu_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_too_large(int width, int height) {
    int longer = width > height ? width : height, shorter = width > height ? height : width;
    return longer > PH_MOST_SOURCE_WIDTH || shorter > PH_MOST_SOURCE_HEIGHT;
}

/* Called by libavcodec, from its threads too, before a picture is allocated. */
static int get_buffer(AVCodecContext *context, AVFrame *frame, int flags) {
    struct ph_decoder *decoder = context->opaque;
    if (context->codec_type == AVMEDIA_TYPE_VIDEO && is_too_large(frame->width, frame->height)) {
        __atomic_store_n(&decoder->is_too_large, true, __ATOMIC_RELAXED);
        return AVERROR(EINVAL);
    }
    return avcodec_default_get_buffer2(context, frame, flags);
}

/* libavcodec before 60 calls get_buffer from one thread alone, and warns, unless told that any may. */
static void allow_buffers_from_any_thread(AVCodecContext *context) {
#if LIBAVCODEC_VERSION_MAJOR < 60
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    context->thread_safe_callbacks = 1;
#pragma GCC diagnostic pop
#else
    (void)context;
#endif
}

static int refuse(struct ph_link_reason *reason, const AVCodecParameters *parameters) {
    snprintf(reason->code, sizeof(reason->code), "unsupported_codec");
    snprintf(reason->text, sizeof(reason->text),
        "The source's codec (%s) cannot be decoded here; publish H.264 video and AAC or Opus audio.",
        avcodec_get_name(parameters->codec_id));
    return -ENOTSUP;
}

int ph_decoder_open(struct ph_decoder *decoder, const AVCodecParameters *parameters, unsigned threads,
    struct ph_link_reason *reason) {
    ph_decoder_finish(decoder);
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    if (!codec)
        return refuse(reason, parameters);
    decoder->context = avcodec_alloc_context3(codec);
    if (!decoder->context)
        return -ENOMEM;
    AVCodecContext *context = decoder->context;
    int code = avcodec_parameters_to_context(context, parameters);
    if (code < 0)
        goto fail;
    context->opaque = decoder;
    context->get_buffer2 = get_buffer;
    allow_buffers_from_any_thread(context);
    context->pkt_timebase = (AVRational){1, 90000};
    context->max_pixels = INT64_C(16384) * 16384; /* tables only; pictures pass get_buffer */
    context->thread_count = (int)threads;
    context->thread_type = threads > 1 ? FF_THREAD_FRAME : 0;
    decoder->threads = threads;
    decoder->is_shown = context->codec_type == AVMEDIA_TYPE_AUDIO;
    code = avcodec_open2(context, codec, NULL);
    if (code < 0)
        goto fail;
    decoder->splitter = av_parser_init(parameters->codec_id); /* NULL: the codec's packets are frames */
    if (decoder->splitter && context->codec_type == AVMEDIA_TYPE_VIDEO)
        decoder->splitter->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    return 0;
fail:
    ph_decoder_finish(decoder);
    return code;
}

void ph_decoder_trust_packets(struct ph_decoder *decoder) {
    if (decoder->splitter)
        av_parser_close(decoder->splitter);
    decoder->splitter = NULL;
}

bool ph_decoder_is_open(const struct ph_decoder *decoder) {
    return decoder->context != NULL;
}

bool ph_decoder_fits(const struct ph_decoder *decoder, const AVCodecParameters *parameters) {
    return decoder->context && decoder->context->codec_id == parameters->codec_id;
}

void ph_decoder_finish(struct ph_decoder *decoder) {
    if (decoder->splitter)
        av_parser_close(decoder->splitter);
    decoder->splitter = NULL;
    avcodec_free_context(&decoder->context);
}

bool ph_decoder_is_keyframe(struct ph_decoder *decoder, const AVPacket *packet) {
    if (!decoder->splitter)
        return packet->flags & AV_PKT_FLAG_KEY;
    uint8_t *unused;
    int unused_size;
    av_parser_parse2(decoder->splitter, decoder->context, &unused, &unused_size, packet->data, packet->size,
        packet->pts, packet->dts, 0);
    if (decoder->splitter->key_frame >= 0)
        return decoder->splitter->key_frame == 1;
    return decoder->splitter->pict_type == AV_PICTURE_TYPE_I;
}

/* Something could not be decoded: what follows refers back to it. */
static void note_error(struct ph_decoder *decoder) {
    decoder->errors++;
    if (decoder->hides_damage)
        decoder->is_shown = false;
}

int ph_decoder_send(struct ph_decoder *decoder, const AVPacket *packet) {
    int64_t before_us = thread_cpu_us();
    int code = avcodec_send_packet(decoder->context, packet);
    decoder->cpu_us += thread_cpu_us() - before_us;
    if (code == AVERROR(ENOMEM))
        return code;
    if (code < 0 && code != AVERROR_EOF)
        note_error(decoder);
    return 0;
}

/* Whether a picture may be shown: from the first clean keyframe on. */
static bool may_show(struct ph_decoder *decoder, const AVFrame *frame) {
    bool is_clean = !(frame->flags & AV_FRAME_FLAG_CORRUPT) && !frame->decode_error_flags;
    if (!is_clean && decoder->hides_damage)
        decoder->is_shown = false;
    if (decoder->is_shown)
        return true;
    bool begins = frame->pict_type == AV_PICTURE_TYPE_I || frame->pict_type == AV_PICTURE_TYPE_NONE;
    decoder->is_shown = is_clean && begins;
    return decoder->is_shown;
}

int ph_decoder_receive(struct ph_decoder *decoder, AVFrame *frame) {
    for (;;) {
        int64_t before_us = thread_cpu_us();
        int code = avcodec_receive_frame(decoder->context, frame);
        decoder->cpu_us += thread_cpu_us() - before_us;
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF || code == AVERROR(ENOMEM))
            return code;
        if (code < 0) {
            note_error(decoder);
            return -EAGAIN;
        }
        decoder->decoded++;
        decoder->errors += frame->decode_error_flags != 0;
        if (decoder->context->codec_type == AVMEDIA_TYPE_AUDIO || may_show(decoder, frame))
            return 0;
        av_frame_unref(frame);
    }
}

int ph_decoder_split(
    struct ph_decoder *decoder, const uint8_t *bytes, int size, int64_t pts, AVPacket *packet) {
    packet->data = NULL;
    packet->size = 0;
    packet->pts = pts;
    if (!decoder->splitter) {
        packet->data = (uint8_t *)bytes;
        packet->size = size;
        return size;
    }
    int taken = av_parser_parse2(decoder->splitter, decoder->context, &packet->data, &packet->size, bytes,
        size, pts, AV_NOPTS_VALUE, 0);
    packet->pts = decoder->splitter->pts;
    return taken;
}

void ph_decoder_set_skip(struct ph_decoder *decoder, int skip) {
    if (!decoder->context)
        return;
    decoder->context->skip_loop_filter = skip >= 1 ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
    decoder->context->skip_frame = skip >= 2 ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
}
