/* links: ph_transcode ph_base */
#include <assert.h>
#include <string.h>

#include "transcode/link_checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What reads is written again as it was. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct ph_checkpoint checkpoint;
    if (ph_checkpoint_read((struct ph_slice){bytes, size}, &checkpoint) < 0)
        return 0;
    struct ph_bytes *again = ph_checkpoint_write(&checkpoint);
    assert(!again || (ph_bytes_size(again) == size && memcmp(ph_bytes_data(again), bytes, size) == 0));
    ph_bytes_unref(&again);
    return 0;
}
