/* What the archive knows of a track's segments: each one's facts and where it stands. Pure; guarded by the
 * archive's lock.
 *
 *   waiting ─▶ putting ─▶ archived
 *      ▲          │
 *      └──────────┤
 *                 └─────▶ missing (a gap, or lost) */
#ifndef PH_ORIGIN_ARCHIVE_LEDGER_H
#define PH_ORIGIN_ARCHIVE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "origin/recording/manifest.h"

enum ph_ledger_state { PH_LEDGER_WAITING, PH_LEDGER_PUTTING, PH_LEDGER_ARCHIVED, PH_LEDGER_MISSING };

struct ph_ledger_entry {
    struct ph_manifest_segment facts; /* hash and key bytes once archived */
    enum ph_ledger_state state;
    uint32_t failures;
    int64_t since_us; /* monotonic: when it was told */
    int64_t retry_at_us;
};

/* Numbers rise. */
struct ph_ledger {
    struct ph_ledger_entry *entries;
    uint32_t count, capacity;
    uint32_t open_from;  /* no entry before it waits or is being put */
    uint64_t files_from; /* files of segments below it are gone */
    uint32_t waiting;    /* entries that wait or are being put, and their bytes */
    uint64_t waiting_bytes;
};

void ph_ledger_finish(struct ph_ledger *ledger);
/* Appends a segment that waits, or with 0 bytes is missing. 0; -EALREADY when it is not beyond the last;
 * -ENOMEM; -ENOSPC when there are as many as a recording may have. */
int ph_ledger_add(
    struct ph_ledger *ledger, const struct ph_manifest_segment *facts, int64_t now_us) PH_NODISCARD;
/* The first entry whose number is not below; `count` when there is none. */
uint32_t ph_ledger_seek(const struct ph_ledger *ledger, uint64_t number);
/* NULL when there is none. */
struct ph_ledger_entry *ph_ledger_find(const struct ph_ledger *ledger, uint64_t number);
/* The number behind the last; 0 when there is none. */
uint64_t ph_ledger_end(const struct ph_ledger *ledger);
/* The oldest that waits and may be tried; NULL when there is none, then `wake_us` falls to the time of the
 * next that may, if there is any. */
struct ph_ledger_entry *ph_ledger_next(struct ph_ledger *ledger, int64_t now_us, int64_t *wake_us);
void ph_ledger_move(struct ph_ledger *ledger, struct ph_ledger_entry *entry, enum ph_ledger_state state);
/* The oldest of which there is a file, when it is in the store (or, with `may_wait`, waits or is on its way)
 * and not among the last `keep`; else NULL. */
struct ph_ledger_entry *ph_ledger_oldest_file(struct ph_ledger *ledger, uint32_t keep, bool may_wait);

#endif
