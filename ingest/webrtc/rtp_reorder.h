/* Puts the packets of one stream in order: bounded, without delay while nothing is missing.
 *
 * Sequence numbers are unwrapped (int64_t). A packet that comes in order is delivered inside the call; behind
 * a hole packets are copied and wait until it is filled or given up. Pure; one owner.
 *
 *   phase            what
 *   init … finish    any call; deliver() runs inside put, expire, skip_to and may not call back */
#ifndef PH_INGEST_WEBRTC_RTP_REORDER_H
#define PH_INGEST_WEBRTC_RTP_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum { PH_REORDER_SLOTS = 1024, PH_REORDER_MOST_BYTES = 1 << 20, PH_REORDER_MOST_GAP = 512 };

enum ph_slot_state { PH_SLOT_UNUSED, PH_SLOT_MISSING, PH_SLOT_HELD, PH_SLOT_DELIVERED, PH_SLOT_GIVEN_UP };

struct ph_reorder_slot {
    enum ph_slot_state state;
    uint8_t nacks; /* times asked for */
    uint16_t size;
    uint8_t *packet; /* HELD: owned */
    int64_t missing_since_us;
    int64_t asked_us; /* the last time */
    int64_t ask_us;   /* the next time */
};

struct ph_reorder_impl {
    /* The packet is borrowed for the call, and may be written to. */
    void (*deliver)(void *opaque, int64_t sequence, uint8_t *packet, size_t size);
};

struct ph_rtp_reorder {
    const struct ph_reorder_impl *impl;
    void *opaque;
    struct ph_reorder_slot *slots; /* by sequence modulo PH_REORDER_SLOTS */
    int64_t next;                  /* the next to be delivered */
    int64_t highest;               /* seen; next - 1 while nothing is missing */
    bool begun;
    size_t held_bytes;
    size_t missing; /* slots in that state */
    uint64_t lost;  /* given up, in all */
};

/* What became of a packet. FILLED: it was missing; `slot` of ph_rtp_reorder_put() tells since when. */
enum ph_arrival {
    PH_ARRIVAL_IN_ORDER,
    PH_ARRIVAL_AHEAD,
    PH_ARRIVAL_FILLED,
    PH_ARRIVAL_LATE,
    PH_ARRIVAL_DUPLICATE
};

/* 0 or -ENOMEM. */
int ph_rtp_reorder_init(
    struct ph_rtp_reorder *reorder, const struct ph_reorder_impl *impl, void *opaque) PH_NODISCARD;
void ph_rtp_reorder_finish(struct ph_rtp_reorder *reorder);

/* `packet` is borrowed and may be written to by deliver(). A packet that cannot be kept, for want of memory,
 * stays missing. `before`, when not NULL, gets a copy of the slot as it was. */
enum ph_arrival ph_rtp_reorder_put(struct ph_rtp_reorder *reorder, int64_t sequence, uint8_t *packet,
    size_t size, int64_t now_us, struct ph_reorder_slot *before);
/* True when this number is waited for. */
bool ph_rtp_reorder_wants(const struct ph_rtp_reorder *reorder, int64_t sequence);
/* Gives up holes that have been missing for `wait_us` and delivers what they held up. Returns the instant at
 * which the next hole is given up; PH_NEVER_US when nothing is missing. */
int64_t ph_rtp_reorder_expire(struct ph_rtp_reorder *reorder, int64_t now_us, int64_t wait_us);
/* Delivers everything that is held and gives up what is missing. */
void ph_rtp_reorder_flush(struct ph_rtp_reorder *reorder);

/* How missing packets are asked for. */
struct ph_nack_policy {
    int64_t first_us; /* after it was found missing: reordering may still bring it */
    int64_t again_us; /* after the last time; longer and longer from the fifth on */
    int64_t wait_us;  /* a packet is not asked for when the answer would come after that */
    int64_t rtt_us;
    uint8_t most;
};
/* Fills `sequences` with what is to be asked for at `now_us`, ascending, and notes that it was. Returns how
 * many; *due_us becomes the instant of the next. */
size_t ph_rtp_reorder_ask(struct ph_rtp_reorder *reorder, const struct ph_nack_policy *policy, int64_t now_us,
    int64_t *sequences, size_t most, int64_t *due_us);

#endif
