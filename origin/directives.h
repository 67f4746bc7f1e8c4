/* Delivery directives of a playlist request (RFC 8216bis 6.2.5): _HLS_msn, _HLS_part, _HLS_skip. Pure. */
#ifndef PH_ORIGIN_DIRECTIVES_H
#define PH_ORIGIN_DIRECTIVES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "origin/edge.h"

enum ph_skip { PH_SKIP_NONE, PH_SKIP_SEGMENTS };

struct ph_directives {
    bool has_msn;
    bool has_part;
    uint64_t msn;
    uint64_t part;
    enum ph_skip skip; /* "YES" and "v2" are the same here: no date ranges are listed */
};

enum ph_directive_verdict {
    PH_DIRECTIVE_ANSWER, /* with the current playlist */
    PH_DIRECTIVE_HOLD,   /* until the playlist contains `until` */
    PH_DIRECTIVE_REFUSE, /* 400 */
};

struct ph_directive_decision {
    enum ph_directive_verdict verdict;
    struct ph_part_position until;
};

/* The query's values, NULL where absent. 0, or -EINVAL for garbage and for a part without a segment. */
int ph_directives_parse(
    const char *msn, const char *part, const char *skip, struct ph_directives *directives) PH_NODISCARD;
/* What to do with a request. The caller answers at once when the playlist has ended, whatever was asked.
 * An empty track holds everything: its first part answers a request without directives. */
struct ph_directive_decision ph_directives_decide(const struct ph_directives *directives,
    const struct ph_edge *edge, const struct ph_publication *publication);
/* How many parts past the newest may be asked for: three seconds' worth, or three parts (6.2.5.2). */
uint32_t ph_directives_advance_part_limit(uint32_t part_target_us);

#endif
