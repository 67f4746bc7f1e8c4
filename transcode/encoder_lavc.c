#include "transcode/encoder_lavc.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>

#include "transcode/encoder_nal.h"

struct lavc_encoder {
    struct ph_encoder base;
    AVCodecContext *context;
    AVFrame *staging;  /* the picture as the encoder wants it, in memory */
    AVFrame *uploaded; /* in the device, for encoders that take nothing else */
    AVPacket *packet;
    struct ph_builder unit;
    int64_t count;
};

/* What makes each of them answer picture by picture, with IDRs where they are asked for. */
struct flavour {
    const char *name;
    const char *options;
    enum AVPixelFormat staging;
    enum AVHWDeviceType device; /* NONE: takes pictures in memory */
    enum AVPixelFormat device_format;
};
static const struct flavour flavours[] = {
    {"h264_nvenc", "preset=p3:tune=ull:rc=vbr:zerolatency=1:delay=0:forced-idr=1:no-scenecut=1",
        AV_PIX_FMT_YUV420P, AV_HWDEVICE_TYPE_NONE, AV_PIX_FMT_NONE},
    {"h264_qsv", "preset=veryfast:async_depth=1:look_ahead=0:forced_idr=1:idr_interval=0", AV_PIX_FMT_NV12,
        AV_HWDEVICE_TYPE_NONE, AV_PIX_FMT_NONE},
    {"h264_vaapi", "async_depth=1", AV_PIX_FMT_NV12, AV_HWDEVICE_TYPE_VAAPI, AV_PIX_FMT_VAAPI},
};
static const struct flavour plain = {
    "", "tune=zerolatency:forced-idr=1", AV_PIX_FMT_YUV420P, AV_HWDEVICE_TYPE_NONE, AV_PIX_FMT_NONE};

static const struct flavour *flavour_of(const char *name) {
    for (size_t i = 0; i < sizeof(flavours) / sizeof(flavours[0]); i++) {
        if (strcmp(flavours[i].name, name) == 0)
            return &flavours[i];
    }
    return &plain;
}

static int open_device(AVCodecContext *context, const struct flavour *flavour) {
    AVBufferRef *device = NULL;
    int code = av_hwdevice_ctx_create(&device, flavour->device, NULL, NULL, 0);
    if (code < 0)
        return code;
    AVBufferRef *frames_ref = av_hwframe_ctx_alloc(device);
    av_buffer_unref(&device);
    if (!frames_ref)
        return -ENOMEM;
    AVHWFramesContext *frames = (AVHWFramesContext *)frames_ref->data;
    frames->format = flavour->device_format;
    frames->sw_format = flavour->staging;
    frames->width = context->width;
    frames->height = context->height;
    frames->initial_pool_size = 8;
    code = av_hwframe_ctx_init(frames_ref);
    if (code < 0) {
        av_buffer_unref(&frames_ref);
        return code;
    }
    context->hw_frames_ctx = frames_ref;
    context->pix_fmt = flavour->device_format;
    return 0;
}

static int open_context(struct lavc_encoder *encoder, const AVCodec *codec, const struct flavour *flavour,
    const struct ph_encoder_settings *settings) {
    AVCodecContext *context = encoder->context = avcodec_alloc_context3(codec);
    if (!context)
        return -ENOMEM;
    context->width = (int)settings->width;
    context->height = (int)settings->height;
    context->pix_fmt = flavour->staging;
    context->time_base = (AVRational){settings->rate.den, settings->rate.num};
    context->framerate = (AVRational){settings->rate.num, settings->rate.den};
    context->sample_aspect_ratio = (AVRational){1, 1};
    context->bit_rate = settings->bitrate;
    context->rc_max_rate = settings->most_bitrate;
    context->rc_buffer_size = (int)settings->buffer_bits;
    context->gop_size = INT32_MAX / 2;
    context->max_b_frames = 0;
    context->refs = 1;
    context->thread_count = settings->threads ? (int)settings->threads : 1;
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    context->profile = FF_PROFILE_H264_HIGH;
    context->color_range = AVCOL_RANGE_MPEG;
    context->color_primaries = AVCOL_PRI_BT709;
    context->color_trc = AVCOL_TRC_BT709;
    context->colorspace = AVCOL_SPC_BT709;
    if (flavour->device != AV_HWDEVICE_TYPE_NONE) {
        int code = open_device(context, flavour);
        if (code < 0)
            return code;
    }
    AVDictionary *options = NULL;
    int code = av_dict_parse_string(&options, flavour->options, "=", ":", 0);
    if (code >= 0)
        code = avcodec_open2(context, codec, &options);
    av_dict_free(&options);
    return code < 0 ? code : 0;
}

static int make_frames(struct lavc_encoder *encoder, const struct flavour *flavour) {
    encoder->packet = av_packet_alloc();
    encoder->staging = av_frame_alloc();
    encoder->uploaded = av_frame_alloc();
    if (!encoder->packet || !encoder->staging || !encoder->uploaded)
        return -ENOMEM;
    encoder->staging->format = flavour->staging;
    encoder->staging->width = encoder->context->width;
    encoder->staging->height = encoder->context->height;
    return av_frame_get_buffer(encoder->staging, 0);
}

