/* links: ph_media ph_base */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/media/track.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name that passes is the only one for what it names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char name[64], again[64];
    struct ph_media_file file;
    if (size >= sizeof(name))
        return 0;
    memcpy(name, data, size);
    name[size] = '\0';
    if (ph_media_file_parse(name, &file))
        return 0;
    if (file.kind == PH_FILE_SEGMENT)
        snprintf(again, sizeof(again), "%" PRIu64 ".m4s", file.position.segment);
    else if (file.kind == PH_FILE_PART)
        snprintf(
            again, sizeof(again), "%" PRIu64 ".%" PRIu32 ".m4s", file.position.segment, file.position.part);
    else
        return 0;
    if (strcmp(name, again) != 0)
        abort();
    return 0;
}
