#include "transcode/source_stage.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"

enum {
    keyframe_request_us = 500000,
    /* WebRTC sends keyframes on request alone. A replay begins at one, and takes as long as decoding from
     * there; so one is asked for this often. */
    rtp_keyframe_interval_us = 4000000,
    /* How far a file's pictures and sound may lie apart, and a decoder behind; nobody waits for them. */
    file_patience_us = 5000000,
};

static int64_t grid_patience_us(const struct ph_source_stage *stage) {
    return stage->is_file ? file_patience_us : PH_GRID_PATIENCE_US;
}

static int64_t sound_patience_us(const struct ph_source_stage *stage) {
    return stage->is_file ? file_patience_us : PH_AUDIO_ABSENT_US;
}

int64_t ph_source_stage_session_us(const struct ph_source_stage *stage, int64_t link_us) {
    return link_us - stage->options.epoch_time_us;
}

static int link_failed(struct ph_source_stage *stage, const struct ph_link_reason *reason) {
    return ph_source_stage_fail(stage, reason->code, reason->text);
}

int ph_source_stage_fail(struct ph_source_stage *stage, const char *code, const char *text) {
    struct ph_link_reason reason = {0};
    strncpy(reason.code, code, sizeof(reason.code) - 1);
    strncpy(reason.text, text, sizeof(reason.text) - 1);
    stage->is_over = true;
    stage->sink->impl->failed(stage->sink, &reason);
    return PH_EOF;
}

/* Decoder threads for the picture: a further one costs a frame of delay, so only what one cannot carry gets
 * it, and a source that has to catch up. */
static unsigned wanted_threads(const struct ph_source_stage *stage) {
    if (stage->options.decoder_threads)
        return stage->options.decoder_threads;
    int64_t pixels = (int64_t)stage->description.width * stage->description.height;
    bool is_fast = stage->interval_us > 0 && stage->interval_us < 28000;
    if (stage->is_catching_up || (is_fast && pixels > 1280 * 720) || pixels > 1920 * 1200)
        return 2;
    return 1;
}

static int64_t arrival_of(struct ph_source_stage *stage, int64_t time_us) {
    for (unsigned i = 0; i < PH_ARRIVALS && i < stage->arrival_count; i++) {
        if (stage->arrivals[i].time_us == time_us)
            return stage->arrivals[i].arrival_us;
    }
    return stage->now_us + stage->options.epoch_time_us;
}

/* Everything the picture's decoder has ready. */
static int receive_pictures(struct ph_source_stage *stage) {
    for (;;) {
        int code = ph_decoder_receive(&stage->video, stage->frame);
        if (code == -EAGAIN || code == PH_EOF)
            return 0;
        if (code < 0)
            return code;
        int64_t time_us = stage->frame->pts != AV_NOPTS_VALUE ? stage->frame->pts : stage->now_us;
        code = ph_display_note(&stage->display, stage->frame);
        if (code == 0)
            code = ph_source_stage_picture(stage, stage->frame, time_us, arrival_of(stage, time_us));
        av_frame_unref(stage->frame);
        if (code < 0)
            return code;
    }
}

static int drain_video(struct ph_source_stage *stage) {
    if (!ph_decoder_is_open(&stage->video))
        return 0;
    int code = ph_decoder_send(&stage->video, NULL);
    if (code == 0)
        code = receive_pictures(stage);
    ph_decoder_finish(&stage->video);
    return code;
}

/* 0, or 1 when the stream has no decoder. */
static int open_video(struct ph_source_stage *stage) {
    struct ph_link_reason reason = {0};
    bool was_shown = stage->video.is_shown;
    int code =
        ph_decoder_open(&stage->video, stage->parameters[PH_TRACK_VIDEO], wanted_threads(stage), &reason);
    if (code == 0) {
        stage->video.is_shown = false;
        stage->video.hides_damage = stage->is_rtp;
        ph_decoder_set_skip(&stage->video, atomic_load(&stage->decode_skip));
        if (stage->is_file)
            ph_decoder_trust_packets(&stage->video);
        return 0;
    }
    stage->video.is_shown = was_shown;
    if (code != -ENOTSUP)
        return code;
    stage->is_unusable[PH_TRACK_VIDEO] = true;
    return stage->has_begun ? 1 : link_failed(stage, &reason);
}

