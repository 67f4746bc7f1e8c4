#include "origin/archive/ledger.h"

#include <stdlib.h>

void ph_ledger_finish(struct ph_ledger *ledger) {
    free(ledger->entries);
    *ledger = (struct ph_ledger){0};
}

static bool is_open(const struct ph_ledger_entry *entry) {
    return entry->state == PH_LEDGER_WAITING || entry->state == PH_LEDGER_PUTTING;
}

static int grow(struct ph_ledger *ledger) {
    if (ledger->count < ledger->capacity)
        return 0;
    if (ledger->count == PH_MOST_MANIFEST_SEGMENTS)
        return -ENOSPC;
    uint32_t capacity = ledger->capacity ? 2 * ledger->capacity : 64;
    struct ph_ledger_entry *entries = realloc(ledger->entries, capacity * sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    ledger->entries = entries;
    ledger->capacity = capacity;
    return 0;
}

int ph_ledger_add(struct ph_ledger *ledger, const struct ph_manifest_segment *facts, int64_t now_us) {
    if (facts->number < ph_ledger_end(ledger))
        return -EALREADY;
    int code = grow(ledger);
    if (code)
        return code;
    if (!ledger->count)
        ledger->files_from = facts->number;
    ledger->entries[ledger->count++] = (struct ph_ledger_entry){
        .facts = *facts, .state = facts->bytes ? PH_LEDGER_WAITING : PH_LEDGER_MISSING, .since_us = now_us};
    ledger->waiting += facts->bytes > 0;
    ledger->waiting_bytes += facts->bytes;
    return 0;
}

uint32_t ph_ledger_seek(const struct ph_ledger *ledger, uint64_t number) {
    uint32_t low = 0, high = ledger->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ledger->entries[middle].facts.number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct ph_ledger_entry *ph_ledger_find(const struct ph_ledger *ledger, uint64_t number) {
    uint32_t at = ph_ledger_seek(ledger, number);
    return at < ledger->count && ledger->entries[at].facts.number == number ? &ledger->entries[at] : NULL;
}

uint64_t ph_ledger_end(const struct ph_ledger *ledger) {
    return ledger->count ? ledger->entries[ledger->count - 1].facts.number + 1 : 0;
}

struct ph_ledger_entry *ph_ledger_next(struct ph_ledger *ledger, int64_t now_us, int64_t *wake_us) {
    while (ledger->open_from < ledger->count && !is_open(&ledger->entries[ledger->open_from]))
        ledger->open_from++;
    for (uint32_t i = ledger->open_from; i < ledger->count; i++) {
        struct ph_ledger_entry *entry = &ledger->entries[i];
        if (entry->state != PH_LEDGER_WAITING)
            continue;
        if (entry->retry_at_us <= now_us)
            return entry;
        if (entry->retry_at_us < *wake_us)
            *wake_us = entry->retry_at_us;
    }
    return NULL;
}

void ph_ledger_move(struct ph_ledger *ledger, struct ph_ledger_entry *entry, enum ph_ledger_state state) {
    bool was_open = is_open(entry);
    entry->state = state;
    if (was_open && !is_open(entry)) {
        ledger->waiting--;
        ledger->waiting_bytes -= entry->facts.bytes;
    }
}

struct ph_ledger_entry *ph_ledger_oldest_file(struct ph_ledger *ledger, uint32_t keep, bool may_wait) {
    uint32_t at = ph_ledger_seek(ledger, ledger->files_from);
    if (ledger->count < keep || at >= ledger->count - keep)
        return NULL;
    struct ph_ledger_entry *entry = &ledger->entries[at];
    return may_wait || !is_open(entry) ? entry : NULL;
}
