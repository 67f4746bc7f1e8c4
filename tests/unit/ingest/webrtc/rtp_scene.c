#include "tests/unit/ingest/webrtc/rtp_scene.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/ingest/webrtc/offer_file.h"

static void forward(void *opaque, struct ph_slice packet) {
    struct ph_rtp_scene *scene = opaque;
    size_t n = scene->forwarded_count++;
    if (n == PH_SCENE_MOST)
        abort();
    size_t kept = sizeof(scene->forwarded[n].bytes);
    memcpy(scene->forwarded[n].bytes, packet.data, packet.size < kept ? packet.size : kept);
    scene->forwarded[n].size = packet.size;
}

static void send_rtcp(void *opaque, struct ph_slice packet) {
    struct ph_rtp_scene *scene = opaque;
    size_t n = scene->rtcp_count++;
    if (n == PH_SCENE_MOST || packet.size > PH_RTCP_MOST_BYTES)
        abort();
    memcpy(scene->rtcp[n], packet.data, packet.size);
    scene->rtcp_sizes[n] = packet.size;
}

static const struct ph_rtp_session_impl impl = {send_rtcp, forward};

void ph_rtp_scene_init(
    struct ph_rtp_scene *scene, const char *offer, void (*change)(struct ph_negotiation *)) {
    memset(scene, 0, sizeof(*scene));
    scene->negotiation = ph_offer_negotiate(offer);
    if (change)
        change(&scene->negotiation);
    scene->now_us = 5000000;
    const struct ph_rtp_session_options options = {.negotiation = &scene->negotiation,
        .impl = &impl,
        .opaque = scene,
        .ssrc = PH_SCENE_SSRC,
        .cname = "cname",
        .ceiling_bps = 3000000};
    if (ph_rtp_session_create(&scene->session, &options, scene->now_us))
        abort();
}

void ph_rtp_scene_finish(struct ph_rtp_scene *scene) {
    ph_rtp_session_destroy(scene->session);
}

void ph_rtp_scene_receive(struct ph_rtp_scene *scene, const struct ph_rtp_wire *packet) {
    uint8_t bytes[PH_RTP_MOST_PACKET_BYTES + 64];
    ph_rtp_wire_header_write(bytes, packet);
    memcpy(bytes + PH_RTP_HEADER_BYTES, packet->payload.data, packet->payload.size);
    struct ph_slice slice = {bytes, PH_RTP_HEADER_BYTES + packet->payload.size};
    ph_rtp_session_receive(scene->session, slice, scene->now_us);
}

static void receive(struct ph_rtp_scene *scene, const struct ph_negotiated_media *media, uint16_t sequence,
    uint32_t timestamp, const char *payload) {
    const struct ph_rtp_wire packet = {.payload_type = (uint8_t)media->payload_type,
        .sequence = sequence,
        .timestamp = timestamp,
        .ssrc = media->ssrc,
        .payload = ph_offer_slice(payload)};
    ph_rtp_scene_receive(scene, &packet);
}

void ph_rtp_scene_video(
    struct ph_rtp_scene *scene, uint16_t sequence, uint32_t timestamp, const char *payload) {
    receive(scene, &scene->negotiation.media[scene->negotiation.video], sequence, timestamp, payload);
}

void ph_rtp_scene_audio(
    struct ph_rtp_scene *scene, uint16_t sequence, uint32_t timestamp, const char *payload) {
    receive(scene, &scene->negotiation.media[scene->negotiation.audio], sequence, timestamp, payload);
}

void ph_rtp_scene_pass(struct ph_rtp_scene *scene, int64_t duration_us) {
    int64_t end_us = scene->now_us + duration_us;
    for (;;) {
        int64_t due_us = ph_rtp_session_tick(scene->session, scene->now_us);
        if (due_us > end_us)
            break;
        scene->now_us = due_us;
    }
    scene->now_us = end_us;
}

struct ph_rtp_wire ph_rtp_scene_forwarded(struct ph_rtp_scene *scene, size_t n) {
    static const struct ph_extension_ids none;
    struct ph_rtp_wire packet;
    if (n >= scene->forwarded_count ||
        !ph_rtp_wire_parse(
            (struct ph_slice){scene->forwarded[n].bytes, scene->forwarded[n].size}, &none, &packet))
        abort();
    return packet;
}

size_t ph_rtp_scene_sent(
    struct ph_rtp_scene *scene, enum ph_rtcp_type type, unsigned format, struct ph_rtcp_packet *last) {
    size_t count = 0;
    for (size_t i = 0; i < scene->rtcp_count; i++) {
        struct ph_cursor compound = ph_cursor_init((struct ph_slice){scene->rtcp[i], scene->rtcp_sizes[i]});
        struct ph_rtcp_packet packet;
        while (ph_rtcp_next(&compound, &packet)) {
            if (packet.type != type || packet.count != format)
                continue;
            count++;
            if (last)
                *last = packet;
        }
    }
    return count;
}

struct ph_rtp_figures ph_rtp_scene_figures(const struct ph_rtp_scene *scene) {
    struct ph_rtp_figures figures;
    ph_rtp_session_figures(scene->session, &figures, scene->now_us);
    return figures;
}
