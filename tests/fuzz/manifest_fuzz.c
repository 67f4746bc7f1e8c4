/* links: ph_recording ph_media ph_base */
#include <stdlib.h>
#include <string.h>

#include "origin/recording/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read can be written, and comes out the same when it is read and written again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_manifest manifest, again;
    struct ph_error error = {0};
    if (ph_manifest_from_json((struct ph_slice){data, size}, &manifest, &error))
        return 0;
    struct ph_bytes *first = ph_manifest_to_json(&manifest);
    if (!first || ph_manifest_from_json(ph_bytes_slice(first), &again, &error))
        abort();
    struct ph_bytes *second = ph_manifest_to_json(&again);
    if (!second || ph_bytes_size(first) != ph_bytes_size(second) ||
        memcmp(ph_bytes_data(first), ph_bytes_data(second), ph_bytes_size(first)) != 0)
        abort();
    ph_bytes_unref(&first);
    ph_bytes_unref(&second);
    ph_manifest_finish(&manifest);
    ph_manifest_finish(&again);
    return 0;
}
