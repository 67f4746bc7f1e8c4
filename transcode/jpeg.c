#include "transcode/jpeg.h"

#include <libavcodec/avcodec.h>

static AVCodecContext *open_jpeg(const AVFrame *picture, int quality) {
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!context)
        return NULL;
    context->width = picture->width;
    context->height = picture->height;
    context->pix_fmt = AV_PIX_FMT_YUV420P;
    context->color_range = AVCOL_RANGE_JPEG;
    context->time_base = (AVRational){1, 1};
    context->flags |= AV_CODEC_FLAG_QSCALE;
    context->global_quality = quality * FF_QP2LAMBDA;
    context->thread_count = 1;
    if (avcodec_open2(context, codec, NULL) < 0)
        avcodec_free_context(&context);
    return context;
}

struct ph_bytes *ph_jpeg_make(const AVFrame *picture, int quality) {
    struct ph_bytes *jpeg = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *input = av_frame_clone(picture);
    AVCodecContext *context = open_jpeg(picture, quality);
    if (!packet || !input || !context)
        goto out;
    input->pts = 0;
    input->quality = context->global_quality;
    input->pict_type = AV_PICTURE_TYPE_NONE;
    if (avcodec_send_frame(context, input) >= 0 && avcodec_receive_packet(context, packet) >= 0)
        jpeg = ph_bytes_copy(packet->data, (size_t)packet->size);
out:
    avcodec_free_context(&context);
    av_frame_free(&input);
    av_packet_free(&packet);
    return jpeg;
}
