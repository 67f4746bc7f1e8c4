/* What a source does otherwise when its connection is RTP: two clocks instead of one, and sound with holes.
 */
#include <stdlib.h>
#include <string.h>

#include <libavutil/samplefmt.h>

#include "transcode/rtp_description.h"
#include "transcode/source_stage.h"

enum {
    /* Holes up to here are made up for sample by sample; longer ones are the grid's. */
    most_made_up_us = 120000,
};

int ph_source_stage_read_connection(struct ph_source_stage *stage) {
    const struct ph_link_connection *connection = &stage->connection;
    stage->is_rtp = connection->kind && strcmp(connection->kind, "rtp") == 0;
    stage->is_file = connection->kind && strcmp(connection->kind, PH_CONNECTION_FILE) == 0;
    stage->lists_video = stage->lists_audio = true;
    if (!stage->is_rtp)
        return 0;
    struct ph_rtp_description description;
    int code = ph_rtp_description_parse(&description, connection->sdp ? connection->sdp : "");
    stage->lists_video = description.media[PH_TRACK_VIDEO].is_listed;
    stage->lists_audio = description.media[PH_TRACK_AUDIO].parameters != NULL;
    ph_rtp_description_finish(&description);
    return code == -ENOMEM ? code : 0; /* one that cannot be read is the demuxer's to report */
}

/* A frame's first byte tells better than its last when it was sent: keyframes take long. What is too late to
 * be seen or heard moves no timeline: decoded it is all the same, for what refers back to it. Jumps are the
 * clock's to see, which tells the streams apart: no mapping of before comes back. */
int64_t ph_source_stage_map_rtp(struct ph_source_stage *stage, const struct ph_source_item *item) {
    struct ph_timeline *timeline = &stage->timeline;
    const struct ph_rtp_stream_clock *picture = &stage->rtp_clock.streams[PH_TRACK_VIDEO];
    int64_t arrival_us = ph_source_stage_session_us(stage, item->first_us);
    int64_t drift_us = timeline->is_mapped ? timeline->offset_us : 0;
    int64_t placed_us = picture->offset_us;
    int64_t common_us = ph_rtp_clock_map(&stage->rtp_clock, item->stream, item->ssrc,
        item->packet->time_base.den, (uint32_t)item->packet->pts, arrival_us - drift_us);
    if (llabs(picture->offset_us - placed_us) >= PH_RTP_CLOCK_LEAST_LEAP_US)
        ph_grid_lose_phase(&stage->grid);
    if (arrival_us - drift_us - common_us > PH_RTP_CLOCK_MOST_LATE_US)
        return common_us + drift_us;
    timeline->has_previous = false;
    int64_t time_us = ph_source_stage_map(stage, item->stream, common_us * 9 / 100, arrival_us);
    ph_rtp_clock_shift_arrivals(&stage->rtp_clock, timeline->offset_us - drift_us);
    return time_us;
}

static int give_samples(struct ph_source_stage *stage, int64_t *time_us, const struct ph_source_item *item) {
    const AVFrame *samples = stage->frame;
    int code = ph_audio_grid_samples(&stage->audio_grid, samples, *time_us, item->time_us);
    if (samples->sample_rate > 0)
        *time_us += (int64_t)samples->nb_samples * 1000000 / samples->sample_rate;
    return code == AVERROR(EINVAL) ? 0 : code; /* a form that cannot be resampled */
}

/* Decodes one packet; the samples' length in ticks of the stream is added to the sound's end. */
static int decode(struct ph_source_stage *stage, const struct ph_source_item *item, int64_t time_us) {
    int rate = item->packet->time_base.den;
    AVPacket *packet = item->packet;
    packet->pts = packet->dts = AV_NOPTS_VALUE;
    int code = ph_decoder_send(&stage->audio, packet);
    while (code == 0) {
        code = ph_decoder_receive(&stage->audio, stage->frame);
        if (code == -EAGAIN || code == PH_EOF)
            return 0;
        if (code < 0)
            return code;
        if (stage->frame->sample_rate > 0)
            stage->sound_end_ticks += (int64_t)stage->frame->nb_samples * rate / stage->frame->sample_rate;
        code = give_samples(stage, &time_us, item);
        av_frame_unref(stage->last_sound);
        av_frame_move_ref(stage->last_sound, stage->frame);
    }
    return code;
}

/* The sound's last samples backwards, ever quieter: no click where it begins, and no pitch of its own. Beyond
 * what there is, and in forms that no decoder of ours has, silence. */
static void mirror(AVFrame *made, const AVFrame *last) {
    av_samples_set_silence(
        made->extended_data, 0, made->nb_samples, made->ch_layout.nb_channels, made->format);
    if (made->format != AV_SAMPLE_FMT_FLTP || last->format != made->format ||
        last->ch_layout.nb_channels != made->ch_layout.nb_channels)
        return;
    int count = made->nb_samples < last->nb_samples ? made->nb_samples : last->nb_samples;
    for (int channel = 0; channel < made->ch_layout.nb_channels; channel++) {
        const float *from = (const float *)last->extended_data[channel] + last->nb_samples - 1;
        float *to = (float *)made->extended_data[channel];
        for (int i = 0; i < count; i++)
            to[i] = from[-i] * (float)(count - i) / (float)count;
    }
}

/* Samples of the decoder's own form, as many as are missing. */
static int make_up(
    struct ph_source_stage *stage, const struct ph_source_item *item, int64_t ticks, int64_t time_us) {
    const AVCodecContext *context = stage->audio.context;
    int rate = item->packet->time_base.den;
    AVFrame *frame = stage->frame;
    av_frame_unref(frame);
    frame->format = context->sample_fmt;
    frame->sample_rate = context->sample_rate;
    frame->nb_samples = (int)(ticks * context->sample_rate / rate);
    int code = av_channel_layout_copy(&frame->ch_layout, &context->ch_layout);
    if (code >= 0 && frame->nb_samples > 0)
        code = av_frame_get_buffer(frame, 0);
    if (code >= 0 && frame->nb_samples > 0) {
        mirror(frame, stage->last_sound);
        time_us -= ticks * 1000000 / rate;
        code = give_samples(stage, &time_us, item);
    }
    av_frame_unref(frame);
    return code < 0 ? code : 0;
}

int ph_source_stage_rtp_sound(
    struct ph_source_stage *stage, const struct ph_source_item *item, int64_t time_us) {
    int64_t start_ticks = stage->rtp_clock.streams[PH_TRACK_AUDIO].reference;
    int64_t hole_ticks = start_ticks - stage->sound_end_ticks;
    bool is_hole = stage->has_sound_end && hole_ticks > 0 && stage->audio.decoded > 0 &&
                   hole_ticks * 1000000 / item->packet->time_base.den <= most_made_up_us;
    int code = is_hole ? make_up(stage, item, hole_ticks, time_us) : 0;
    stage->has_sound_end = true;
    stage->sound_end_ticks = start_ticks;
    return code < 0 ? code : decode(stage, item, time_us);
}