/* The picture's planes into the staging frame, chroma interleaved for NV12. */
static int stage(struct lavc_encoder *encoder, const AVFrame *picture) {
    AVFrame *staging = encoder->staging;
    int code = av_frame_make_writable(staging);
    if (code < 0)
        return code;
    int width = staging->width, height = staging->height;
    av_image_copy_plane(
        staging->data[0], staging->linesize[0], picture->data[0], picture->linesize[0], width, height);
    if (staging->format == AV_PIX_FMT_YUV420P) {
        for (int i = 1; i < 3; i++)
            av_image_copy_plane(staging->data[i], staging->linesize[i], picture->data[i],
                picture->linesize[i], width / 2, height / 2);
        return 0;
    }
    for (int y = 0; y < height / 2; y++) {
        const uint8_t *u = picture->data[1] + (ptrdiff_t)y * picture->linesize[1];
        const uint8_t *v = picture->data[2] + (ptrdiff_t)y * picture->linesize[2];
        uint8_t *target = staging->data[1] + (ptrdiff_t)y * staging->linesize[1];
        for (int x = 0; x < width / 2; x++) {
            target[2 * x] = u[x];
            target[2 * x + 1] = v[x];
        }
    }
    return 0;
}

static int upload(struct lavc_encoder *encoder, AVFrame **input) {
    *input = encoder->staging;
    if (!encoder->context->hw_frames_ctx)
        return 0;
    av_frame_unref(encoder->uploaded);
    int code = av_hwframe_get_buffer(encoder->context->hw_frames_ctx, encoder->uploaded, 0);
    if (code >= 0)
        code = av_hwframe_transfer_data(encoder->uploaded, encoder->staging, 0);
    *input = encoder->uploaded;
    return code < 0 ? code : 0;
}

static int encode_staged(struct lavc_encoder *encoder, bool idr, struct ph_access_unit *unit) {
    AVFrame *input;
    int code = upload(encoder, &input);
    if (code < 0)
        return code;
    input->pts = encoder->count++;
    input->pict_type = idr ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    code = avcodec_send_frame(encoder->context, input);
    if (code < 0)
        return code;
    av_packet_unref(encoder->packet);
    code = avcodec_receive_packet(encoder->context, encoder->packet);
    if (code < 0)
        return code == AVERROR(EAGAIN) ? -ENOTSUP : code;
    struct ph_slice stream = {encoder->packet->data, (size_t)encoder->packet->size};
    ph_builder_clear(&encoder->unit);
    ph_nal_write_lengths(&encoder->unit, stream, &unit->idr);
    if (!ph_builder_ok(&encoder->unit))
        return -ENOMEM;
    unit->bytes = (struct ph_slice){encoder->unit.data, encoder->unit.size};
    return unit->bytes.size ? 0 : PH_INVALID_DATA;
}

static int encode_picture(
    struct ph_encoder *base, const AVFrame *picture, bool idr, struct ph_access_unit *unit) {
    struct lavc_encoder *encoder = (struct lavc_encoder *)base;
    int code = stage(encoder, picture);
    return code < 0 ? code : encode_staged(encoder, idr, unit);
}

static int set_effort(struct ph_encoder *base, int level) {
    (void)base;
    (void)level;
    return 0;
}

static void destroy(struct ph_encoder *base) {
    struct lavc_encoder *encoder = (struct lavc_encoder *)base;
    avcodec_free_context(&encoder->context);
    av_frame_free(&encoder->staging);
    av_frame_free(&encoder->uploaded);
    av_packet_free(&encoder->packet);
    ph_builder_discard(&encoder->unit);
    free(encoder);
}

static const struct ph_encoder_impl impl = {
    .encode = encode_picture,
    .set_effort = set_effort,
    .destroy = destroy,
};

static int try_picture(struct lavc_encoder *encoder) {
    AVFrame *staging = encoder->staging;
    const ptrdiff_t strides[4] = {
        staging->linesize[0], staging->linesize[1], staging->linesize[2], staging->linesize[3]};
    int code = av_image_fill_black(
        staging->data, strides, staging->format, AVCOL_RANGE_MPEG, staging->width, staging->height);
    if (code < 0)
        return code;
    struct ph_access_unit unit;
    code = encode_staged(encoder, true, &unit);
    if (code < 0)
        return code;
    return unit.idr ? 0 : -ENOTSUP;
}

static int copy_parameter_sets(struct lavc_encoder *encoder) {
    struct ph_slice header = {encoder->context->extradata, (size_t)encoder->context->extradata_size};
    struct ph_slice sps, pps;
    int code = ph_nal_find_parameter_sets(header, &sps, &pps);
    if (code < 0)
        return code;
    encoder->base.sps = ph_bytes_copy(sps.data, sps.size);
    encoder->base.pps = ph_bytes_copy(pps.data, pps.size);
    return encoder->base.sps && encoder->base.pps ? 0 : -ENOMEM;
}

int ph_encoder_lavc_open(
    struct ph_encoder **opened, const char *name, const struct ph_encoder_settings *settings) {
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (!codec || codec->id != AV_CODEC_ID_H264)
        return -ENOENT;
    struct lavc_encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder)
        return -ENOMEM;
    encoder->base.impl = &impl;
    const struct flavour *flavour = flavour_of(name);
    int code = open_context(encoder, codec, flavour, settings);
    if (code >= 0)
        code = make_frames(encoder, flavour);
    if (code >= 0)
        code = copy_parameter_sets(encoder);
    if (code >= 0)
        code = try_picture(encoder);
    if (code < 0) {
        ph_encoder_destroy(&encoder->base);
        return code;
    }
    *opened = &encoder->base;
    return 0;
}
