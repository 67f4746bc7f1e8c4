/* links: ph_webrtc ph_base */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/webrtc/rtp_session.h"
#include "ingest/webrtc/rtp_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Well-formed headers around hostile numbers and payloads: media, repetitions and redundancy in any order.
 * Whatever comes, each stream goes out with one SSRC and rising numbers. */
struct seen {
    bool any;
    uint16_t last;
    uint32_t ssrc;
};
struct checks {
    struct seen video, audio;
};

static void forward(void *opaque, struct ph_slice bytes) {
    struct checks *checks = opaque;
    static const struct ph_extension_ids none;
    struct ph_rtp_wire packet;
    if (!ph_rtp_wire_parse(bytes, &none, &packet) || !packet.payload.size)
        abort();
    struct seen *seen = packet.payload_type == 96 ? &checks->video : &checks->audio;
    if (seen->any && (packet.ssrc != seen->ssrc || packet.sequence == seen->last))
        abort();
    *seen = (struct seen){true, packet.sequence, packet.ssrc};
}

static void send_rtcp(void *opaque, struct ph_slice packet) {
    (void)opaque;
    if (packet.size > PH_RTCP_MOST_BYTES || packet.size % 4)
        abort();
}

static const struct ph_rtp_session_impl impl = {send_rtcp, forward};

static const struct ph_negotiation negotiation = {
    .media = {{.accepted = true,
                  .is_video = true,
                  .codec = PH_CODEC_VP8,
                  .payload_type = 96,
                  .rtx_payload_type = 97,
                  .red_payload_type = 98,
                  .ulpfec_payload_type = 99,
                  .clock_rate = 90000,
                  .feedback = PH_FEEDBACK_NACK | PH_FEEDBACK_PLI | PH_FEEDBACK_REMB},
        {.accepted = true,
            .codec = PH_CODEC_OPUS,
            .payload_type = 111,
            .rtx_payload_type = -1,
            .red_payload_type = 63,
            .ulpfec_payload_type = -1,
            .clock_rate = 48000}},
    .media_count = 2,
    .video = 0,
    .audio = 1,
};

enum { record_bytes = 6 };

/* A record: which payload type and source, time, step of the sequence number, payload size; then the payload.
 */
static size_t feed(struct ph_rtp_session *session, const uint8_t *data, size_t size, int64_t *now_us) {
    static const uint8_t types[] = {96, 97, 111, 63, 98, 99, 96, 97};
    *now_us += (int64_t)data[1] * 1000;
    struct ph_rtp_wire packet = {.payload_type = types[data[0] & 7],
        .sequence = (uint16_t)(data[2] << 8 | data[3]),
        .timestamp = (uint32_t)data[4] * 3000,
        .ssrc = 1000U + (data[0] >> 3 & 3) + types[data[0] & 7]};
    size_t payload = data[5] < size - record_bytes ? data[5] : size - record_bytes;
    uint8_t bytes[PH_RTP_HEADER_BYTES + 255];
    ph_rtp_wire_header_write(bytes, &packet);
    memcpy(bytes + PH_RTP_HEADER_BYTES, data + record_bytes, payload);
    ph_rtp_session_receive(session, (struct ph_slice){bytes, PH_RTP_HEADER_BYTES + payload}, *now_us);
    if (data[0] & 0x80)
        (void)ph_rtp_session_tick(session, *now_us);
    return record_bytes + payload;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct checks checks = {0};
    const struct ph_rtp_session_options options = {.negotiation = &negotiation,
        .impl = &impl,
        .opaque = &checks,
        .ssrc = 1,
        .cname = "cname",
        .ceiling_bps = 1000000};
    struct ph_rtp_session *session;
    int64_t now_us = 1000000;
    if (ph_rtp_session_create(&session, &options, now_us))
        return 0;
    while (size >= record_bytes) {
        size_t taken = feed(session, data, size, &now_us);
        data += taken;
        size -= taken;
    }
    (void)ph_rtp_session_tick(session, now_us + 1000000);
    struct ph_rtp_figures figures;
    ph_rtp_session_figures(session, &figures, now_us);
    const struct ph_rtp_media_figures *video = &figures.video;
    if (video->recovered + video->reordered + video->lost > video->missing)
        abort();
    ph_rtp_session_destroy(session);
    return 0;
}
