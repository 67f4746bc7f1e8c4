/* What to do after a worker's death: hostile bytes must cost a moment, never a loop. Pure. */
#ifndef PH_INGEST_CRASH_HISTORY_H
#define PH_INGEST_CRASH_HISTORY_H

#include <stdint.h>

enum { PH_CRASHES_TO_SKIP = 2, PH_CRASHES_TO_GIVE_UP = 5, PH_CRASH_MEMORY_S = 60 };

enum ph_crash_verdict {
    PH_CRASH_RETRY,   /* another worker, the same replay */
    PH_CRASH_SKIP,    /* another worker, from the newest entry: what lies between seems to kill */
    PH_CRASH_GIVE_UP, /* the source kills every worker */
};

/* Embedded; starts as {0}. */
struct ph_crash_history {
    uint64_t replay_from;
    int64_t times_us[PH_CRASHES_TO_GIVE_UP]; /* of the deaths at this replay point, oldest first */
    int count;
};

/* A worker that replayed from `replay_from` died. */
enum ph_crash_verdict ph_crash_history_add(
    struct ph_crash_history *history, uint64_t replay_from, int64_t now_us);

#endif
