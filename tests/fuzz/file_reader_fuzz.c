/* links: ph_transcode ph_media ph_base PkgConfig::AVFORMAT PkgConfig::AVCODEC PkgConfig::AVUTIL */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libavcodec/packet.h>
#include <libavutil/log.h>

#include "transcode/file_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_of(const uint8_t *data, size_t size) {
    int fd = memfd_create("film", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    return fd;
}

static void read_through(struct ph_file *file) {
    enum ph_track_kind kind;
    AVPacket *packet = av_packet_alloc();
    if (!packet)
        abort();
    while (ph_file_read(file, packet, &kind) == 0) {
        if (!ph_file_parameters(file, kind))
            abort();
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
}

/* What is taken has a picture within the limits; what is refused says why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_link_reason reason = {.code = ""};
    struct ph_file_facts facts;
    struct ph_file *file;
    av_log_set_level(AV_LOG_QUIET);
    int fd = file_of(data, size);
    int code = ph_file_open(&file, fd, &reason);
    if (code == 0)
        code = ph_file_survey(file, &facts, &reason);
    if (code == -EINVAL && !*reason.text)
        abort();
    if (code == 0 && (!facts.pictures || facts.duration_us > INT64_C(7) * 3600 * 1000000))
        abort();
    if (code == 0)
        read_through(file);
    ph_file_close(file);
    close(fd);
    return 0;
}
