/* links: ph_webrtc ph_base */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/webrtc/sdpfrag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_sdpfrag fragment;
    struct ph_error error = {0};
    if (ph_sdpfrag_parse((struct ph_slice){data, size}, &fragment, &error))
        return *error.text ? 0 : (abort(), 0);
    if ((*fragment.ufrag != 0) != (*fragment.pwd != 0))
        abort();
    /* What was taken is written and taken again as the same. */
    for (size_t i = 0; i < fragment.candidate_count; i++) {
        struct ph_builder builder = {0};
        struct ph_ice_candidate again;
        ph_ice_candidate_write(&builder, &fragment.candidates[i]);
        char *text = ph_builder_finish_string(&builder);
        if (!text)
            abort();
        struct ph_slice value = {(const uint8_t *)text + 12, strlen(text) - 14};
        if (!ph_ice_candidate_parse(value, &again) || again.priority != fragment.candidates[i].priority ||
            again.port != fragment.candidates[i].port ||
            strcmp(again.address, fragment.candidates[i].address) != 0)
            abort();
        free(text);
    }
    return 0;
}
