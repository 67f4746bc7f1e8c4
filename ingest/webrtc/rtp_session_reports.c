#include <string.h>

#include "core/base/clock.h"
#include "ingest/webrtc/rtp_session_internal.h"

enum {
    report_interval_us = 1000000,
    first_report_interval_us = 250000,
    feedback_interval_us = 50000,
    most_nacks_at_once = 128,
    most_feedback_bytes = 1000, /* beside which a report fits */
};

static int64_t sooner(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void send_out(struct ph_rtp_session *session) {
    if (ph_builder_ok(&session->out) && session->out.size)
        session->options.impl->send_rtcp(
            session->options.opaque, (struct ph_slice){session->out.data, session->out.size});
    ph_builder_clear(&session->out);
}

/* A compound begins with a report and a CNAME (RFC 3550 section 6.1), unless reduced size was negotiated. */
static void open_compound(struct ph_rtp_session *session, bool reduced_size) {
    if (session->out.size || reduced_size)
        return;
    ph_receiver_report_write(&session->out, session->options.ssrc, NULL, 0);
    ph_sdes_write(&session->out, session->options.ssrc, session->options.cname);
}

static int64_t send_nacks(struct ph_rtp_session *session, struct ph_rtp_stream *stream, int64_t now_us) {
    uint16_t sequences[most_nacks_at_once];
    int64_t due_us;
    size_t count = ph_rtp_stream_ask(stream, now_us, sequences, most_nacks_at_once, &due_us);
    if (!count)
        return due_us;
    open_compound(session, stream->media->reduced_size);
    ph_nack_write(&session->out, session->options.ssrc, stream->source.ssrc, sequences, count);
    send_out(session);
    session->figures.nacks += count;
    session->figures.nack_packets++;
    return due_us;
}

/* Gives up first, so that nothing is asked for in vain. */
static int64_t repair(struct ph_rtp_session *session, struct ph_rtp_stream *stream, int64_t now_us) {
    if (!stream->media || !stream->latched)
        return PH_NEVER_US;
    int64_t expiry_us = ph_rtp_stream_expire(stream, now_us);
    return sooner(expiry_us, send_nacks(session, stream, now_us));
}

static int64_t request_keyframe(struct ph_rtp_session *session, int64_t now_us) {
    struct ph_rtp_stream *video = &session->video;
    if (!video->media || !video->latched || !(video->media->feedback & PH_FEEDBACK_PLI))
        return PH_NEVER_US;
    if (ph_keyframe_request_take(&video->keyframe, &session->rtt, now_us)) {
        open_compound(session, video->media->reduced_size);
        ph_pli_write(&session->out, session->options.ssrc, video->source.ssrc);
        send_out(session);
        session->figures.plis++;
    }
    return ph_keyframe_request_due_us(&video->keyframe);
}

/* The stream whose SSRC stands for the transport in feedback. */
static uint32_t any_ssrc(const struct ph_rtp_session *session) {
    return session->video.latched ? session->video.source.ssrc : session->audio.source.ssrc;
}

static int64_t send_feedback(struct ph_rtp_session *session, int64_t now_us) {
    if (!session->tells_arrivals || !session->feedback.pending)
        return PH_NEVER_US;
    if (now_us < session->feedback_due_us)
        return session->feedback_due_us;
    session->feedback_due_us = now_us + feedback_interval_us;
    for (;;) {
        open_compound(session, session->reduced_size);
        if (!ph_transport_feedback_write(&session->feedback, &session->out, session->options.ssrc,
                any_ssrc(session), most_feedback_bytes))
            break;
        send_out(session);
        session->figures.transport_feedbacks++;
    }
    ph_builder_clear(&session->out);
    return PH_NEVER_US;
}

static void write_remb(struct ph_rtp_session *session, uint8_t fraction_lost, int64_t now_us) {
    struct ph_rtp_stream *video = &session->video;
    if (!session->remb.ceiling_bps || !video->latched)
        return;
    ph_remb_update(&session->remb, fraction_lost, (uint64_t)ph_rate_meter_read(&video->rate, now_us));
    ph_remb_write(&session->out, session->options.ssrc, session->remb.allowed_bps, &video->source.ssrc, 1);
    session->figures.rembs++;
}

static int64_t send_report(struct ph_rtp_session *session, int64_t now_us) {
    struct ph_report_block blocks[2] = {0};
    size_t count = 0;
    if (now_us < session->report_due_us)
        return session->report_due_us;
    session->report_due_us = now_us + (session->reports++ ? report_interval_us : first_report_interval_us);
    if (session->video.latched)
        ph_rtp_source_block(&session->video.source, &blocks[count++], now_us);
    uint8_t video_lost = blocks[0].fraction_lost;
    if (session->audio.latched)
        ph_rtp_source_block(&session->audio.source, &blocks[count++], now_us);
    if (!count)
        return session->report_due_us;
    ph_receiver_report_write(&session->out, session->options.ssrc, blocks, count);
    ph_sdes_write(&session->out, session->options.ssrc, session->options.cname);
    write_remb(session, video_lost, now_us);
    ph_reference_time_write(&session->out, session->options.ssrc, ph_ntp_of_us(now_us));
    send_out(session);
    return session->report_due_us;
}

int64_t ph_rtp_session_send_due(struct ph_rtp_session *session, int64_t now_us) {
    int64_t due_us = repair(session, &session->video, now_us);
    due_us = sooner(due_us, repair(session, &session->audio, now_us));
    due_us = sooner(due_us, request_keyframe(session, now_us));
    due_us = sooner(due_us, send_feedback(session, now_us));
    return sooner(due_us, send_report(session, now_us));
}
