#include "tests/unit/ingest/webrtc/rtp_network.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "ingest/webrtc/rtcp_packet.h"
#include "ingest/webrtc/rtp_wire.h"
#include "tests/unit/ingest/webrtc/offer_file.h"

enum { most_flying = 1024, most_kept = 4096, step_us = 1000, payload_bytes = 1100 };

struct flight {
    int64_t arrival_us; /* 0: free */
    bool up, rtcp;
    size_t size;
    uint8_t bytes[1400];
};

struct kept {
    bool lost_for_good;
    int64_t arrival_us; /* of the packet, in any sending; 0: not */
    bool marker, begins, begins_keyframe;
    uint32_t timestamp, index;
};

struct ph_network {
    struct ph_network_options options;
    struct ph_negotiation negotiation;
    const struct ph_negotiated_media *video;
    struct ph_rtp_session *session;
    struct ph_network_seen seen;
    uint64_t random;
    int64_t now_us, next_frame_us, due_us;
    bool down;
    int lose;

    /* Publisher. */
    uint32_t ssrc, timestamp, index; /* index counts all media packets */
    uint16_t sequence, rtx_sequence, transport_sequence;
    bool keyframe;
    struct kept kept[most_kept]; /* by sequence */
    uint32_t reference;
    int64_t reference_at_us;
    int64_t next_report_us;

    /* What came out. */
    bool any_out;
    uint16_t last_out;
    uint32_t last_index;
    struct flight flights[most_flying];
};

static double uniform(struct ph_network *network) {
    network->random ^= network->random << 13;
    network->random ^= network->random >> 7;
    network->random ^= network->random << 17;
    return (double)(network->random >> 11) * 0x1.0p-53;
}

static void fly(struct ph_network *network, bool up, bool rtcp, const uint8_t *bytes, size_t size) {
    struct flight *free_one = network->flights;
    while (free_one->arrival_us)
        if (++free_one == network->flights + most_flying)
            abort();
    int64_t jitter = (int64_t)(uniform(network) * (double)network->options.jitter_us);
    free_one->arrival_us = network->now_us + network->options.delay_us + jitter + 1;
    free_one->up = up;
    free_one->rtcp = rtcp;
    free_one->size = size;
    memcpy(free_one->bytes, bytes, size);
}

static void send_over(struct ph_network *network, bool up, bool rtcp, const uint8_t *bytes, size_t size) {
    if (network->down || uniform(network) < network->options.loss)
        return;
    fly(network, up, rtcp, bytes, size);
    if (uniform(network) < network->options.duplication)
        fly(network, up, rtcp, bytes, size);
}

/* What a probe for keyframes looks at, the packet's index, and filler. */
static size_t payload_write(const struct ph_network *network, uint8_t *target, const struct kept *kept) {
    bool is_h264 = network->video->codec == PH_CODEC_H264;
    target[0] = is_h264 ? (kept->begins_keyframe ? 0x65 : 0x41) : (kept->begins ? 0x10 : 0);
    target[1] = kept->begins_keyframe ? 0 : 1;
    memcpy(target + 2, &kept->index, 4);
    memset(target + 6, (int)(kept->index & 0xFF), payload_bytes - 6);
    return payload_bytes;
}

static size_t head_write(struct ph_network *network, uint8_t *target, const struct ph_rtp_wire *packet) {
    ph_rtp_wire_header_write(target, packet);
    uint8_t id = network->video->extensions.transport_cc;
    if (!id)
        return PH_RTP_HEADER_BYTES;
    uint16_t number = network->transport_sequence++;
    const uint8_t extension[8] = {
        0xBE, 0xDE, 0, 1, (uint8_t)(id << 4 | 1), (uint8_t)(number >> 8), (uint8_t)number};
    target[0] |= 0x10;
    memcpy(target + PH_RTP_HEADER_BYTES, extension, sizeof(extension));
    return PH_RTP_HEADER_BYTES + sizeof(extension);
}

static void send_media(struct ph_network *network, bool begins, bool ends) {
    struct kept *kept = &network->kept[network->sequence % most_kept];
    *kept = (struct kept){.marker = ends,
        .begins = begins,
        .begins_keyframe = begins && network->keyframe,
        .timestamp = network->timestamp,
        .index = network->index++,
        .lost_for_good = network->lose > 0};
    struct ph_rtp_wire packet = {.payload_type = (uint8_t)network->video->payload_type,
        .marker = ends,
        .sequence = network->sequence++,
        .timestamp = network->timestamp,
        .ssrc = network->ssrc};
    uint8_t bytes[1400];
    size_t size = head_write(network, bytes, &packet);
    size += payload_write(network, bytes + size, kept);
    network->seen.sent++;
    if (network->lose-- > 0)
        return;
    network->lose = 0;
    send_over(network, true, false, bytes, size);
}

static uint32_t rtx_ssrc(const struct ph_network *network) {
    return network->ssrc == network->video->ssrc ? network->video->rtx_ssrc : network->ssrc + 1;
}