void ph_source_stage_ask_for_keyframe(struct ph_source_stage *stage) {
    if (stage->is_catching_up || stage->now_us - stage->asked_keyframe_us < keyframe_request_us)
        return;
    stage->asked_keyframe_us = stage->now_us;
    stage->sink->impl->want_keyframe(stage->sink);
}

static bool wants_keyframe(const struct ph_source_stage *stage) {
    if (!stage->video.is_shown || stage->awaits_keyframe)
        return true;
    return stage->is_rtp && stage->now_us - stage->keyframe_us >= rtp_keyframe_interval_us;
}

int64_t ph_source_stage_map(
    struct ph_source_stage *stage, enum ph_track_kind stream, int64_t ticks, int64_t arrival_us) {
    if (stage->is_file)
        return ticks * 100 / 9;
    struct ph_timeline before = stage->timeline;
    int64_t time_us = ph_timeline_map(&stage->timeline, stream, ticks, arrival_us);
    int64_t moved_us = stage->timeline.offset_us - before.offset_us;
    if (moved_us > PH_TIMELINE_MOST_SLEW_US || moved_us < -PH_TIMELINE_MOST_SLEW_US)
        ph_grid_lose_phase(&stage->grid);
    return time_us;
}

static int64_t time_of_picture(struct ph_source_stage *stage, const struct ph_source_item *item) {
    if (stage->is_rtp)
        return ph_source_stage_map_rtp(stage, item);
    const AVPacket *packet = item->packet;
    int64_t ticks = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    int64_t arrival_us = ph_source_stage_session_us(stage, item->time_us);
    return ticks != AV_NOPTS_VALUE ? ph_source_stage_map(stage, PH_TRACK_VIDEO, ticks, arrival_us)
                                   : arrival_us;
}

static int decode_picture(struct ph_source_stage *stage, struct ph_source_item *item) {
    AVPacket *packet = item->packet;
    int64_t time_us = time_of_picture(stage, item);
    bool is_keyframe = ph_decoder_is_keyframe(&stage->video, packet);
    if (is_keyframe && stage->video.threads != wanted_threads(stage)) {
        int code = drain_video(stage);
        if (code == 0)
            code = open_video(stage);
        if (code)
            return code;
        (void)ph_decoder_is_keyframe(&stage->video, packet); /* the new parser starts here too */
    }
    if (is_keyframe) {
        stage->awaits_keyframe = false;
        stage->keyframe_us = stage->now_us;
        int code = ph_source_stage_note_keyframe(stage, item, time_us);
        if (code < 0)
            return code;
    } else if (wants_keyframe(stage)) {
        ph_source_stage_ask_for_keyframe(stage);
    }
    if (stage->awaits_keyframe)
        return 0;
    unsigned place = stage->arrival_count++ % PH_ARRIVALS;
    stage->arrivals[place].time_us = time_us;
    stage->arrivals[place].arrival_us = item->time_us;
    packet->pts = time_us;
    packet->dts = AV_NOPTS_VALUE;
    int code = ph_decoder_send(&stage->video, packet);
    return code < 0 ? code : receive_pictures(stage);
}

static int take_picture(struct ph_source_stage *stage, struct ph_source_item *item) {
    if (stage->is_unusable[PH_TRACK_VIDEO])
        return 0;
    if (!ph_decoder_is_open(&stage->video)) {
        int code = open_video(stage);
        if (code)
            return code < 0 ? code : 0;
    }
    int code = decode_picture(stage, item);
    pthread_mutex_lock(&stage->lock);
    stage->figures.pictures_decoded = stage->video.decoded;
    stage->figures.decode_errors = stage->video.errors;
    stage->figures.decode_us = stage->video.cpu_us + stage->audio.cpu_us;
    pthread_mutex_unlock(&stage->lock);
    if (code >= 0 && !stage->has_begun && __atomic_load_n(&stage->video.is_too_large, __ATOMIC_RELAXED))
        return ph_source_stage_fail(stage, "source_too_large",
            "The source's picture is larger than 4096×2304; publish 3840×2160 or less.");
    return code > 0 ? 0 : code;
}

