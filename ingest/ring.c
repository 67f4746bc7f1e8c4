#include "ingest/ring.h"

#include <stdlib.h>

struct slot {
    enum ph_link_type type;
    int64_t time_us;
    struct ph_bytes *bytes;
};

struct ph_ring {
    struct ph_ring_limits limits;
    struct slot *slots; /* circular; entry i is at i % capacity, so capacity is a power of two */
    size_t capacity;
    uint64_t lowest, next;
    size_t bytes;
    uint64_t lost;
    struct slot connection; /* the last CONNECTION that was given up; bytes NULL when there is none */
    uint64_t connection_index;
};

/* What an entry costs beside its payload: the slot, the bytes' header, the allocator's. */
enum { entry_overhead_bytes = sizeof(struct slot) + 64 };

int ph_ring_create(struct ph_ring **out, const struct ph_ring_limits *limits) {
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return -ENOMEM;
    (*out)->limits = *limits;
    return 0;
}

static struct slot *slot_at(const struct ph_ring *ring, uint64_t index) {
    return &ring->slots[index & (ring->capacity - 1)];
}

static size_t slot_cost(const struct slot *slot) {
    return ph_bytes_size(slot->bytes) + entry_overhead_bytes;
}

void ph_ring_destroy(struct ph_ring *ring) {
    if (!ring)
        return;
    ph_ring_drop_before(ring, ring->next);
    ph_bytes_unref(&ring->connection.bytes);
    free(ring->slots);
    free(ring);
}

static void drop_oldest(struct ph_ring *ring) {
    struct slot *slot = slot_at(ring, ring->lowest++);
    ring->bytes -= slot_cost(slot);
    ph_bytes_unref(&slot->bytes);
}

static void give_up_oldest(struct ph_ring *ring) {
    struct slot *slot = slot_at(ring, ring->lowest);
    if (slot->type == PH_LINK_CONNECTION) {
        ph_bytes_unref(&ring->connection.bytes);
        ring->connection = *slot;
        ring->connection.bytes = ph_bytes_ref(slot->bytes);
        ring->connection_index = ring->lowest;
    }
    ring->lost++;
    drop_oldest(ring);
}

static int grow(struct ph_ring *ring) {
    size_t capacity = ring->capacity ? ring->capacity * 2 : 256;
    struct slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    for (uint64_t index = ring->lowest; index < ring->next; index++)
        slots[index & (capacity - 1)] = *slot_at(ring, index);
    free(ring->slots);
    ring->slots = slots;
    ring->capacity = capacity;
    return 0;
}

int ph_ring_append(struct ph_ring *ring, enum ph_link_type type, int64_t time_us, struct ph_slice bytes) {
    if (ring->next - ring->lowest == ring->capacity && grow(ring))
        return -ENOMEM;
    struct ph_bytes *copy = ph_bytes_copy(bytes.data, bytes.size);
    if (!copy)
        return -ENOMEM;
    struct slot *slot = slot_at(ring, ring->next++);
    *slot = (struct slot){.type = type, .time_us = time_us, .bytes = copy};
    ring->bytes += slot_cost(slot);
    while (ring->lowest + 1 < ring->next &&
           (ring->bytes > ring->limits.most_bytes ||
               time_us - slot_at(ring, ring->lowest)->time_us > ring->limits.most_age_us))
        give_up_oldest(ring);
    return 0;
}

static void entry_fill(const struct slot *slot, uint64_t index, struct ph_link_entry *entry) {
    *entry = (struct ph_link_entry){
        .type = slot->type, .index = index, .time_us = slot->time_us, .bytes = ph_bytes_slice(slot->bytes)};
}

bool ph_ring_at(const struct ph_ring *ring, uint64_t from, struct ph_link_entry *entry) {
    if (ring->connection.bytes && from <= ring->connection_index) {
        entry_fill(&ring->connection, ring->connection_index, entry);
        return true;
    }
    uint64_t index = from < ring->lowest ? ring->lowest : from;
    if (index >= ring->next)
        return false;
    entry_fill(slot_at(ring, index), index, entry);
    return true;
}

void ph_ring_drop_before(struct ph_ring *ring, uint64_t index) {
    while (ring->lowest < index && ring->lowest < ring->next)
        drop_oldest(ring);
    if (ring->connection.bytes && ring->connection_index < index)
        ph_bytes_unref(&ring->connection.bytes);
}

void ph_ring_skip_to_newest(struct ph_ring *ring) {
    while (ring->lowest + 1 < ring->next)
        give_up_oldest(ring);
}

uint64_t ph_ring_lowest(const struct ph_ring *ring) {
    return ring->lowest;
}

uint64_t ph_ring_next(const struct ph_ring *ring) {
    return ring->next;
}

size_t ph_ring_bytes(const struct ph_ring *ring) {
    return ring->bytes;
}

uint64_t ph_ring_lost(const struct ph_ring *ring) {
    return ring->lost;
}
