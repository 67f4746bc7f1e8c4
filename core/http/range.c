#include "core/http/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Digits up to the next other character; false without any. What is too large stays at the largest number. */
static bool parse_number(const char **next, uint64_t *number) {
    const char *p = *next;
    *number = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        *number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
    }
    bool any = p != *next;
    *next = p;
    return any;
}

static void skip_blanks(const char **next) {
    *next += strspn(*next, " \t");
}

enum ph_range_verdict ph_range_parse(
    const char *header, uint64_t total_bytes, uint64_t *first, uint64_t *size) {
    static const char unit[] = "bytes";
    if (!header || strncasecmp(header, unit, sizeof(unit) - 1) != 0)
        return PH_RANGE_WHOLE;
    const char *next = header + sizeof(unit) - 1;
    skip_blanks(&next);
    if (*next++ != '=')
        return PH_RANGE_WHOLE;
    skip_blanks(&next);
    uint64_t from = 0, to = UINT64_MAX;
    bool has_from = parse_number(&next, &from);
    if (*next++ != '-')
        return PH_RANGE_WHOLE;
    bool has_to = parse_number(&next, &to);
    skip_blanks(&next);
    if (*next || (!has_from && !has_to) || (has_from && has_to && to < from))
        return PH_RANGE_WHOLE;
    if (!has_from) { /* the last `to` bytes */
        from = to < total_bytes ? total_bytes - to : 0;
        if (to == 0 || total_bytes == 0)
            return PH_RANGE_UNSATISFIABLE;
        to = total_bytes - 1;
    }
    if (from >= total_bytes)
        return PH_RANGE_UNSATISFIABLE;
    if (!has_to || to >= total_bytes)
        to = total_bytes - 1;
    *first = from;
    *size = to - from + 1;
    return PH_RANGE_PART;
}
