/* links: ph_webrtc ph_base */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/webrtc/rtcp_packet.h"
#include "ingest/webrtc/rtp_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void forward(void *opaque, struct ph_slice packet) {
    (void)opaque;
    if (packet.size != 28 && packet.size != 13)
        abort();
}

/* What we send is well-formed in our own reader's eyes. */
static void send_rtcp(void *opaque, struct ph_slice packet) {
    (void)opaque;
    struct ph_cursor compound = ph_cursor_init(packet);
    struct ph_rtcp_packet one;
    while (ph_rtcp_next(&compound, &one)) {
    }
    if (!ph_cursor_ok(&compound) || packet.size > PH_RTCP_MOST_BYTES)
        abort();
}

static const struct ph_rtp_session_impl impl = {send_rtcp, forward};

static const struct ph_negotiation negotiation = {
    .media = {{.accepted = true,
        .is_video = true,
        .codec = PH_CODEC_VP8,
        .payload_type = 96,
        .rtx_payload_type = -1,
        .red_payload_type = -1,
        .ulpfec_payload_type = -1,
        .clock_rate = 90000,
        .feedback = PH_FEEDBACK_NACK | PH_FEEDBACK_PLI}},
    .media_count = 1,
    .video = 0,
    .audio = -1,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t media[13] = {0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 42, 0};
    const struct ph_rtp_session_options options = {
        .negotiation = &negotiation, .impl = &impl, .ssrc = 0x0A0B0C0D, .cname = "cname"};
    struct ph_rtp_session *session;
    int64_t now_us = 1000000;
    if (ph_rtp_session_create(&session, &options, now_us))
        return 0;
    ph_rtp_session_receive(session, (struct ph_slice){media, sizeof(media)}, now_us);
    ph_rtp_session_receive_rtcp(session, (struct ph_slice){data, size}, now_us + 50000);
    (void)ph_rtp_session_tick(session, now_us + 100000);
    (void)ph_rtp_session_is_over(session, 0, now_us + PH_RTP_GOODBYE_US + 50000);
    ph_rtp_session_destroy(session);
    return 0;
}
