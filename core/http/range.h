/* RFC 9110 section 14: a Range header with one range of bytes (pure). */
#ifndef PH_HTTP_RANGE_H
#define PH_HTTP_RANGE_H

#include <stdint.h>

enum ph_range_verdict {
    PH_RANGE_WHOLE, /* absent, malformed, another unit, or several ranges: the whole is sent with 200 */
    PH_RANGE_PART,  /* 206 */
    PH_RANGE_UNSATISFIABLE, /* 416 */
};

/* `header` may be NULL. Fills `first` and `size` for PH_RANGE_PART only; first + size <= total_bytes. */
enum ph_range_verdict ph_range_parse(
    const char *header, uint64_t total_bytes, uint64_t *first, uint64_t *size);

#endif
