/* links: ph_origin ph_recording ph_store ph_media ph_base */
#include <stdlib.h>
#include <string.h>

#include "origin/archive/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken for a line is written as the same line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_slice text = {data, size};
    struct ph_manifest_segment segment;
    size_t consumed = 0;
    while (text.size && ph_journal_line_parse(text, &segment, &consumed) == 0) {
        struct ph_builder again = {0};
        ph_journal_line_write(&again, &segment);
        if (!ph_builder_ok(&again) || again.size != consumed || memcmp(again.data, text.data, consumed) != 0)
            abort();
        ph_builder_discard(&again);
        text.data += consumed;
        text.size -= consumed;
    }
    return 0;
}
