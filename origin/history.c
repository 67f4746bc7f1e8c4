#include "origin/history.h"

#include <stdlib.h>

enum { least_capacity = 64, most_missing = 100000 };

void ph_history_finish(struct ph_history *history) {
    free(history->lengths);
    *history = (struct ph_history){0};
}

static void begin_anew(struct ph_history *history, uint64_t number, int64_t start_ticks) {
    history->first = number;
    history->count = 0;
    history->start_ticks = history->end_ticks = start_ticks;
}

static bool make_room(struct ph_history *history, uint64_t more) {
    uint64_t capacity = history->capacity ? history->capacity : least_capacity;
    if (history->count + more <= history->capacity)
        return true;
    while (capacity < history->count + more)
        capacity *= 2;
    uint32_t *lengths = realloc(history->lengths, capacity * sizeof(*lengths));
    if (!lengths)
        return false;
    history->lengths = lengths;
    history->capacity = capacity;
    return true;
}

static void append(struct ph_history *history, int64_t ticks, bool gap) {
    history->lengths[history->count++] = (uint32_t)ticks << 1 | gap;
    history->end_ticks += ticks;
}

/* Gaps for what lies between the last one and this. False when there cannot be so many, or so long ones. */
static bool bridge(struct ph_history *history, uint64_t number, int64_t start_ticks) {
    uint64_t missing = number - (history->first + history->count);
    int64_t between = start_ticks - history->end_ticks;
    if (number < history->first + history->count || missing > most_missing || between < (int64_t)missing ||
        (!missing && between) || (missing && between / (int64_t)missing >= INT32_MAX))
        return false;
    if (!make_room(history, missing + 1))
        return false;
    for (; missing; missing--) {
        append(history, between / (int64_t)missing, true);
        between = start_ticks - history->end_ticks;
    }
    return true;
}

void ph_history_reach(struct ph_history *history, uint64_t number, int64_t start_ticks) {
    if (!history->count || !bridge(history, number, start_ticks))
        begin_anew(history, number, start_ticks);
}

void ph_history_add(
    struct ph_history *history, uint64_t number, int64_t start_ticks, int64_t duration_ticks, bool gap) {
    ph_history_reach(history, number, start_ticks);
    if (duration_ticks > 0 && duration_ticks < INT32_MAX && make_room(history, 1))
        append(history, duration_ticks, gap);
    else
        begin_anew(history, number + 1, start_ticks + duration_ticks);
}

void ph_history_lose(struct ph_history *history, uint64_t from, uint64_t to) {
    if (from < history->first)
        from = history->first;
    if (to > history->first + history->count)
        to = history->first + history->count;
    for (uint64_t number = from; number < to; number++) {
        history->lengths[number - history->first] |= 1;
        history->revision++;
    }
}

bool ph_history_has(const struct ph_history *history, uint64_t number) {
    return number >= history->first && number - history->first < history->count &&
           !ph_history_is_gap(history->lengths[number - history->first]);
}
