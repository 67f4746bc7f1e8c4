/* How many calls of each class one caller may make, as a setting says it (pure).
 *
 *     calls=600/60,anonymous=100/900,starts=20/60
 *
 * means 600 calls in 60 seconds for a subject, 100 in 900 for an address, 20 starts in 60. What is not named
 * keeps its default; a count of 0 lifts the limit; "off" lifts all. */
#ifndef PH_API_RATE_RULES_H
#define PH_API_RATE_RULES_H

#include <stdint.h>

#include "core/base/error.h"

enum ph_rate_class {
    PH_RATE_CALLS,     /* of a subject; of a caller without a token it is PH_RATE_ANONYMOUS instead */
    PH_RATE_ANONYMOUS, /* of an address */
    PH_RATE_FAILURES,  /* tokens of an address that were refused */
    PH_RATE_STARTS,    /* of sessions, beside PH_RATE_CALLS, like what follows */
    PH_RATE_TOKENS,    /* issued */
    PH_RATE_CHAT,      /* messages */
    PH_RATE_FREE,      /* is not counted: beats of who was let in */
    PH_RATE_CLASSES
};

struct ph_rate_rule {
    uint32_t count;    /* 0: no limit */
    uint32_t period_s; /* an empty bucket is full again after it */
};

struct ph_rate_rules {
    struct ph_rate_rule rules[PH_RATE_CLASSES];
};

/* -EINVAL for a text that is not of the form. */
int ph_rate_rules_parse(const char *text, struct ph_rate_rules *rules) PH_NODISCARD;
const char *ph_rate_class_name(enum ph_rate_class rate);

#endif
