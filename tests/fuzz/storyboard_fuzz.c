/* links: ph_media ph_base */
#include <stdlib.h>

#include "core/media/storyboard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_storyboard_sheet sheets[16];
    size_t count = ph_storyboard_index_parse((struct ph_slice){data, size}, sheets, 16);
    for (size_t i = 0; i < count; i++) {
        if (!sheets[i].tiles || sheets[i].tiles > sheets[i].columns * sheets[i].rows)
            abort();
        if (i > 0 && sheets[i].first_tile <= sheets[i - 1].first_tile)
            abort();
    }
    return 0;
}
