#include "ingest/webrtc/rtp_session.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "ingest/webrtc/rtp_session_internal.h"

_Static_assert((int)PH_RTP_MOST_HELD == (int)PH_REORDER_SLOTS, "what the header promises is held");
_Static_assert((int)PH_RTP_MOST_HELD_BYTES == (int)PH_REORDER_MOST_BYTES, "what the header promises is held");

static const struct ph_negotiated_media *media_at(const struct ph_negotiation *negotiation, int place) {
    return place >= 0 ? &negotiation->media[place] : NULL;
}

static bool every_media(
    const struct ph_rtp_session *session, bool (*holds)(const struct ph_negotiated_media *)) {
    return (!session->video.media || holds(session->video.media)) &&
           (!session->audio.media || holds(session->audio.media));
}

static bool is_reduced(const struct ph_negotiated_media *media) {
    return media->reduced_size;
}

static int init_stream(
    struct ph_rtp_session *session, struct ph_rtp_stream *stream, const struct ph_negotiated_media *media) {
    return media ? ph_rtp_stream_init(stream, media, &session->options, &session->rtt) : 0;
}

int ph_rtp_session_create(
    struct ph_rtp_session **out, const struct ph_rtp_session_options *options, int64_t now_us) {
    struct ph_rtp_session *session = calloc(1, sizeof(*session));
    *out = NULL;
    if (!session)
        return -ENOMEM;
    session->negotiation = *options->negotiation;
    session->options = *options;
    session->options.negotiation = &session->negotiation;
    const struct ph_negotiated_media *video = media_at(&session->negotiation, session->negotiation.video);
    const struct ph_negotiated_media *audio = media_at(&session->negotiation, session->negotiation.audio);
    int code = init_stream(session, &session->video, video);
    if (!code)
        code = init_stream(session, &session->audio, audio);
    if (code) {
        ph_rtp_session_destroy(session);
        return code;
    }
    unsigned feedback = (video ? video->feedback : 0) | (audio ? audio->feedback : 0);
    session->tells_arrivals = feedback & PH_FEEDBACK_TRANSPORT_CC;
    session->reduced_size = every_media(session, is_reduced);
    if (video && (video->feedback & PH_FEEDBACK_REMB) && !(video->feedback & PH_FEEDBACK_TRANSPORT_CC))
        ph_remb_init(&session->remb, options->ceiling_bps);
    if (options->rtt_us > 0)
        ph_rtt_take(&session->rtt, options->rtt_us);
    session->report_due_us = now_us;
    *out = session;
    return 0;
}

void ph_rtp_session_destroy(struct ph_rtp_session *session) {
    if (!session)
        return;
    ph_rtp_stream_finish(&session->video);
    ph_rtp_stream_finish(&session->audio);
    ph_builder_discard(&session->out);
    free(session);
}

static bool is_of(const struct ph_rtp_stream *stream, uint8_t payload_type) {
    return stream->media &&
           (payload_type == stream->media->payload_type || payload_type == stream->media->red_payload_type ||
               payload_type == stream->media->ulpfec_payload_type);
}

static bool is_rtx_of(const struct ph_rtp_stream *stream, uint8_t payload_type) {
    return stream->media && payload_type == stream->media->rtx_payload_type;
}

static bool take(struct ph_rtp_session *session, const struct ph_rtp_wire *packet, int64_t now_us) {
    struct ph_rtp_stream *streams[] = {&session->video, &session->audio};
    for (size_t i = 0; i < 2; i++) {
        if (is_of(streams[i], packet->payload_type))
            return ph_rtp_stream_receive(streams[i], packet, now_us);
        if (is_rtx_of(streams[i], packet->payload_type))
            return ph_rtp_stream_receive_rtx(streams[i], packet, now_us);
    }
    return false;
}

void ph_rtp_session_receive(struct ph_rtp_session *session, struct ph_slice bytes, int64_t now_us) {
    struct ph_rtp_wire packet;
    if (bytes.size > PH_RTP_MOST_PACKET_BYTES ||
        !ph_rtp_wire_parse(bytes, &session->negotiation.extensions, &packet)) {
        session->figures.malformed++;
        return;
    }
    if (packet.has_transport_sequence && session->tells_arrivals)
        ph_transport_feedback_arrived(&session->feedback, packet.transport_sequence, now_us);
    if (!take(session, &packet, now_us))
        session->figures.unknown++;
}

static struct ph_rtp_stream *stream_of(struct ph_rtp_session *session, uint32_t ssrc) {
    if (session->video.latched && session->video.source.ssrc == ssrc)
        return &session->video;
    return session->audio.latched && session->audio.source.ssrc == ssrc ? &session->audio : NULL;
}

