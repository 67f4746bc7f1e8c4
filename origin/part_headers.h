/* The headers of PUT …/<segment>.<part>.m4s (core/media/track.h), as texts of a request. Pure. */
#ifndef PH_ORIGIN_PART_HEADERS_H
#define PH_ORIGIN_PART_HEADERS_H

#include "core/base/error.h"
#include "origin/part.h"

/* NULL where the request has none. */
struct ph_part_headers {
    const char *duration;
    const char *start;
    const char *independent;
    const char *last;
    const char *gap;
};

/* Fills in all of `head` but the position. Audio is always independent. -EINVAL with a sentence. */
int ph_part_headers_parse(const struct ph_part_headers *headers, enum ph_track_kind kind,
    struct ph_part_head *head, struct ph_error *error) PH_NODISCARD;
/* UTC microseconds; -EINVAL for anything but a decimal number of at most 18 digits. */
int ph_part_headers_parse_time(const char *text, int64_t *utc_us) PH_NODISCARD;

#endif
