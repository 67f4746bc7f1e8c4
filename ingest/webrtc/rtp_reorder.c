#include "ingest/webrtc/rtp_reorder.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"

int ph_rtp_reorder_init(struct ph_rtp_reorder *reorder, const struct ph_reorder_impl *impl, void *opaque) {
    *reorder = (struct ph_rtp_reorder){.impl = impl, .opaque = opaque};
    reorder->slots = calloc(PH_REORDER_SLOTS, sizeof(*reorder->slots));
    return reorder->slots ? 0 : -ENOMEM;
}

void ph_rtp_reorder_finish(struct ph_rtp_reorder *reorder) {
    for (size_t i = 0; reorder->slots && i < PH_REORDER_SLOTS; i++)
        free(reorder->slots[i].packet);
    free(reorder->slots);
    *reorder = (struct ph_rtp_reorder){0};
}

static struct ph_reorder_slot *slot_at(const struct ph_rtp_reorder *reorder, int64_t sequence) {
    return &reorder->slots[(uint64_t)sequence % PH_REORDER_SLOTS];
}

/* Leaves the number at `next` behind: delivers it, or gives it up. */
static void advance(struct ph_rtp_reorder *reorder) {
    struct ph_reorder_slot *slot = slot_at(reorder, reorder->next);
    int64_t sequence = reorder->next++;
    if (slot->state == PH_SLOT_MISSING) {
        slot->state = PH_SLOT_GIVEN_UP;
        reorder->missing--;
        reorder->lost++;
    } else if (slot->state == PH_SLOT_HELD) {
        slot->state = PH_SLOT_DELIVERED;
        reorder->held_bytes -= slot->size;
        reorder->impl->deliver(reorder->opaque, sequence, slot->packet, slot->size);
        free(slot->packet);
        slot->packet = NULL;
    }
}

static void deliver_ready(struct ph_rtp_reorder *reorder) {
    while (reorder->next <= reorder->highest && slot_at(reorder, reorder->next)->state == PH_SLOT_HELD)
        advance(reorder);
}

void ph_rtp_reorder_flush(struct ph_rtp_reorder *reorder) {
    while (reorder->next <= reorder->highest)
        advance(reorder);
}

/* Numbers between `highest` and `sequence` are missing from here on. */
static void open_gap(struct ph_rtp_reorder *reorder, int64_t sequence, int64_t now_us) {
    if (sequence - reorder->highest > PH_REORDER_MOST_GAP) {
        ph_rtp_reorder_flush(reorder);
        reorder->lost += (uint64_t)(sequence - reorder->next);
        for (size_t i = 0; i < PH_REORDER_SLOTS; i++)
            slot_at(reorder, (int64_t)i)->state = PH_SLOT_GIVEN_UP;
        reorder->next = sequence;
        reorder->highest = sequence - 1;
        return;
    }
    while (sequence - reorder->next >= PH_REORDER_SLOTS)
        advance(reorder);
    for (int64_t i = reorder->highest + 1; i < sequence; i++) {
        *slot_at(reorder, i) =
            (struct ph_reorder_slot){.state = PH_SLOT_MISSING, .missing_since_us = now_us, .ask_us = now_us};
        reorder->missing++;
    }
    reorder->highest = sequence - 1;
}

/* Keeps a copy in its slot, which is missing. */
static void hold(
    struct ph_rtp_reorder *reorder, struct ph_reorder_slot *slot, const uint8_t *packet, size_t size) {
    while (reorder->held_bytes + size > PH_REORDER_MOST_BYTES && reorder->next < reorder->highest)
        advance(reorder);
    uint8_t *copy = slot->state == PH_SLOT_MISSING ? malloc(size) : NULL;
    if (!copy)
        return;
    memcpy(copy, packet, size);
    slot->packet = copy;
    slot->size = (uint16_t)size;
    slot->state = PH_SLOT_HELD;
    reorder->held_bytes += size;
    reorder->missing--;
}

static enum ph_arrival arrival_of(struct ph_rtp_reorder *reorder, int64_t sequence) {
    if (sequence > reorder->highest)
        return sequence == reorder->next ? PH_ARRIVAL_IN_ORDER : PH_ARRIVAL_AHEAD;
    if (reorder->highest - sequence >= PH_REORDER_SLOTS)
        return PH_ARRIVAL_LATE;
    enum ph_slot_state state = slot_at(reorder, sequence)->state;
    if (state == PH_SLOT_MISSING)
        return PH_ARRIVAL_FILLED;
    return state == PH_SLOT_GIVEN_UP || state == PH_SLOT_UNUSED ? PH_ARRIVAL_LATE : PH_ARRIVAL_DUPLICATE;
}

