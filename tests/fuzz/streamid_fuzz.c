/* links: ph_ingest ph_media ph_base */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/streamid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char key[PH_STREAM_KEY_MOST_CHARACTERS + 1];
    if (ph_streamid_parse(text, key) == 0 && (!*key || strlen(key) > PH_STREAM_KEY_MOST_CHARACTERS))
        abort();
    free(text);
    return 0;
}
