/* The replay ring: the latest source link entries of a session, from the oldest that may still be replayed.
 *
 * Pure; the owner locks. Appending beyond the limits drops the oldest entries, acknowledged or not; what such
 * a drop takes away is counted, and the last CONNECTION among it is kept, because what follows cannot be read
 * without it. */
#ifndef PH_INGEST_RING_H
#define PH_INGEST_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/media/source_link.h"

struct ph_ring_limits {
    size_t most_bytes;   /* payload and bookkeeping together */
    int64_t most_age_us; /* between the oldest and the newest entry */
};

struct ph_ring;

int ph_ring_create(struct ph_ring **ring, const struct ph_ring_limits *limits) PH_NODISCARD;
void ph_ring_destroy(struct ph_ring *ring);

/* Appends a copy of `bytes` under the next index. 0 or -ENOMEM; then the ring is as it was. Times must not
 * fall. */
int ph_ring_append(
    struct ph_ring *ring, enum ph_link_type type, int64_t time_us, struct ph_slice bytes) PH_NODISCARD;
/* The first entry whose index is `from` or more. False when there is none. The bytes are valid until the ring
 * changes. */
bool ph_ring_at(const struct ph_ring *ring, uint64_t from, struct ph_link_entry *entry);
/* The entries before `index` are not needed any more. */
void ph_ring_drop_before(struct ph_ring *ring, uint64_t index);
/* Gives up everything but the newest entry (and the CONNECTION it belongs to). */
void ph_ring_skip_to_newest(struct ph_ring *ring);

/* Index of the oldest entry, and of the entry that will be appended next: equal when the ring is empty. */
uint64_t ph_ring_lowest(const struct ph_ring *ring);
uint64_t ph_ring_next(const struct ph_ring *ring);
size_t ph_ring_bytes(const struct ph_ring *ring);
/* Entries dropped by the limits or by skipping, though nobody had acknowledged them. */
uint64_t ph_ring_lost(const struct ph_ring *ring);

#endif