static void repeat(struct ph_network *network, uint16_t sequence) {
    struct kept *kept = &network->kept[sequence % most_kept];
    bool rtx = network->video->rtx_payload_type >= 0;
    if (kept->lost_for_good || (uint16_t)(network->sequence - sequence) >= most_kept)
        return;
    struct ph_rtp_wire packet = {
        .payload_type = (uint8_t)(rtx ? network->video->rtx_payload_type : network->video->payload_type),
        .marker = kept->marker,
        .sequence = rtx ? network->rtx_sequence++ : sequence,
        .timestamp = kept->timestamp,
        .ssrc = rtx ? rtx_ssrc(network) : network->ssrc};
    uint8_t bytes[1400];
    size_t size = head_write(network, bytes, &packet);
    if (rtx) {
        bytes[size++] = (uint8_t)(sequence >> 8);
        bytes[size++] = (uint8_t)sequence;
    }
    size += payload_write(network, bytes + size, kept);
    network->seen.repeated++;
    send_over(network, true, false, bytes, size);
}

static void send_frame(struct ph_network *network) {
    for (int i = 0; i < network->options.packets_per_frame; i++)
        send_media(network, i == 0, i + 1 == network->options.packets_per_frame);
    network->keyframe = false;
    network->timestamp += (uint32_t)(90000 / network->options.fps);
}

static void send_report(struct ph_network *network) {
    struct ph_builder builder = {0};
    struct ph_sender_report report = {
        .ssrc = network->ssrc, .ntp = ph_ntp_of_us(network->now_us), .timestamp = network->timestamp};
    ph_sender_report_write(&builder, &report);
    if (network->reference) {
        uint32_t kept = (uint32_t)(ph_ntp_of_us(network->now_us - network->reference_at_us) >> 16);
        const uint32_t words[] = {
            0x80CF0005, network->ssrc, 0x05000003, 0x0A0B0C0D, network->reference, kept};
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            ph_builder_u32(&builder, words[i]);
    }
    send_over(network, true, true, builder.data, builder.size);
    ph_builder_discard(&builder);
}

static void take_nack(struct ph_network *network, struct ph_slice body) {
    struct ph_cursor cursor = ph_cursor_init(body);
    ph_cursor_skip(&cursor, 8);
    while (ph_cursor_remaining(&cursor) >= 4) {
        uint16_t first = ph_cursor_u16(&cursor), following = ph_cursor_u16(&cursor);
        repeat(network, first);
        for (int i = 0; i < 16; i++)
            if (following >> i & 1)
                repeat(network, (uint16_t)(first + i + 1));
    }
}

static void publisher_takes(struct ph_network *network, const struct flight *flight) {
    struct ph_cursor compound = ph_cursor_init((struct ph_slice){flight->bytes, flight->size});
    struct ph_rtcp_packet packet;
    while (ph_rtcp_next(&compound, &packet)) {
        if (packet.type == PH_RTCP_TRANSPORT_FEEDBACK && packet.count == 1)
            take_nack(network, packet.body);
        if (packet.type == PH_RTCP_TRANSPORT_FEEDBACK && packet.count == 15)
            network->seen.feedback_packets++;
        if (packet.type == PH_RTCP_PAYLOAD_FEEDBACK && packet.count == 1) {
            network->seen.plis++;
            network->keyframe = true;
        }
        if (packet.type == PH_RTCP_EXTENDED_REPORT) {
            struct ph_cursor cursor = ph_cursor_init(packet.body);
            ph_cursor_skip(&cursor, 8);
            network->reference = (uint32_t)(ph_cursor_u64(&cursor) >> 16);
            network->reference_at_us = network->now_us;
        }
    }
    if (!ph_cursor_ok(&compound))
        abort();
}

static void rtcp_out(void *opaque, struct ph_slice packet) {
    struct ph_network *network = opaque;
    if (packet.size > PH_RTCP_MOST_BYTES || !ph_rtp_wire_is_rtcp(packet))
        abort();
    send_over(network, false, true, packet.data, packet.size);
}

/* Every packet comes out once, in order, as it was sent. */
static void rtp_out(void *opaque, struct ph_slice bytes) {
    struct ph_network *network = opaque;
    struct ph_network_seen *seen = &network->seen;
    static const struct ph_extension_ids none;
    struct ph_rtp_wire packet;
    if (ph_rtp_wire_is_rtcp(bytes)) {
        seen->reports_forwarded++;
        return;
    }
    if (!ph_rtp_wire_parse(bytes, &none, &packet) || packet.payload.size != payload_bytes)
        abort();
    uint32_t index;
    memcpy(&index, packet.payload.data + 2, 4);
    if (network->any_out) {
        uint16_t step = (uint16_t)(packet.sequence - network->last_out);
        seen->gaps += (uint64_t)(step - 1);
        if (!step || step > 0x8000 || index <= network->last_index)
            seen->disorders++;
    }
    if (packet.payload.data[payload_bytes - 1] != (index & 0xFF))
        seen->disorders++;
    network->any_out = true;
    network->last_out = packet.sequence;
    network->last_index = index;
    seen->forwarded++;
    seen->last_timestamp = packet.timestamp;
    for (size_t i = 0; i < most_kept; i++) {
        struct kept *kept = &network->kept[i];
        if (kept->index != index || !kept->arrival_us)
            continue;
        int64_t wait = network->now_us - kept->arrival_us;
        seen->longest_wait_us = wait > seen->longest_wait_us ? wait : seen->longest_wait_us;
        seen->immediate += wait == 0;
        break;
    }
}

