#include "transcode/encode_audio.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>

struct ph_audio_track {
    struct ph_audio_track_options options;
    struct ph_track_timing timing;
    AVCodecContext *context;
    AVFrame *frame;
    AVPacket *packet;
    char codecs[32];
    struct ph_bytes *init_segment;
    struct ph_packager packager;
    int64_t next_in;        /* grid frame the encoder takes next, -1 before the first */
    int64_t next_out;       /* grid frame that the encoder's next packet decodes to */
    int64_t arrivals_us[4]; /* of the newest frames that went in, by index modulo 4 */
};

static int open_encoder(struct ph_audio_track *track) {
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
    if (!codec)
        return -ENOENT;
    AVCodecContext *context = track->context = avcodec_alloc_context3(codec);
    if (!context)
        return -ENOMEM;
    context->sample_fmt = AV_SAMPLE_FMT_FLTP;
    context->sample_rate = PH_AUDIO_RATE;
    context->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
    context->bit_rate = PH_AUDIO_BITRATE;
    context->time_base = (AVRational){1, PH_AUDIO_RATE};
    context->profile = FF_PROFILE_AAC_LOW;
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int code = avcodec_open2(context, codec, NULL);
    if (code < 0)
        return code;
    return context->frame_size == PH_AUDIO_FRAME_SAMPLES ? 0 : -ENOTSUP;
}

static int make_frame(struct ph_audio_track *track) {
    track->packet = av_packet_alloc();
    AVFrame *frame = track->frame = av_frame_alloc();
    if (!track->packet || !frame)
        return -ENOMEM;
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->nb_samples = PH_AUDIO_FRAME_SAMPLES;
    frame->sample_rate = PH_AUDIO_RATE;
    frame->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
    return av_frame_get_buffer(frame, 0);
}

static int make_header(struct ph_audio_track *track) {
    struct ph_audio_header header = {
        .bitrate = PH_AUDIO_BITRATE,
        .config = {track->context->extradata, (size_t)track->context->extradata_size},
    };
    int code = ph_package_audio_codecs(header.config, track->codecs, sizeof(track->codecs));
    if (code < 0)
        return code;
    struct ph_builder builder = {0};
    code = ph_package_audio_init(&builder, &header);
    if (code < 0) {
        ph_builder_discard(&builder);
        return code;
    }
    track->init_segment = ph_builder_finish(&builder);
    return track->init_segment ? 0 : -ENOMEM;
}

int ph_audio_track_create(struct ph_audio_track **created, const struct ph_audio_track_options *options) {
    struct ph_audio_track *track = calloc(1, sizeof(*track));
    if (!track)
        return -ENOMEM;
    track->options = *options;
    track->timing = ph_track_timing_audio(&options->grid);
    track->next_in = -1;
    ph_packager_init(&track->packager, &track->timing);
    int code = open_encoder(track);
    if (code >= 0)
        code = make_frame(track);
    if (code >= 0)
        code = make_header(track);
    if (code < 0) {
        ph_audio_track_destroy(track);
        return code;
    }
    *created = track;
    return 0;
}

void ph_audio_track_destroy(struct ph_audio_track *track) {
    if (!track)
        return;
    avcodec_free_context(&track->context);
    av_frame_free(&track->frame);
    av_packet_free(&track->packet);
    ph_packager_finish(&track->packager);
    ph_bytes_unref(&track->init_segment);
    free(track);
}

const struct ph_track_timing *ph_audio_track_timing(const struct ph_audio_track *track) {
    return &track->timing;
}

const char *ph_audio_track_codecs(const struct ph_audio_track *track) {
    return track->codecs;
}

struct ph_bytes *ph_audio_track_init_segment(const struct ph_audio_track *track) {
    return track->init_segment;
}

static int emit_part(struct ph_audio_track *track, int64_t end_frame, bool last) {
    struct ph_part part;
    int code = ph_packager_close(&track->packager, end_frame, last, &part);
    if (code < 0)
        return code;
    code = track->options.take(track->options.opaque, &part);
    ph_part_finish(&part);
    return code;
}

static int package_packet(struct ph_audio_track *track) {
    int64_t frame = track->next_out++;
    if (frame < track->options.first_frame)
        return 0;
    struct ph_slice bytes = {track->packet->data, (size_t)track->packet->size};
    int code = ph_packager_add(&track->packager, frame, bytes, true);
    if (code < 0)
        return code;
    ph_packager_note_arrival(&track->packager, track->arrivals_us[frame & 3]);
    struct ph_part_position position = ph_track_part_of(&track->timing, frame);
    if (ph_part_position_compare(position, ph_track_part_of(&track->timing, frame + 1)) == 0)
        return 0;
    return emit_part(track, frame + 1, false);
}

static int drain_encoder(struct ph_audio_track *track) {
    for (;;) {
        int code = avcodec_receive_packet(track->context, track->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return 0;
        if (code >= 0)
            code = package_packet(track);
        av_packet_unref(track->packet);
        if (code < 0)
            return code;
    }
}

/* NULL samples are silence. */
static int encode_samples(struct ph_audio_track *track, const float *const samples[2]) {
    int code = av_frame_make_writable(track->frame);
    if (code < 0)
        return code;
    size_t size = PH_AUDIO_FRAME_SAMPLES * sizeof(float);
    for (int channel = 0; channel < 2; channel++) {
        if (samples)
            memcpy(track->frame->extended_data[channel], samples[channel], size);
        else
            memset(track->frame->extended_data[channel], 0, size);
    }
    track->frame->pts = track->next_in * PH_AUDIO_FRAME_SAMPLES;
    track->next_in++;
    code = avcodec_send_frame(track->context, track->frame);
    return code < 0 ? code : drain_encoder(track);
}

int ph_audio_track_push(struct ph_audio_track *track, const struct ph_grid_audio *audio) {
    if (audio->frame < track->options.first_frame - PH_AUDIO_LEAD_IN_FRAMES)
        return 0;
    if (track->next_in < 0) {
        track->next_in = audio->frame;
        /* The first packet holds what came before the first frame (nothing), so it decodes to that. */
        track->next_out = audio->frame - 1;
        if (track->options.first_frame < audio->frame)
            track->options.first_frame = audio->frame; /* the source begins later */
    }
    track->arrivals_us[audio->frame & 3] = audio->arrival_us;
    return encode_samples(track, audio->samples);
}

int ph_audio_track_finish(struct ph_audio_track *track, struct ph_part_position end) {
    if (track->next_in < 0)
        return 0;
    for (int i = 0; i < PH_AUDIO_LEAD_IN_FRAMES; i++) {
        int code = encode_samples(track, NULL);
        if (code < 0)
            return code;
    }
    if (!track->packager.count)
        return 0;
    struct ph_part_position open = ph_track_part_of(&track->timing, track->packager.frames[0]);
    if (ph_part_position_compare(open, end) > 0)
        return 0;
    return emit_part(track, track->next_out, true);
}
