/* What an RTP session costs at 6 Mbit/s of video and 64 kbit/s of sound, without the network, DTLS and SRTP:
 * rtp_session [loss in percent] [seconds]. Prints the share of a core, and the packets a second that would
 * fill it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "ingest/webrtc/rtp_session.h"
#include "ingest/webrtc/rtp_wire.h"

enum { payload_bytes = 1150, packets_per_second = 650, sounds_per_second = 50, round_trip_us = 50000 };

struct repeat {
    int64_t due_us;
    uint16_t sequence;
};

struct publisher {
    struct repeat repeats[4096];
    size_t first, last;
    int64_t now_us;
    uint64_t forwarded, sent;
    unsigned random;
};

static void forward(void *opaque, struct ph_slice packet) {
    struct publisher *publisher = opaque;
    publisher->forwarded += packet.size > 28;
}

/* Takes the numbers of a NACK; what is repeated arrives a round trip later. */
static void send_rtcp(void *opaque, struct ph_slice packet) {
    struct publisher *publisher = opaque;
    if (packet.data[0] != 0x81 || packet.data[1] != 205)
        return;
    for (size_t i = 12; i + 4 <= packet.size; i += 4) {
        uint16_t first = (uint16_t)(packet.data[i] << 8 | packet.data[i + 1]);
        unsigned following = (unsigned)(packet.data[i + 2] << 8 | packet.data[i + 3]);
        for (unsigned k = 0; k <= 16; k++)
            if (k == 0 || following >> (k - 1) & 1)
                publisher->repeats[publisher->last++ % 4096] =
                    (struct repeat){publisher->now_us + round_trip_us, (uint16_t)(first + k)};
    }
}

static const struct ph_rtp_session_impl impl = {send_rtcp, forward};

static const struct ph_negotiation negotiation = {
    .media = {{.accepted = true,
                  .is_video = true,
                  .codec = PH_CODEC_H264,
                  .payload_type = 96,
                  .rtx_payload_type = 97,
                  .red_payload_type = -1,
                  .ulpfec_payload_type = -1,
                  .clock_rate = 90000,
                  .reduced_size = true,
                  .feedback = PH_FEEDBACK_NACK | PH_FEEDBACK_PLI | PH_FEEDBACK_TRANSPORT_CC},
        {.accepted = true,
            .codec = PH_CODEC_OPUS,
            .payload_type = 111,
            .rtx_payload_type = -1,
            .red_payload_type = -1,
            .ulpfec_payload_type = -1,
            .clock_rate = 48000,
            .reduced_size = true}},
    .media_count = 2,
    .video = 0,
    .audio = 1,
    .extensions = {.transport_cc = 3, .mid = 4},
};

static void receive(struct publisher *publisher, struct ph_rtp_session *session,
    const struct ph_rtp_wire *packet, size_t payload, uint16_t original) {
    static uint8_t bytes[1500];
    uint16_t number = (uint16_t)publisher->sent++;
    const uint8_t extension[] = {0xBE, 0xDE, 0, 2, 0x31, (uint8_t)(number >> 8), (uint8_t)number, 0x40, '0',
        0, 0, 0, (uint8_t)(original >> 8), (uint8_t)original};
    ph_rtp_wire_header_write(bytes, packet);
    bytes[0] |= 0x10;
    memcpy(bytes + PH_RTP_HEADER_BYTES, extension, sizeof(extension));
    ph_rtp_session_receive(
        session, (struct ph_slice){bytes, PH_RTP_HEADER_BYTES + 12 + payload}, publisher->now_us);
}

static bool is_lost(struct publisher *publisher, unsigned percent) {
    publisher->random = publisher->random * 1664525 + 1013904223;
    return (publisher->random >> 8) % 100 < percent;
}

static void step(struct publisher *publisher, struct ph_rtp_session *session, uint64_t n, unsigned percent) {
    static uint16_t rtx_sequence;
    publisher->now_us += PH_SECOND_US / packets_per_second;
    const struct ph_rtp_wire video = {
        .payload_type = 96, .sequence = (uint16_t)n, .timestamp = (uint32_t)(n / 22 * 3000), .ssrc = 1};
    if (!is_lost(publisher, percent))
        receive(publisher, session, &video, payload_bytes, 0x6500);
    if (n % (packets_per_second / sounds_per_second) == 0) {
        uint16_t sound = (uint16_t)(n / (packets_per_second / sounds_per_second));
        const struct ph_rtp_wire audio = {
            .payload_type = 111, .sequence = sound, .timestamp = sound * 960U, .ssrc = 2};
        receive(publisher, session, &audio, 160, 0);
    }
    while (publisher->first < publisher->last &&
           publisher->repeats[publisher->first % 4096].due_us <= publisher->now_us) {
        const struct ph_rtp_wire rtx = {
            .payload_type = 97, .sequence = rtx_sequence++, .timestamp = video.timestamp, .ssrc = 3};
        uint16_t original = publisher->repeats[publisher->first++ % 4096].sequence;
        if (!is_lost(publisher, percent))
            receive(publisher, session, &rtx, payload_bytes, original);
    }
    (void)ph_rtp_session_tick(session, publisher->now_us);
}

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    unsigned percent = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    uint64_t seconds = argc > 2 ? strtoul(argv[2], NULL, 10) : 600;
    static struct publisher publisher = {.now_us = 1000000, .random = 1};
    const struct ph_rtp_session_options options = {
        .negotiation = &negotiation, .impl = &impl, .opaque = &publisher, .ssrc = 9, .cname = "cname"};
    struct ph_rtp_session *session;
    if (ph_rtp_session_create(&session, &options, publisher.now_us))
        return 1;
    double begun = cpu_seconds();
    for (uint64_t n = 0; n < seconds * packets_per_second; n++)
        step(&publisher, session, n, percent);
    double spent = cpu_seconds() - begun;
    struct ph_rtp_figures figures;
    ph_rtp_session_figures(session, &figures, publisher.now_us);
    printf("{\"loss_percent\": %u, \"mbit_per_second\": %.2f, \"core_percent\": %.3f, "
           "\"packets_per_core_second\": %.0f, "
           "\"missing\": %llu, \"recovered\": %llu, \"lost\": %llu}\n",
        percent, figures.video.bitrate / 1e6, 100 * spent / (double)seconds, (double)publisher.sent / spent,
        (unsigned long long)figures.video.missing, (unsigned long long)figures.video.recovered,
        (unsigned long long)figures.video.lost);
    ph_rtp_session_destroy(session);
    return 0;
}
