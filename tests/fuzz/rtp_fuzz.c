/* links: ph_webrtc ph_base */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/webrtc/rtp_session.h"
#include "ingest/webrtc/rtp_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What goes to a worker is plain RTP of the negotiated payload types, or a sender report. */
static void forward(void *opaque, struct ph_slice packet) {
    (void)opaque;
    if (packet.size <= 12 || packet.size > PH_RTP_MOST_PACKET_BYTES || packet.data[0] != 0x80)
        abort();
    uint8_t type = packet.data[1] & 0x7F;
    if (ph_rtp_wire_is_rtcp(packet) ? packet.size != 28 : type != 96 && type != 111)
        abort();
}

static void send_rtcp(void *opaque, struct ph_slice packet) {
    (void)opaque;
    if (packet.size < 8 || packet.size > PH_RTCP_MOST_BYTES || packet.size % 4 ||
        !ph_rtp_wire_is_rtcp(packet))
        abort();
}

static const struct ph_rtp_session_impl impl = {send_rtcp, forward};

static const struct ph_negotiation negotiation = {
    .media = {{.accepted = true,
                  .is_video = true,
                  .codec = PH_CODEC_H264,
                  .payload_type = 96,
                  .rtx_payload_type = 97,
                  .red_payload_type = 98,
                  .ulpfec_payload_type = 99,
                  .clock_rate = 90000,
                  .mid = "0",
                  .feedback = PH_FEEDBACK_NACK | PH_FEEDBACK_PLI | PH_FEEDBACK_TRANSPORT_CC},
        {.accepted = true,
            .codec = PH_CODEC_OPUS,
            .payload_type = 111,
            .rtx_payload_type = -1,
            .red_payload_type = 63,
            .ulpfec_payload_type = -1,
            .clock_rate = 48000,
            .mid = "1"}},
    .media_count = 2,
    .video = 0,
    .audio = 1,
    .extensions = {.transport_cc = 3, .mid = 4, .rid = 10, .repaired_rid = 11},
};

/* The input is a run of packets: how long after the last (in 2 ms), a size, and the bytes. Sizes are exact
 * blocks, so that reading beyond one is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ph_rtp_session_options options = {
        .negotiation = &negotiation, .impl = &impl, .ssrc = 1, .cname = "cname", .ceiling_bps = 1000000};
    struct ph_rtp_session *session;
    int64_t now_us = 1000000;
    if (ph_rtp_session_create(&session, &options, now_us))
        return 0;
    while (size >= 2) {
        now_us += (int64_t)data[0] * 2000;
        size_t packet_size = data[1] < size - 2 ? data[1] : size - 2;
        uint8_t *packet = malloc(packet_size ? packet_size : 1);
        if (!packet)
            break;
        memcpy(packet, data + 2, packet_size);
        ph_rtp_session_receive(session, (struct ph_slice){packet, packet_size}, now_us);
        free(packet);
        if (ph_rtp_session_tick(session, now_us) <= now_us)
            abort();
        data += 2 + packet_size;
        size -= 2 + packet_size;
    }
    struct ph_rtp_figures figures;
    ph_rtp_session_figures(session, &figures, now_us);
    ph_rtp_session_destroy(session);
    return 0;
}
