#include "ingest/crash_history.h"

#include <string.h>

#include "core/base/clock.h"

enum ph_crash_verdict ph_crash_history_add(
    struct ph_crash_history *history, uint64_t replay_from, int64_t now_us) {
    if (history->replay_from != replay_from)
        *history = (struct ph_crash_history){.replay_from = replay_from};
    int forgotten = 0;
    while (forgotten < history->count &&
           now_us - history->times_us[forgotten] > PH_CRASH_MEMORY_S * PH_SECOND_US)
        forgotten++;
    history->count -= forgotten;
    memmove(history->times_us, history->times_us + forgotten,
        (size_t)history->count * sizeof(history->times_us[0]));
    history->times_us[history->count++] = now_us;
    if (history->count == PH_CRASHES_TO_GIVE_UP) {
        *history = (struct ph_crash_history){0};
        return PH_CRASH_GIVE_UP;
    }
    return history->count >= PH_CRASHES_TO_SKIP ? PH_CRASH_SKIP : PH_CRASH_RETRY;
}
