/* links: ph_transcode ph_media ph_base PkgConfig::AVFORMAT PkgConfig::AVCODEC PkgConfig::AVUTIL */
#include <stdlib.h>

#include <libavutil/log.h>

#include "transcode/demux.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { unit_bytes = 1316 };

struct bytes_input {
    struct ph_demux_input base;
    struct ph_slice rest;
    uint64_t next;
};

static int next_unit(struct ph_demux_input *base, struct ph_demux_unit *unit) {
    struct bytes_input *input = (struct bytes_input *)base;
    if (input->rest.size == 0)
        return PH_EOF;
    size_t size = input->rest.size < unit_bytes ? input->rest.size : unit_bytes;
    *unit = (struct ph_demux_unit){input->next, (int64_t)input->next * 1000, {input->rest.data, size}};
    input->next++;
    input->rest.data += size;
    input->rest.size -= size;
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

/* Any bytes as a connection: the demuxer ends when they do. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const struct ph_demux_input_impl impl = {next_unit, replayable};
    struct bytes_input input = {.base.impl = &impl, .rest = {bytes, size}};
    struct ph_demux *demux;
    if (ph_demux_create(&demux, &(struct ph_link_connection){.kind = (char[]){"mpegts"}}, &input.base) < 0)
        return 0;
    struct ph_demux_packet packet;
    while (demux->impl->read(demux, &packet) == 0) {
        bool replayable_later = packet.replay_unit != PH_NO_UNIT && packet.replay_unit >= input.next;
        if (packet.packet->size <= 0 || !packet.codec || replayable_later)
            abort();
        av_packet_free(&packet.packet);
    }
    ph_demux_destroy(demux);
    return 0;
}
