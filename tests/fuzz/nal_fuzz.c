/* links: ph_transcode ph_base */
#include <assert.h>

#include "transcode/encoder_nal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct ph_slice stream = {bytes, size};
    struct ph_slice sps, pps;
    if (ph_nal_find_parameter_sets(stream, &sps, &pps) == 0)
        assert(sps.size && pps.size && sps.data >= bytes && pps.data + pps.size <= bytes + size);
    struct ph_builder builder = {0};
    bool idr;
    ph_nal_write_lengths(&builder, stream, &idr);
    assert(!idr || builder.size > 4);
    ph_builder_discard(&builder);
    return 0;
}
