/* What a track's playlist has listed and lists no more: the durations of all its segments since the session
 * began, four bytes each, so that a playlist can reach back to the start.
 *
 * Without a lock of its own: of its window. Numbers and times go on without a break; where some are missing,
 * gaps that share the time between stand for them. */
#ifndef PH_ORIGIN_HISTORY_H
#define PH_ORIGIN_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

struct ph_history {
    uint64_t first; /* number of the oldest */
    uint64_t count;
    int64_t start_ticks, end_ticks; /* of all of them */
    uint32_t *lengths;              /* ticks × 2, and 1 for a gap */
    uint64_t capacity;
    uint64_t revision; /* counts the changes of what was there before */
};

void ph_history_finish(struct ph_history *history);
/* The next one begins there: gaps stand for what is missing until then. When that cannot be, all is
 * forgotten. */
void ph_history_reach(struct ph_history *history, uint64_t number, int64_t start_ticks);
/* The segment that follows. When it cannot be, or when memory is out, all before it is forgotten. */
void ph_history_add(
    struct ph_history *history, uint64_t number, int64_t start_ticks, int64_t duration_ticks, bool gap);
/* What there is of the numbers [from, to) is lost: gaps stand for it. */
void ph_history_lose(struct ph_history *history, uint64_t from, uint64_t to);
/* Whether it is there, and not a gap. */
bool ph_history_has(const struct ph_history *history, uint64_t number);

static inline uint32_t ph_history_ticks(uint32_t length) {
    return length >> 1;
}
static inline bool ph_history_is_gap(uint32_t length) {
    return length & 1;
}

#endif
