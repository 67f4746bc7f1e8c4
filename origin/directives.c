#include "origin/directives.h"

#include <string.h>

enum { most_digits = 20 };

/* A decimal-integer of RFC 8216bis 4.2: 1 to 20 digits. What exceeds 64 bits counts as the largest number,
 * which lies beyond every playlist. */
static int parse_number(const char *text, uint64_t *number) {
    size_t size = strlen(text);
    if (size < 1 || size > most_digits || strspn(text, "0123456789") != size)
        return -EINVAL;
    uint64_t value = 0;
    for (; *text; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            *number = UINT64_MAX;
            return 0;
        }
        value = value * 10 + digit;
    }
    *number = value;
    return 0;
}

int ph_directives_parse(
    const char *msn, const char *part, const char *skip, struct ph_directives *directives) {
    *directives = (struct ph_directives){.has_msn = msn, .has_part = part};
    if (part && !msn)
        return -EINVAL;
    if (msn && parse_number(msn, &directives->msn))
        return -EINVAL;
    if (part && parse_number(part, &directives->part))
        return -EINVAL;
    if (!skip)
        return 0;
    directives->skip = PH_SKIP_SEGMENTS;
    return strcmp(skip, "YES") == 0 || strcmp(skip, "v2") == 0 ? 0 : -EINVAL;
}

uint32_t ph_directives_advance_part_limit(uint32_t part_target_us) {
    if (part_target_us >= 1000000)
        return 3;
    return (3000000 + part_target_us - 1) / part_target_us;
}

/* Whether the part lies further past the newest one than the advance part limit. The segment is at most two
 * past the newest, so nothing here overflows. */
static bool is_too_far(const struct ph_directives *directives, const struct ph_edge *edge,
    const struct ph_publication *publication) {
    if (directives->part > UINT32_MAX - 1)
        return true;
    uint64_t segments = directives->msn - edge->newest.segment;
    uint64_t reach = segments * publication->parts_per_segment + directives->part;
    uint32_t limit = ph_directives_advance_part_limit(publication->part_target_us);
    return reach > (uint64_t)edge->newest.part + limit;
}

struct ph_directive_decision ph_directives_decide(const struct ph_directives *directives,
    const struct ph_edge *edge, const struct ph_publication *publication) {
    struct ph_directive_decision decision = {.verdict = PH_DIRECTIVE_ANSWER};
    if (edge->ended || (edge->any && !directives->has_msn))
        return decision;
    if (edge->any && directives->msn < edge->newest.segment)
        return decision;

    decision.verdict = PH_DIRECTIVE_REFUSE;
    if (edge->any && directives->msn > ph_edge_next(edge).segment + 1) /* the last whole segment, plus two */
        return decision;
    if (edge->any && directives->has_part && is_too_far(directives, edge, publication))
        return decision;
    if (directives->msn == UINT64_MAX || directives->part >= PH_WHOLE_SEGMENT)
        return decision;

    if (directives->has_msn) {
        decision.until.segment = directives->msn;
        decision.until.part = directives->has_part ? (uint32_t)directives->part : PH_WHOLE_SEGMENT;
    }
    /* A part past the end of the open segment means part 0 of the next one. */
    if (directives->has_part && directives->part >= publication->parts_per_segment)
        decision.until = (struct ph_part_position){directives->msn + 1, 0};
    decision.verdict = ph_edge_contains(edge, decision.until) ? PH_DIRECTIVE_ANSWER : PH_DIRECTIVE_HOLD;
    return decision;
}
