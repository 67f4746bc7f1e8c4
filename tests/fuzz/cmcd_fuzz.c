/* links: ph_origin ph_media ph_base */
#include <stdlib.h>
#include <string.h>

#include "origin/cmcd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_cmcd cmcd = {0};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    bool is_known = ph_cmcd_read(text, &cmcd);
    bool is_told = cmcd.is_starved || cmcd.bitrate_kbps || cmcd.throughput_kbps;
    if (is_known != is_told || cmcd.bitrate_kbps > 100000000 || cmcd.throughput_kbps > 100000000)
        abort();
    free(text);
    return 0;
}