static void note_arrival(struct ph_network *network, const struct flight *flight) {
    struct ph_rtp_wire packet;
    if (!ph_rtp_wire_parse(
            (struct ph_slice){flight->bytes, flight->size}, &network->negotiation.extensions, &packet))
        abort();
    size_t skip = packet.payload.size == payload_bytes ? 2 : 4;
    uint32_t index;
    memcpy(&index, packet.payload.data + skip, 4);
    for (size_t i = 0; i < most_kept; i++)
        if (network->kept[i].index == index && !network->kept[i].arrival_us)
            network->kept[i].arrival_us = network->now_us;
}

static void land(struct ph_network *network, struct flight *flight) {
    struct ph_slice bytes = {flight->bytes, flight->size};
    if (!flight->up) {
        publisher_takes(network, flight);
    } else if (flight->rtcp) {
        ph_rtp_session_receive_rtcp(network->session, bytes, network->now_us);
    } else {
        note_arrival(network, flight);
        ph_rtp_session_receive(network->session, bytes, network->now_us);
    }
    flight->arrival_us = 0;
}

/* Lands what has arrived, in the order of arrival. */
static bool land_next(struct ph_network *network) {
    struct flight *next = NULL;
    for (struct flight *flight = network->flights; flight < network->flights + most_flying; flight++)
        if (flight->arrival_us && flight->arrival_us <= network->now_us &&
            (!next || flight->arrival_us < next->arrival_us))
            next = flight;
    if (next)
        land(network, next);
    return next;
}

void ph_network_run(struct ph_network *network, int64_t duration_us) {
    int64_t end_us = network->now_us + duration_us;
    while (network->now_us < end_us) {
        network->now_us += step_us;
        if (network->now_us >= network->next_frame_us) {
            send_frame(network);
            network->next_frame_us += PH_SECOND_US / network->options.fps;
        }
        if (network->now_us >= network->next_report_us) {
            send_report(network);
            network->next_report_us += PH_SECOND_US;
        }
        bool landed = false;
        while (land_next(network))
            landed = true;
        if (landed || network->now_us >= network->due_us)
            network->due_us = ph_rtp_session_tick(network->session, network->now_us);
    }
}

struct ph_network *ph_network_create(const struct ph_network_options *options) {
    static const struct ph_rtp_session_impl impl = {.send_rtcp = rtcp_out, .forward = rtp_out};
    struct ph_network *network = calloc(1, sizeof(*network));
    if (!network)
        abort();
    network->options = *options;
    network->negotiation = ph_offer_negotiate(options->offer);
    network->video = &network->negotiation.media[network->negotiation.video];
    if (options->without_rtx)
        network->negotiation.media[network->negotiation.video].rtx_payload_type = PH_NO_PAYLOAD_TYPE;
    network->random = options->seed * 2654435761U + 88172645463325252U;
    network->now_us = 1000000;
    network->next_frame_us = network->now_us + step_us;
    network->next_report_us = network->now_us + 100000;
    network->sequence = options->first_sequence;
    network->timestamp = options->first_timestamp;
    network->ssrc = network->video->ssrc ? network->video->ssrc : 1000;
    network->index = 1;
    network->keyframe = true;
    struct ph_rtp_session_options session = {.negotiation = &network->negotiation,
        .impl = &impl,
        .opaque = network,
        .ssrc = 0x0A0B0C0D,
        .cname = "cname"};
    if (ph_rtp_session_create(&network->session, &session, network->now_us))
        abort();
    return network;
}

void ph_network_destroy(struct ph_network *network) {
    ph_rtp_session_destroy(network->session);
    free(network);
}

void ph_network_cut(struct ph_network *network, bool down) {
    network->down = down;
}

void ph_network_set_loss(struct ph_network *network, double loss) {
    network->options.loss = loss;
}

void ph_network_change_ssrc(struct ph_network *network) {
    network->ssrc += 1000;
    network->sequence += 20000;
    network->timestamp += 1234567;
    network->keyframe = true;
}

void ph_network_lose_for_good(struct ph_network *network, int count) {
    network->lose = count;
}

void ph_network_look(struct ph_network *network, struct ph_network_seen *seen) {
    ph_rtp_session_figures(network->session, &network->seen.figures, network->now_us);
    *seen = network->seen;
}
