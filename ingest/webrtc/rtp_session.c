/* The least that carries a publisher: packets are forwarded as they come, without the header's extensions,
 * and a keyframe is asked for when one is wanted. */
#include "ingest/webrtc/rtp_session.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

enum { header_bytes = 12 };

struct ph_rtp_session {
    struct ph_rtp_session_options options;
    struct ph_negotiation negotiation;
    uint32_t video_ssrc; /* 0: nothing heard yet */
    bool wants_keyframe;
    struct ph_rtp_figures figures;
};

int ph_rtp_session_create(
    struct ph_rtp_session **out, const struct ph_rtp_session_options *options, int64_t now_us) {
    (void)now_us;
    struct ph_rtp_session *session = *out = calloc(1, sizeof(*session));
    if (!session)
        return -ENOMEM;
    session->options = *options;
    session->negotiation = *options->negotiation;
    return 0;
}

void ph_rtp_session_destroy(struct ph_rtp_session *session) {
    free(session);
}

static size_t payload_at(struct ph_slice packet) {
    size_t at = header_bytes + 4 * (packet.data[0] & 15U);
    if (packet.data[0] & 0x10)
        at = at + 4 <= packet.size ? at + 4 + 4 * ((size_t)packet.data[at + 2] << 8 | packet.data[at + 3])
                                   : SIZE_MAX;
    return at;
}

void ph_rtp_session_receive(struct ph_rtp_session *session, struct ph_slice packet, int64_t now_us) {
    (void)now_us;
    uint8_t plain[PH_RTP_MOST_PACKET_BYTES];
    const struct ph_negotiation *negotiation = &session->negotiation;
    if (packet.size < header_bytes || packet.size > sizeof(plain) || payload_at(packet) >= packet.size)
        return;
    size_t at = payload_at(packet), padding = packet.data[0] & 0x20 ? packet.data[packet.size - 1] : 0;
    int type = packet.data[1] & 127;
    bool is_video = negotiation->video >= 0 && type == negotiation->media[negotiation->video].payload_type;
    bool is_audio = negotiation->audio >= 0 && type == negotiation->media[negotiation->audio].payload_type;
    if ((!is_video && !is_audio) || at + padding >= packet.size)
        return;
    if (is_video) {
        memcpy(&session->video_ssrc, packet.data + 8, 4);
        session->figures.video.packets++;
    }
    memcpy(plain, packet.data, header_bytes);
    plain[0] = 0x80;
    memcpy(plain + header_bytes, packet.data + at, packet.size - at - padding);
    session->options.impl->forward(
        session->options.opaque, (struct ph_slice){plain, header_bytes + packet.size - at - padding});
}

void ph_rtp_session_receive_rtcp(struct ph_rtp_session *session, struct ph_slice packet, int64_t now_us) {
    (void)now_us;
    uint8_t report[28];
    if (packet.size < sizeof(report) || packet.data[1] != 200)
        return;
    memcpy(report, packet.data, sizeof(report));
    report[0] = 0x80;
    report[2] = 0;
    report[3] = 6;
    session->options.impl->forward(session->options.opaque, (struct ph_slice){report, sizeof(report)});
}

int64_t ph_rtp_session_tick(struct ph_rtp_session *session, int64_t now_us) {
    if (session->wants_keyframe && session->video_ssrc) {
        uint8_t pli[20] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 206, 0, 2, 0, 0, 0, 1};
        memcpy(pli + 16, &session->video_ssrc, 4);
        session->options.impl->send_rtcp(session->options.opaque, (struct ph_slice){pli, sizeof(pli)});
        session->wants_keyframe = false;
        session->figures.plis++;
    }
    return now_us + PH_SECOND_US / 10;
}

void ph_rtp_session_request_keyframe(struct ph_rtp_session *session, int64_t now_us) {
    (void)now_us;
    session->wants_keyframe = true;
}

bool ph_rtp_session_is_over(const struct ph_rtp_session *session) {
    (void)session;
    return false;
}

void ph_rtp_session_figures(
    const struct ph_rtp_session *session, struct ph_rtp_figures *figures, int64_t now_us) {
    (void)now_us;
    *figures = session->figures;
}
