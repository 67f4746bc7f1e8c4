#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ingest/webrtc/negotiation.h"

struct ph_answer_rates ph_answer_rates_for(uint32_t top_rendition_bps) {
    enum { usual_start_bps = 4000000, least_ceiling_bps = 2000000 };
    uint64_t ceiling = (uint64_t)top_rendition_bps * 3 / 2;
    if (ceiling > UINT32_MAX)
        ceiling = UINT32_MAX;
    if (ceiling && ceiling < least_ceiling_bps)
        ceiling = least_ceiling_bps;
    uint32_t start = ceiling < usual_start_bps ? (uint32_t)ceiling : usual_start_bps;
    return (struct ph_answer_rates){.start_bps = start, .ceiling_bps = (uint32_t)ceiling};
}

static void write_session(
    struct ph_builder *builder, const struct ph_negotiation *negotiation, uint64_t session_id) {
    ph_builder_format(builder,
        "v=0\r\no=- %" PRIu64 " 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n"
        "a=ice-options:trickle ice2\r\n",
        session_id & INT64_MAX);
    if (negotiation->extmap_mixed)
        ph_builder_text(builder, "a=extmap-allow-mixed\r\n");
    if (!negotiation->bundle)
        return;
    ph_builder_text(builder, "a=group:BUNDLE");
    for (size_t i = 0; i < negotiation->media_count; i++)
        if (negotiation->media[i].accepted)
            ph_builder_format(builder, " %s", negotiation->media[i].mid);
    ph_builder_text(builder, "\r\n");
}

