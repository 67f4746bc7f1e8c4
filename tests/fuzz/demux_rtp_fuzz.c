/* links: ph_transcode ph_media ph_base PkgConfig::AVFORMAT PkgConfig::AVCODEC PkgConfig::AVUTIL */
#include <stdlib.h>

#include <libavutil/log.h>

#include "core/base/cursor.h"
#include "transcode/demux.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { most_payload = 512, video_type = 96, raw_units = 0x80, header_bytes = 12 };

/* Units as the input's bytes tell: as they are behind their size, or a payload behind what its header is to
 * say, so that frames of some length come about. */
struct bytes_input {
    struct ph_demux_input base;
    struct ph_cursor rest;
    bool is_raw;
    uint64_t next;
    uint16_t sequence;
    uint32_t timestamp;
    uint8_t unit[header_bytes + most_payload];
};

static struct ph_slice raw_unit(struct bytes_input *input) {
    size_t size = ph_cursor_u8(&input->rest);
    size_t left = ph_cursor_remaining(&input->rest);
    return ph_cursor_take(&input->rest, size < left ? size : left);
}

/* Bit 7: marker; 6: a new timestamp; 5: a number is missing; 4: sound. */
static struct ph_slice made_unit(struct bytes_input *input) {
    uint8_t flags = ph_cursor_u8(&input->rest);
    size_t size = ph_cursor_u8(&input->rest), left = ph_cursor_remaining(&input->rest);
    struct ph_slice payload = ph_cursor_take(&input->rest, size < left ? size : left);
    input->sequence += flags & 0x20 ? 2 : 1;
    input->timestamp += flags & 0x40 ? 3000 : 0;
    const uint8_t header[header_bytes] = {0x80, (uint8_t)((flags & 0x80) | (video_type + !!(flags & 0x10))),
        (uint8_t)(input->sequence >> 8), (uint8_t)input->sequence, (uint8_t)(input->timestamp >> 24),
        (uint8_t)(input->timestamp >> 16), (uint8_t)(input->timestamp >> 8), (uint8_t)input->timestamp, 0, 0,
        0, 1};
    for (size_t i = 0; i < header_bytes; i++)
        input->unit[i] = header[i];
    for (size_t i = 0; i < payload.size; i++)
        input->unit[header_bytes + i] = payload.data[i];
    return (struct ph_slice){input->unit, header_bytes + payload.size};
}

static int next_unit(struct ph_demux_input *base, struct ph_demux_unit *unit) {
    struct bytes_input *input = (struct bytes_input *)base;
    if (ph_cursor_remaining(&input->rest) < 2)
        return PH_EOF;
    struct ph_slice bytes = input->is_raw ? raw_unit(input) : made_unit(input);
    *unit = (struct ph_demux_unit){input->next, (int64_t)input->next * 1000, bytes};
    input->next++;
    return 0;
}

static int replayable(struct ph_demux_input *base, uint64_t unit) {
    if (unit != ((struct bytes_input *)base)->next - 1)
        abort();
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    av_log_set_level(AV_LOG_QUIET);
    return 0;
}

static char *sdp_of(uint8_t first) {
    static char sdps[][128] = {
        "m=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 9 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n",
        "m=video 9 RTP/AVP 96\na=rtpmap:96 H265/90000\nm=audio 9 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n",
        "m=video 9 RTP/AVP 96\na=rtpmap:96 VP8/90000\nm=audio 9 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n",
        "m=video 9 RTP/AVP 96\na=rtpmap:96 VP9/90000\nm=audio 9 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n",
        "m=video 9 RTP/AVP 96\na=rtpmap:96 AV1/90000\nm=audio 9 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n",
    };
    return sdps[(first & 0x7f) % (sizeof(sdps) / sizeof(sdps[0]))];
}

/* Any bytes as a connection's packets: the demuxer ends when they do, and what it gives is a packet, a loss
 * or a report. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const struct ph_demux_input_impl impl = {next_unit, replayable};
    if (size == 0)
        return 0;
    struct bytes_input input = {.base.impl = &impl, .is_raw = bytes[0] & raw_units};
    input.rest = ph_cursor_init((struct ph_slice){bytes + 1, size - 1});
    struct ph_link_connection connection = {.kind = (char[]){"rtp"}, .sdp = sdp_of(bytes[0])};
    struct ph_demux *demux;
    if (ph_demux_create(&demux, &connection, &input.base) < 0)
        return 0;
    struct ph_demux_packet read;
    while (demux->impl->read(demux, &read) == 0) {
        bool is_packet = read.event == PH_DEMUX_PACKET;
        if (is_packet != (read.packet != NULL) || (is_packet && (read.packet->size <= 0 || !read.codec)))
            abort();
        if (is_packet && read.replay_unit != PH_NO_UNIT && read.replay_unit >= input.next)
            abort();
        av_packet_free(&read.packet);
    }
    ph_demux_destroy(demux);
    return 0;
}