static void deliver_now(
    struct ph_rtp_reorder *reorder, struct ph_reorder_slot *slot, uint8_t *packet, size_t size) {
    if (slot->state == PH_SLOT_MISSING)
        reorder->missing--;
    slot->state = PH_SLOT_DELIVERED;
    slot->packet = NULL;
    reorder->impl->deliver(reorder->opaque, reorder->next++, packet, size);
    deliver_ready(reorder);
}

enum ph_arrival ph_rtp_reorder_put(struct ph_rtp_reorder *reorder, int64_t sequence, uint8_t *packet,
    size_t size, int64_t now_us, struct ph_reorder_slot *before) {
    if (!reorder->begun) {
        reorder->begun = true;
        reorder->next = sequence;
        reorder->highest = sequence - 1;
    }
    enum ph_arrival arrival = arrival_of(reorder, sequence);
    struct ph_reorder_slot *slot = slot_at(reorder, sequence);
    if (before)
        *before = *slot;
    if (arrival == PH_ARRIVAL_LATE || arrival == PH_ARRIVAL_DUPLICATE)
        return arrival;
    if (arrival == PH_ARRIVAL_AHEAD)
        open_gap(reorder, sequence, now_us);
    if (sequence > reorder->highest) {
        reorder->highest = sequence;
        *slot =
            (struct ph_reorder_slot){.state = PH_SLOT_MISSING, .missing_since_us = now_us, .ask_us = now_us};
        reorder->missing++;
    }
    if (sequence == reorder->next)
        deliver_now(reorder, slot, packet, size);
    else
        hold(reorder, slot, packet, size);
    deliver_ready(reorder);
    return arrival;
}

bool ph_rtp_reorder_wants(const struct ph_rtp_reorder *reorder, int64_t sequence) {
    return reorder->begun && sequence >= reorder->next && sequence <= reorder->highest &&
           slot_at(reorder, sequence)->state == PH_SLOT_MISSING;
}

int64_t ph_rtp_reorder_expire(struct ph_rtp_reorder *reorder, int64_t now_us, int64_t wait_us) {
    while (reorder->next <= reorder->highest) {
        struct ph_reorder_slot *slot = slot_at(reorder, reorder->next);
        if (slot->state == PH_SLOT_MISSING && slot->missing_since_us + wait_us > now_us)
            return slot->missing_since_us + wait_us;
        advance(reorder);
    }
    return PH_NEVER_US;
}

/* Times a packet is asked for before the pauses between grow. */
enum { patient_nacks = 3 };

/* Decides on one missing packet: true when it is asked for now. */
static bool ask_for(
    struct ph_reorder_slot *slot, const struct ph_nack_policy *policy, int64_t now_us, int64_t *due_us) {
    int64_t due = slot->nacks ? slot->ask_us : slot->missing_since_us + policy->first_us;
    bool in_vain = slot->nacks && due + policy->rtt_us > slot->missing_since_us + policy->wait_us;
    if (slot->nacks >= policy->most || in_vain)
        return false;
    if (due > now_us) {
        *due_us = due < *due_us ? due : *due_us;
        return false;
    }
    int64_t patience = slot->nacks > patient_nacks ? slot->nacks - patient_nacks : 0;
    int64_t interval = policy->again_us + policy->again_us * patience / 2;
    slot->nacks++;
    slot->asked_us = now_us;
    slot->ask_us = now_us + interval;
    *due_us = slot->ask_us < *due_us ? slot->ask_us : *due_us;
    return true;
}

size_t ph_rtp_reorder_ask(struct ph_rtp_reorder *reorder, const struct ph_nack_policy *policy, int64_t now_us,
    int64_t *sequences, size_t most, int64_t *due_us) {
    size_t count = 0, seen = 0;
    *due_us = PH_NEVER_US;
    for (int64_t i = reorder->next; seen < reorder->missing && i <= reorder->highest && count < most; i++) {
        struct ph_reorder_slot *slot = slot_at(reorder, i);
        if (slot->state != PH_SLOT_MISSING)
            continue;
        seen++;
        if (ask_for(slot, policy, now_us, due_us))
            sequences[count++] = i;
    }
    if (count == most)
        *due_us = now_us + 1;
    return count;
}