static void write_rejected(struct ph_builder *builder, const struct ph_negotiated_media *media) {
    ph_builder_format(
        builder, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\n", media->type, media->protocol, media->format);
    if (*media->mid)
        ph_builder_format(builder, "a=mid:%s\r\n", media->mid);
    ph_builder_text(builder, "a=inactive\r\n");
}

/* One transport serves all m-lines: each names it, the first one its candidates. */
static void write_transport(struct ph_builder *builder, const struct ph_negotiation *negotiation,
    const struct ph_local_transport *local, bool first) {
    ph_builder_format(
        builder, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 ", local->ufrag, local->pwd);
    for (size_t i = 0; i < sizeof(local->fingerprint_sha256); i++)
        ph_builder_format(builder, "%s%02X", i ? ":" : "", local->fingerprint_sha256[i]);
    ph_builder_format(builder, "\r\na=setup:%s\r\n", negotiation->dtls_client ? "active" : "passive");
    if (!first)
        return;
    for (size_t i = 0; i < local->candidate_count; i++)
        ph_ice_candidate_write(builder, &local->candidates[i]);
    ph_builder_text(builder, "a=end-of-candidates\r\n");
}

static bool answers_red(const struct ph_negotiated_media *media) {
    return !media->is_video && media->red_payload_type >= 0;
}

/* REMB is the fallback of transport-wide feedback. */
static unsigned answered_feedback(const struct ph_negotiated_media *media) {
    unsigned feedback = media->feedback;
    if (feedback & PH_FEEDBACK_TRANSPORT_CC)
        feedback &= ~(unsigned)PH_FEEDBACK_REMB;
    return feedback;
}

static void write_feedback(struct ph_builder *builder, const struct ph_negotiated_media *media) {
    static const struct {
        unsigned feedback;
        const char *name;
    } lines[] = {{PH_FEEDBACK_NACK, "nack"}, {PH_FEEDBACK_PLI, "nack pli"},
        {PH_FEEDBACK_TRANSPORT_CC, "transport-cc"}, {PH_FEEDBACK_REMB, "goog-remb"}};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (answered_feedback(media) & lines[i].feedback)
            ph_builder_format(builder, "a=rtcp-fb:%d %s\r\n", media->payload_type, lines[i].name);
}

static void write_extension(struct ph_builder *builder, uint8_t id, const char *uri) {
    if (id)
        ph_builder_format(builder, "a=extmap:%u %s\r\n", id, uri);
}

static void write_extensions(struct ph_builder *builder, const struct ph_negotiated_media *media) {
    const struct ph_extension_ids *ids = &media->extensions;
    unsigned feedback = answered_feedback(media);
    write_extension(builder, ids->mid, "urn:ietf:params:rtp-hdrext:sdes:mid");
    if (feedback & PH_FEEDBACK_TRANSPORT_CC)
        write_extension(builder, ids->transport_cc,
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01");
    if (feedback & PH_FEEDBACK_REMB)
        write_extension(
            builder, ids->absolute_send_time, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time");
    if (!*media->rid)
        return;
    write_extension(builder, ids->rid, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id");
    write_extension(builder, ids->repaired_rid, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id");
}

/* What the answer says of the chosen format. For Opus it is what we like to receive (RFC 7587 section 6.1):
 * stereo, and no in-band correction, which the decoder would not use. */
static void write_parameters(struct ph_builder *builder, const struct ph_negotiated_media *media) {
    if (media->codec == PH_CODEC_OPUS) {
        ph_builder_text(builder, "minptime=10;stereo=1;useinbandfec=0;maxaveragebitrate=96000");
    } else if (media->codec == PH_CODEC_H264) {
        if (media->level_asymmetry)
            ph_builder_text(builder, "level-asymmetry-allowed=1;");
        ph_builder_format(builder, "packetization-mode=%u", media->packetization_mode);
        if (*media->profile_level_id)
            ph_builder_format(builder, ";profile-level-id=%s", media->profile_level_id);
    } else {
        ph_builder_text(builder, media->fmtp);
    }
}

/* Parameters that Google's stack takes from an answer, whatever the codec. */
static void write_rates(
    struct ph_builder *builder, const struct ph_answer_rates *rates, bool follows_others) {
    const char *separator = follows_others ? ";" : "";
    if (rates->start_bps)
        ph_builder_format(builder, "%sx-google-start-bitrate=%u", separator, rates->start_bps / 1000);
    if (rates->start_bps)
        separator = ";";
    if (rates->ceiling_bps)
        ph_builder_format(builder, "%sx-google-max-bitrate=%u", separator, rates->ceiling_bps / 1000);
}

static void write_fmtp(struct ph_builder *builder, const struct ph_negotiated_media *media,
    const struct ph_answer_rates *rates) {
    bool has_rates = media->is_video && (rates->start_bps || rates->ceiling_bps);
    bool has_parameters = media->codec == PH_CODEC_OPUS || media->codec == PH_CODEC_H264 || *media->fmtp;
    if (!has_rates && !has_parameters)
        return;
    ph_builder_format(builder, "a=fmtp:%d ", media->payload_type);
    write_parameters(builder, media);
    if (has_rates)
        write_rates(builder, rates, has_parameters);
    ph_builder_text(builder, "\r\n");
}

static void write_rtpmap(struct ph_builder *builder, const struct ph_negotiated_media *media) {
    ph_builder_format(
        builder, "a=rtpmap:%d %s/%u", media->payload_type, ph_codec_name(media->codec), media->clock_rate);
    if (media->channels > 1)
        ph_builder_format(builder, "/%u", media->channels);
    ph_builder_text(builder, "\r\n");
}

static void write_formats(struct ph_builder *builder, const struct ph_negotiated_media *media,
    const struct ph_answer_rates *rates) {
    if (answers_red(media))
        ph_builder_format(builder, "a=rtpmap:%d red/%u/%u\r\na=fmtp:%d %d/%d\r\n", media->red_payload_type,
            media->clock_rate, media->channels, media->red_payload_type, media->payload_type,
            media->payload_type);
    write_rtpmap(builder, media);
    write_feedback(builder, media);
    write_fmtp(builder, media, rates);
    if (media->rtx_payload_type >= 0)
        ph_builder_format(builder, "a=rtpmap:%d rtx/%u\r\na=fmtp:%d apt=%d\r\n", media->rtx_payload_type,
            media->clock_rate, media->rtx_payload_type, media->payload_type);
    if (*media->rid)
        ph_builder_format(builder, "a=rid:%s recv\r\na=simulcast:recv %s\r\n", media->rid, media->rid);
}

static void write_accepted(struct ph_builder *builder, const struct ph_negotiated_media *media,
    const struct ph_answer_rates *rates) {
    ph_builder_format(builder, "m=%s 9 %s", media->type, media->protocol);
    if (answers_red(media))
        ph_builder_format(builder, " %d", media->red_payload_type);
    ph_builder_format(builder, " %d", media->payload_type);
    if (media->rtx_payload_type >= 0)
        ph_builder_format(builder, " %d", media->rtx_payload_type);
    ph_builder_text(builder, "\r\nc=IN IP4 0.0.0.0\r\n");
    if (media->is_video && rates->ceiling_bps)
        ph_builder_format(builder, "b=AS:%u\r\n", rates->ceiling_bps / 1000);
    if (*media->mid)
        ph_builder_format(builder, "a=mid:%s\r\n", media->mid);
    ph_builder_text(builder, "a=recvonly\r\na=rtcp-mux\r\n");
    if (media->reduced_size)
        ph_builder_text(builder, "a=rtcp-rsize\r\n");
}

void ph_negotiation_answer_write(struct ph_builder *builder, const struct ph_negotiation *negotiation,
    const struct ph_local_transport *local, const struct ph_answer_rates *rates, uint64_t session_id) {
    bool first = true;
    write_session(builder, negotiation, session_id);
    for (size_t i = 0; i < negotiation->media_count; i++) {
        const struct ph_negotiated_media *media = &negotiation->media[i];
        if (!media->accepted) {
            write_rejected(builder, media);
            continue;
        }
        write_accepted(builder, media, rates);
        write_transport(builder, negotiation, local, first);
        write_extensions(builder, media);
        write_formats(builder, media, rates);
        first = false;
    }
}

/* Codecs whose parameters a depacketiser or decoder reads. */
static bool reads_parameters(enum ph_codec codec) {
    return codec == PH_CODEC_H264 || codec == PH_CODEC_H265 || codec == PH_CODEC_AV1;
}

static void write_plain(struct ph_builder *builder, const struct ph_negotiated_media *media) {
    ph_builder_format(
        builder, "m=%s 9 RTP/AVP %d\r\n", media->is_video ? "video" : "audio", media->payload_type);
    write_rtpmap(builder, media);
    if (*media->fmtp && reads_parameters(media->codec))
        ph_builder_format(builder, "a=fmtp:%d %s\r\n", media->payload_type, media->fmtp);
}

void ph_negotiation_worker_sdp_write(struct ph_builder *builder, const struct ph_negotiation *negotiation) {
    ph_builder_text(builder, "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n");
    if (negotiation->video >= 0)
        write_plain(builder, &negotiation->media[negotiation->video]);
    if (negotiation->audio >= 0)
        write_plain(builder, &negotiation->media[negotiation->audio]);
}
