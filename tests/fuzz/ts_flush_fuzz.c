/* links: ph_transcode ph_base */
#include <stdlib.h>

#include "transcode/ts_flush.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The first byte chooses how the rest is cut into units. Whatever comes, whole packets leave, at most one
 * more for each that came in, and no more waits than a few packets. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return 0;
    size_t unit_bytes = bytes[0] ? bytes[0] * (size_t)7 : 1;
    struct ph_ts_flush flush = {0};
    struct ph_builder output = {0};
    for (size_t at = 1; at < size; at += unit_bytes) {
        size_t rest = size - at;
        struct ph_slice unit = {bytes + at, rest < unit_bytes ? rest : unit_bytes};
        struct ph_ts_marks marks;
        size_t before = output.size;
        if (ph_ts_flush_unit(&flush, unit, &output, &marks) < 0)
            break;
        bool marked_elsewhere = marks.table_start && (marks.table_start_offset < before ||
                                                         marks.table_start_offset >= output.size);
        if (marked_elsewhere || flush.pending.size > 8 * PH_TS_PACKET_BYTES)
            abort();
    }
    if (output.size % PH_TS_PACKET_BYTES || output.size > 2 * size)
        abort();
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
    return 0;
}
