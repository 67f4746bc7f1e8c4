#include <stdlib.h>
#include <string.h>

#include "transcode/demux.h"
#include "transcode/rtp_assembler.h"
#include "transcode/rtp_description.h"

struct rtp {
    struct ph_demux base;
    struct ph_demux_input *input;
    struct ph_rtp_description description;
    struct ph_rtp_assembler video;
    bool has_video_ssrc;
    uint32_t video_ssrc;
    struct ph_demux_unit unit;
    bool has_unit; /* `unit` is to be taken, perhaps once more */
};

/* What every event of the unit at hand has in common. */
static void begin_event(
    const struct rtp *rtp, enum ph_demux_event event, enum ph_track_kind kind, struct ph_demux_packet *read) {
    *read = (struct ph_demux_packet){
        .event = event,
        .kind = kind,
        .codec = rtp->description.media[kind].parameters,
        .first_arrival_us = rtp->unit.time_us,
        .arrival_us = rtp->unit.time_us,
        .replay_unit = rtp->unit.index,
        .video_listed = rtp->description.media[PH_TRACK_VIDEO].is_listed,
    };
}

/* 1 and the packet, or -ENOMEM. */
static int give_packet(const struct rtp *rtp, enum ph_track_kind kind, struct ph_slice bytes,
    const struct ph_rtp_packet *packet, struct ph_demux_packet *read) {
    begin_event(rtp, PH_DEMUX_PACKET, kind, read);
    read->packet = av_packet_alloc();
    if (!read->packet || av_new_packet(read->packet, (int)bytes.size) < 0) {
        av_packet_free(&read->packet);
        return -ENOMEM;
    }
    memcpy(read->packet->data, bytes.data, bytes.size);
    read->packet->pts = read->packet->dts = packet->timestamp;
    read->packet->time_base = (AVRational){1, rtp->description.media[kind].clock_rate};
    read->ssrc = packet->ssrc;
    return 1;
}

/* A keyframe that needs parameter sets which came apart from it, once, cannot be replayed from itself. */
static uint64_t replay_unit_of(const struct rtp *rtp) {
    const AVCodecParameters *parameters = rtp->description.media[PH_TRACK_VIDEO].parameters;
    bool needs_parameters =
        parameters->codec_id == AV_CODEC_ID_H264 || parameters->codec_id == AV_CODEC_ID_HEVC;
    if (needs_parameters && !rtp->video.frame.has_parameters && !parameters->extradata_size)
        return PH_NO_UNIT;
    return rtp->video.first_unit;
}

/* The frame may have begun units ago, and its timestamp need not be that of the packet at hand. */
static int give_picture(
    const struct rtp *rtp, const struct ph_rtp_packet *packet, struct ph_demux_packet *read) {
    const struct ph_builder *bytes = &rtp->video.frame.bytes;
    struct ph_rtp_packet last = *packet;
    last.timestamp = rtp->video.timestamp;
    int code = give_packet(rtp, PH_TRACK_VIDEO, (struct ph_slice){bytes->data, bytes->size}, &last, read);
    if (code < 0)
        return code;
    read->first_arrival_us = rtp->video.first_arrival_us;
    read->replay_unit = replay_unit_of(rtp);
    return code;
}

static int take_video(struct rtp *rtp, const struct ph_rtp_packet *packet, struct ph_demux_packet *read) {
    if (!rtp->has_video_ssrc || rtp->video_ssrc != packet->ssrc) {
        rtp->video.has_sequence = false;
        rtp->has_video_ssrc = true;
        rtp->video_ssrc = packet->ssrc;
    }
    enum ph_rtp_outcome outcome;
    int code = ph_rtp_assembler_take(
        &rtp->video, packet, rtp->unit.index, rtp->unit.time_us, &outcome, &rtp->has_unit);
    if (code < 0 || outcome == PH_RTP_NOTHING)
        return code;
    if (outcome == PH_RTP_FRAME)
        return give_picture(rtp, packet, read);
    begin_event(rtp, PH_DEMUX_LOSS, PH_TRACK_VIDEO, read);
    return 1;
}

/* 1 and an event, 0 when the unit yields none, or a negative code. Packets that cannot be read are passed
 * over, and show as a loss. */
static int take_packet(struct rtp *rtp, struct ph_demux_packet *read) {
    struct ph_rtp_packet packet;
    if (ph_rtp_packet_parse(rtp->unit.bytes, &packet) < 0)
        return 0;
    const struct ph_rtp_media *media = rtp->description.media;
    for (enum ph_track_kind kind = PH_TRACK_VIDEO; kind <= PH_TRACK_AUDIO; kind++) {
        bool is_wanted = media[kind].parameters && media[kind].payload_type == packet.payload_type;
        if (is_wanted && media[kind].format)
            return take_video(rtp, &packet, read);
        if (is_wanted && packet.payload.size > 0)
            return give_packet(rtp, kind, packet.payload, &packet, read);
    }
    return 0;
}

static int take_report(const struct rtp *rtp, struct ph_demux_packet *read) {
    struct ph_rtp_report report;
    if (ph_rtp_report_parse(rtp->unit.bytes, &report) < 0)
        return 0;
    begin_event(rtp, PH_DEMUX_REPORT, PH_TRACK_VIDEO, read);
    read->report = report;
    return 1;
}

static int rtp_read(struct ph_demux *demux, struct ph_demux_packet *read) {
    struct rtp *rtp = (struct rtp *)demux;
    int code = 0;
    while (code == 0) {
        if (!rtp->has_unit) {
            code = rtp->input->impl->next(rtp->input, &rtp->unit);
            if (code == 0)
                code = rtp->input->impl->replayable(rtp->input, rtp->unit.index);
        }
        rtp->has_unit = false;
        if (code == 0)
            code = ph_rtp_is_rtcp(rtp->unit.bytes) ? take_report(rtp, read) : take_packet(rtp, read);
    }
    return code < 0 ? code : 0;
}

static const char *rtp_unsupported(const struct ph_demux *demux) {
    const struct ph_rtp_media *video = &((const struct rtp *)demux)->description.media[PH_TRACK_VIDEO];
    return video->is_listed && video->codec == AV_CODEC_ID_NONE ? "a codec that is not known" : NULL;
}

static void rtp_destroy(struct ph_demux *demux) {
    struct rtp *rtp = (struct rtp *)demux;
    ph_rtp_assembler_finish(&rtp->video);
    ph_rtp_description_finish(&rtp->description);
    free(rtp);
}

int ph_demux_rtp_create(struct ph_demux **demux, const char *sdp, struct ph_demux_input *input) {
    static const struct ph_demux_impl impl = {rtp_read, rtp_unsupported, rtp_destroy};
    *demux = NULL;
    struct rtp *rtp = calloc(1, sizeof(*rtp));
    if (!rtp)
        return -ENOMEM;
    rtp->base.impl = &impl;
    rtp->input = input;
    int code = ph_rtp_description_parse(&rtp->description, sdp);
    if (code < 0) {
        rtp_destroy(&rtp->base);
        return code;
    }
    rtp->video.format = rtp->description.media[PH_TRACK_VIDEO].format;
    *demux = &rtp->base;
    return 0;
}
