#include "origin/part_headers.h"

#include <string.h>

enum { most_digits = 18 };

static int parse_number(const char *text, int64_t *number) {
    size_t size = strlen(text);
    if (size < 1 || size > most_digits || strspn(text, "0123456789") != size)
        return -EINVAL;
    *number = 0;
    for (; *text; text++)
        *number = *number * 10 + (*text - '0');
    return 0;
}

int ph_part_headers_parse_time(const char *text, int64_t *utc_us) {
    return parse_number(text, utc_us);
}

static int parse_flag(const char *name, const char *text, bool *flag, struct ph_error *error) {
    *flag = text && strcmp(text, "1") == 0;
    if (text && !*flag && strcmp(text, "0") != 0)
        return ph_error_set(error, -EINVAL, "%s must be 0 or 1", name);
    return 0;
}

int ph_part_headers_parse(const struct ph_part_headers *headers, enum ph_track_kind kind,
    struct ph_part_head *head, struct ph_error *error) {
    int64_t duration = 0, start = 0;
    if (!headers->duration || parse_number(headers->duration, &duration) || duration > UINT32_MAX)
        return ph_error_set(error, -EINVAL, PH_HEADER_PART_DURATION " must be a whole number of ticks");
    if (!headers->start || parse_number(headers->start, &start))
        return ph_error_set(error, -EINVAL, PH_HEADER_PART_START " must be a whole number of ticks");
    head->duration_ticks = (uint32_t)duration;
    head->start_ticks = start;
    int code = parse_flag(PH_HEADER_INDEPENDENT, headers->independent, &head->independent, error);
    if (!code)
        code = parse_flag(PH_HEADER_LAST_IN_SEGMENT, headers->last, &head->last, error);
    if (!code)
        code = parse_flag(PH_HEADER_GAP, headers->gap, &head->gap, error);
    if (kind == PH_TRACK_AUDIO)
        head->independent = true;
    return code;
}
