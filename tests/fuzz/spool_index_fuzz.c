/* links: ph_origin ph_http ph_media ph_base */
#include <stdlib.h>

#include "origin/spool_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_slice rest = {data, size};
    struct ph_spool_record record;
    size_t consumed = 0;
    while (ph_spool_record_parse(rest, &record, &consumed) == 0) {
        if (consumed == 0 || consumed > rest.size || record.prefix_bytes >= consumed ||
            record.head.start_ticks < 0)
            abort();
        (void)ph_spool_record_check(rest, &record, 0);
        rest = (struct ph_slice){rest.data + consumed, rest.size - consumed};
    }
    return 0;
}