static bool take_sender_report(struct ph_rtp_session *session, struct ph_slice body, int64_t now_us) {
    struct ph_sender_report report;
    if (!ph_sender_report_parse(body, &report))
        return false;
    struct ph_rtp_stream *stream = stream_of(session, report.ssrc);
    if (stream)
        ph_rtp_stream_report(stream, &report, now_us);
    return true;
}

/* The round trip is what passed since our reference time, less what the publisher kept it. */
static void take_extended_report(struct ph_rtp_session *session, struct ph_slice body, int64_t now_us) {
    uint32_t reference, delay;
    if (!ph_reference_time_answer(body, session->options.ssrc, &reference, &delay))
        return;
    uint32_t now = (uint32_t)(ph_ntp_of_us(now_us) >> 16);
    int32_t passed = (int32_t)(now - reference - delay);
    if (passed >= 0)
        ph_rtt_take(&session->rtt, (int64_t)passed * PH_SECOND_US / 65536);
}

static void take_bye(struct ph_rtp_session *session, const struct ph_rtcp_packet *packet, int64_t now_us) {
    struct ph_cursor cursor = ph_cursor_init(packet->body);
    for (size_t i = 0; i < packet->count; i++) {
        uint32_t ssrc = ph_cursor_u32(&cursor);
        struct ph_rtp_stream *stream = ph_cursor_ok(&cursor) ? stream_of(session, ssrc) : NULL;
        if (stream)
            stream->bye_us = now_us;
    }
}

void ph_rtp_session_receive_rtcp(struct ph_rtp_session *session, struct ph_slice bytes, int64_t now_us) {
    struct ph_cursor compound = ph_cursor_init(bytes);
    struct ph_rtcp_packet packet;
    bool fits = bytes.size > 0;
    while (ph_rtcp_next(&compound, &packet)) {
        if (packet.type == PH_RTCP_SENDER_REPORT)
            fits &= take_sender_report(session, packet.body, now_us);
        else if (packet.type == PH_RTCP_EXTENDED_REPORT)
            take_extended_report(session, packet.body, now_us);
        else if (packet.type == PH_RTCP_BYE)
            take_bye(session, &packet, now_us);
    }
    if (!fits || !ph_cursor_ok(&compound))
        session->figures.malformed++;
}

int64_t ph_rtp_session_tick(struct ph_rtp_session *session, int64_t now_us) {
    int64_t due_us = ph_rtp_session_send_due(session, now_us);
    if (due_us > now_us + PH_SECOND_US)
        return now_us + PH_SECOND_US;
    return due_us > now_us ? due_us : now_us + 1;
}

void ph_rtp_session_request_keyframe(struct ph_rtp_session *session, int64_t now_us) {
    if (session->video.media)
        ph_keyframe_request_want(&session->video.keyframe, now_us);
}

bool ph_rtp_session_is_over(const struct ph_rtp_session *session, int64_t checked_us, int64_t now_us) {
    const struct ph_rtp_stream *streams[] = {&session->video, &session->audio};
    int64_t last_us = 0;
    for (size_t i = 0; i < 2; i++) {
        if (streams[i]->latched && !streams[i]->bye_us)
            return false;
        if (streams[i]->bye_us > last_us)
            last_us = streams[i]->bye_us;
    }
    return last_us && checked_us <= last_us && now_us - last_us >= PH_RTP_GOODBYE_US;
}

static void fill_media(
    const struct ph_rtp_stream *stream, struct ph_rtp_media_figures *figures, int64_t now_us) {
    if (!stream->media)
        return;
    *figures = stream->figures;
    figures->lost = stream->reorder.lost;
    figures->jitter_ms = stream->source.jitter_ticks * 1000 / stream->media->clock_rate;
    figures->bitrate = ph_rate_meter_read(&stream->rate, now_us);
}

void ph_rtp_session_figures(
    const struct ph_rtp_session *session, struct ph_rtp_figures *figures, int64_t now_us) {
    *figures = session->figures;
    fill_media(&session->video, &figures->video, now_us);
    fill_media(&session->audio, &figures->audio, now_us);
    figures->keyframes = session->video.keyframes;
    figures->rtt_ms = (double)session->rtt.smoothed_us / 1000;
    const struct ph_rtp_stream *shown = session->video.media ? &session->video : &session->audio;
    figures->wait_ms = (double)ph_rtp_stream_wait_us(shown) / 1000;
}