/* Samples of one packet of sound; its time is told by `next_audio_ticks`, which moves on. */
static int decode_samples(struct ph_source_stage *stage, const struct ph_source_item *item) {
    int64_t arrival_us = ph_source_stage_session_us(stage, item->time_us);
    int code = ph_decoder_send(&stage->audio, stage->packet);
    while (code == 0) {
        code = ph_decoder_receive(&stage->audio, stage->frame);
        if (code == -EAGAIN || code == PH_EOF)
            return 0;
        if (code < 0)
            return code;
        int64_t time_us = ph_source_stage_map(stage, PH_TRACK_AUDIO, stage->next_audio_ticks, arrival_us);
        if (stage->frame->sample_rate > 0)
            stage->next_audio_ticks += (int64_t)stage->frame->nb_samples * 90000 / stage->frame->sample_rate;
        code = ph_audio_grid_samples(&stage->audio_grid, stage->frame, time_us, item->time_us);
        av_frame_unref(stage->frame);
        if (code == AVERROR(EINVAL)) /* a form that cannot be resampled */
            code = 0;
    }
    return code;
}

static int open_audio(struct ph_source_stage *stage) {
    struct ph_link_reason reason = {0};
    int code = ph_decoder_open(&stage->audio, stage->parameters[PH_TRACK_AUDIO], 1, &reason);
    if (code == -ENOMEM)
        return code;
    if (code == 0 && stage->is_file)
        ph_decoder_trust_packets(&stage->audio);
    if (code < 0) {
        stage->is_unusable[PH_TRACK_AUDIO] = true;
        ph_audio_grid_declare(&stage->audio_grid, false, stage->now_us);
        ph_log_warning("a source's sound cannot be decoded; the session goes on in silence", ph_code(code));
    }
    return 0;
}

static int take_sound(struct ph_source_stage *stage, const struct ph_source_item *item) {
    if (!ph_decoder_is_open(&stage->audio) && !stage->is_unusable[PH_TRACK_AUDIO]) {
        int code = open_audio(stage);
        if (code < 0)
            return code;
    }
    if (stage->is_unusable[PH_TRACK_AUDIO])
        return 0;
    if (stage->is_rtp) {
        int64_t time_us = ph_source_stage_map_rtp(stage, item);
        ph_source_stage_note_audio(stage, item, time_us);
        stage->audio_grid.expected_until_us = stage->now_us + sound_patience_us(stage);
        return ph_source_stage_rtp_sound(stage, item, time_us);
    }
    int64_t arrival_us = ph_source_stage_session_us(stage, item->time_us);
    int64_t pts = item->packet->pts;
    if (pts != AV_NOPTS_VALUE)
        ph_source_stage_note_audio(stage, item, ph_source_stage_map(stage, PH_TRACK_AUDIO, pts, arrival_us));
    stage->audio_grid.expected_until_us = stage->now_us + sound_patience_us(stage);
    const uint8_t *bytes = item->packet->data;
    for (int left = item->packet->size; left > 0;) {
        int taken = ph_decoder_split(&stage->audio, bytes, left, pts, stage->packet);
        if (taken < 0 || (taken == 0 && stage->packet->size == 0))
            return 0;
        pts = AV_NOPTS_VALUE;
        bytes += taken;
        left -= taken;
        if (stage->packet->size == 0)
            continue;
        if (stage->packet->pts != AV_NOPTS_VALUE)
            stage->next_audio_ticks = stage->packet->pts;
        int code = stage->next_audio_ticks >= 0 ? decode_samples(stage, item) : 0;
        if (code < 0)
            return code;
    }
    return 0;
}

static int take_connection(struct ph_source_stage *stage, struct ph_source_item *item) {
    ph_link_connection_finish(&stage->connection);
    stage->connection = item->connection;
    item->connection = (struct ph_link_connection){0};
    if (!stage->has_connection)
        stage->connected_us = stage->now_us;
    stage->has_connection = true;
    stage->refused_codec = NULL;
    ph_timeline_init(&stage->timeline);
    stage->rtp_clock = (struct ph_rtp_clock){0};
    ph_grid_lose_phase(&stage->grid);
    ph_audio_grid_restart(&stage->audio_grid, 0);
    stage->next_audio_ticks = -1;
    stage->has_sound_end = stage->awaits_keyframe = false;
    stage->keyframe_us = stage->now_us;
    int code = ph_source_stage_read_connection(stage);
    if (code == 0)
        ph_audio_grid_declare(&stage->audio_grid, stage->lists_audio, stage->now_us);
    return code;
}

