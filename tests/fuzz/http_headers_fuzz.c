/* links: ph_http ph_base */
/* Headers whose values are parsed here: Range, If-None-Match, If-Range, Accept-Encoding, and a listening
 * address. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/address.h"
#include "core/http/conditional.h"
#include "core/http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char *text = calloc(1, size + 1);
    if (!text)
        abort();
    if (size)
        memcpy(text, bytes, size);
    const uint64_t totals[] = {0, 1, 12, 1000000, UINT64_MAX};
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        uint64_t first = 0, part = 0;
        if (ph_range_parse(text, totals[i], &first, &part) == PH_RANGE_PART &&
            (part == 0 || first >= totals[i] || part > totals[i] - first))
            abort();
    }
    if (ph_if_range_holds(text, "\"a\"") && strcmp(text, "\"a\"") != 0)
        abort();
    if (ph_etag_list_matches(text, "\"a\"") && !strchr(text, 'a') && !strchr(text, '*'))
        abort();
    if (ph_accepts_gzip(text) && !*text)
        abort();
    char host[16];
    uint16_t port;
    if (ph_address_split(text, host, sizeof(host), &port) == 0 && strlen(host) >= sizeof(host))
        abort();
    free(text);
    return 0;
}
