/* links: ph_store */
/* A recording's title on its way into a header. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/disposition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char begin[] = "attachment; filename=\"";
    char header[PH_DISPOSITION_BYTES];
    char *name = strndup((const char *)data, size);
    if (!name)
        abort();
    ph_disposition(name, header);
    assert(strncmp(header, begin, strlen(begin)) == 0);
    unsigned quotes = 0;
    for (const char *c = header; *c; c++) {
        assert(*c >= ' ' && *c < 0x7f && *c != '/' && *c != '\\');
        quotes += *c == '"';
    }
    assert(quotes == 2);
    free(name);
    return 0;
}
