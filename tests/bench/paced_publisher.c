/* Sends an MPEG-TS file over SRT at the pace of its video timestamps and says when each frame has been sent
 * whole:
 *
 *     paced_publisher URL-HOST PORT STREAMID LATENCY_MS FILE
 *
 * prints a line for each video frame: `<index> <UTC microseconds after the last srt_sendmsg of the frame>`.
 * Unlike `ffmpeg -re` it sends nothing of a frame early and holds nothing of it back, so that latency is
 * measured from a known instant. The file's video must be on the PID that ffmpeg's muxer takes (256), with a
 * timestamp on every access unit. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <srt/srt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { packet_bytes = 188, message_packets = 7, video_pid = 256 };

static int64_t read_clock_us(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void sleep_until_us(int64_t instant_us) {
    struct timespec instant = {instant_us / 1000000, instant_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &instant, NULL) != 0) {
    }
}

/* The timestamp of a packet that begins a video access unit, in 90 kHz ticks; -1 for any other packet. */
static int64_t video_start(const uint8_t *packet) {
    unsigned pid = (unsigned)(packet[1] & 0x1f) << 8 | packet[2];
    if (pid != video_pid || !(packet[1] & 0x40))
        return -1;
    const uint8_t *pes = packet + 4;
    if (packet[3] & 0x20)
        pes += 1 + packet[4];
    if (pes + 14 > packet + packet_bytes || !(pes[7] & 0x80))
        return -1;
    return (int64_t)(pes[9] >> 1 & 7) << 30 | (int64_t)pes[10] << 22 | (int64_t)(pes[11] >> 1) << 15 |
           (int64_t)pes[12] << 7 | pes[13] >> 1;
}

static SRTSOCKET connect_to(const char *host, int port, const char *streamid, int latency_ms) {
    SRTSOCKET socket = srt_create_socket();
    int transmission = SRTT_LIVE;
    srt_setsockflag(socket, SRTO_TRANSTYPE, &transmission, sizeof(transmission));
    srt_setsockflag(socket, SRTO_LATENCY, &latency_ms, sizeof(latency_ms));
    srt_setsockflag(socket, SRTO_STREAMID, streamid, (int)strlen(streamid));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &address.sin_addr);
    if (srt_connect(socket, (struct sockaddr *)&address, sizeof(address)) == SRT_ERROR) {
        fprintf(stderr, "paced_publisher: cannot connect: %s\n", srt_getlasterror_str());
        exit(1);
    }
    return socket;
}

static void send_packets(SRTSOCKET socket, const uint8_t *packets, size_t count) {
    for (size_t sent = 0; sent < count;) {
        size_t now = count - sent < message_packets ? count - sent : message_packets;
        if (srt_sendmsg(socket, (const char *)packets + sent * packet_bytes, (int)(now * packet_bytes), -1,
                1) == SRT_ERROR) {
            fprintf(stderr, "paced_publisher: the connection is gone: %s\n", srt_getlasterror_str());
            exit(1);
        }
        sent += now;
    }
}

static uint8_t *read_file(const char *name, size_t *packet_count) {
    FILE *file = fopen(name, "rb");
    if (!file) {
        perror(name);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes || fread(bytes, 1, size, file) != size) {
        perror(name);
        exit(1);
    }
    fclose(file);
    *packet_count = size / packet_bytes;
    return bytes;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: paced_publisher HOST PORT STREAMID LATENCY_MS FILE\n");
        return 2;
    }
    size_t count;
    uint8_t *packets = read_file(argv[5], &count);
    srt_startup();
    SRTSOCKET socket = connect_to(argv[1], atoi(argv[2]), argv[3], atoi(argv[4]));
    setvbuf(stdout, NULL, _IOLBF, 0);
    int64_t start_us = 0, first_ticks = -1;
    for (size_t begin = 0, frame = 0; begin < count;) {
        int64_t ticks = video_start(packets + begin * packet_bytes);
        size_t end = begin + 1;
        while (end < count && video_start(packets + end * packet_bytes) < 0)
            end++;
        if (ticks >= 0 && first_ticks < 0) {
            first_ticks = ticks;
            start_us = read_clock_us(CLOCK_MONOTONIC);
        }
        if (ticks >= 0)
            sleep_until_us(start_us + (ticks - first_ticks) * 100 / 9);
        send_packets(socket, packets + begin * packet_bytes, end - begin);
        if (ticks >= 0)
            printf("%zu %" PRId64 "\n", frame++, read_clock_us(CLOCK_REALTIME));
        begin = end;
    }
    srt_close(socket);
    srt_cleanup();
    free(packets);
    return 0;
}
