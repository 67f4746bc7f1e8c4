/* links: ph_transcode ph_media ph_base PkgConfig::AVFORMAT PkgConfig::AVCODEC PkgConfig::AVUTIL m */
#include <libavutil/log.h>

#include "core/base/log.h"
#include "tests/fuzz/checked_source.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { unit_bytes = 1316 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    av_log_set_level(AV_LOG_QUIET);
    ph_log_set_level(PH_LOG_ERROR);
    return 0;
}

/* Any bytes as a publisher's one connection: frames come without holes, and the session ends or fails, once.
 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct checked_source checked = {.connection = "{\"number\":1,\"kind\":\"mpegts\"}"};
    if (begin_checked(&checked) < 0)
        return 0;
    for (size_t at = 0; at < size && checked.code == 0; at += unit_bytes) {
        size_t rest = size - at;
        struct ph_slice unit = {bytes + at, rest < unit_bytes ? rest : unit_bytes};
        feed_checked(&checked, PH_LINK_UNIT, unit);
    }
    end_checked(&checked);
    return 0;
}