/* The last good picture stands until the next keyframe. */
static int take_loss(struct ph_source_stage *stage) {
    stage->awaits_keyframe = true;
    stage->video.is_shown = false;
    ph_source_stage_ask_for_keyframe(stage);
    return 0;
}

static int take_report(struct ph_source_stage *stage, const struct ph_source_item *item) {
    ph_rtp_clock_report(&stage->rtp_clock, &item->report);
    return 0;
}

static int take_gone(struct ph_source_stage *stage) {
    int code = drain_video(stage);
    ph_decoder_finish(&stage->audio);
    stage->is_unusable[PH_TRACK_VIDEO] = stage->is_unusable[PH_TRACK_AUDIO] = false;
    return code;
}

static int take_stream(struct ph_source_stage *stage, struct ph_source_item *item) {
    int code = item->stream == PH_TRACK_VIDEO ? drain_video(stage) : 0;
    if (item->stream == PH_TRACK_AUDIO)
        ph_decoder_finish(&stage->audio);
    avcodec_parameters_free(&stage->parameters[item->stream]);
    stage->parameters[item->stream] = item->parameters;
    if (item->stream == PH_TRACK_VIDEO) {
        stage->file_rate = item->rate;
        stage->display = item->display;
    }
    item->parameters = NULL;
    stage->is_unusable[item->stream] = false;
    return code;
}

/* Time has come to `now_us`: what is missing for too long is filled. */
static int advance(struct ph_source_stage *stage, int64_t link_us) {
    int64_t now_us = ph_source_stage_session_us(stage, link_us);
    if (now_us <= stage->now_us)
        return 0;
    stage->now_us = now_us;
    if (!stage->has_begun)
        return ph_source_stage_consider(stage);
    int64_t due_us = now_us - grid_patience_us(stage);
    int code = ph_grid_advance(&stage->grid, due_us, link_us);
    if (code >= 0)
        code = ph_audio_grid_advance(&stage->audio_grid, due_us, link_us);
    if (code >= 0)
        code = ph_audio_grid_follow(&stage->audio_grid, ph_grid_end_us(&stage->grid), now_us, link_us);
    pthread_mutex_lock(&stage->lock);
    stage->figures.frames_repeated = stage->grid.repeated;
    stage->figures.frames_late = stage->grid.late;
    stage->figures.audio_gaps = stage->audio_grid.gaps;
    pthread_mutex_unlock(&stage->lock);
    return code;
}

static int take_end(struct ph_source_stage *stage, int64_t link_us) {
    int code = take_gone(stage);
    if (code >= 0 && !stage->has_begun)
        code = ph_source_stage_begin_late(stage);
    if (code >= 0 && stage->has_begun)
        code = ph_audio_grid_advance(&stage->audio_grid, ph_grid_end_us(&stage->grid), link_us);
    if (code < 0)
        return code;
    stage->is_over = true;
    code = stage->sink->impl->end(stage->sink);
    return code < 0 ? code : PH_EOF;
}

static int take(struct ph_source_stage *stage, struct ph_source_item *item) {
    int code = advance(stage, item->time_us);
    if (code < 0)
        return code;
    switch (item->kind) {
    case PH_ITEM_CLOCK:
        return 0;
    case PH_ITEM_CONNECTION:
        return take_connection(stage, item);
    case PH_ITEM_REFUSED:
        stage->refused_codec = item->codec;
        return stage->has_begun ? 0 : ph_source_stage_consider(stage);
    case PH_ITEM_STREAM:
        return take_stream(stage, item);
    case PH_ITEM_PACKET:
        return item->stream == PH_TRACK_VIDEO ? take_picture(stage, item) : take_sound(stage, item);
    case PH_ITEM_LOSS:
        return take_loss(stage);
    case PH_ITEM_REPORT:
        return take_report(stage, item);
    case PH_ITEM_GONE:
        return take_gone(stage);
    case PH_ITEM_END:
        return take_end(stage, item->time_us);
    }
    return 0;
}

int ph_source_stage_take(struct ph_source_stage *stage, struct ph_source_item *item, bool is_behind) {
    if (!is_behind)
        stage->is_catching_up = false;
    if (stage->video.context)
        ph_decoder_set_skip(&stage->video, atomic_load(&stage->decode_skip));
    int code = stage->is_over ? PH_EOF : take(stage, item);
    ph_source_item_destroy(item);
    return code;
}
