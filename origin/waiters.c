#include "origin/waiters.h"

#include <stdlib.h>
#include <utlist.h>

static struct ph_waiter_group *find_group(
    struct ph_waiters *waiters, enum ph_wait_kind kind, uint32_t track, struct ph_part_position until) {
    struct ph_waiter_group *group;
    LL_FOREACH(waiters->groups, group) {
        if (group->kind == kind && group->track == track &&
            ph_part_position_compare(group->until, until) == 0)
            return group;
    }
    group = calloc(1, sizeof(*group));
    if (!group)
        return NULL;
    group->kind = kind;
    group->track = track;
    group->until = until;
    LL_PREPEND(waiters->groups, group);
    return group;
}

static int reserve(struct ph_waiter_group *group) {
    if (group->count < group->capacity)
        return 0;
    size_t capacity = group->capacity ? group->capacity * 2 : 16;
    struct ph_waiter *list = realloc(group->waiters, capacity * sizeof(*list));
    if (!list)
        return -ENOMEM;
    group->waiters = list;
    group->capacity = capacity;
    return 0;
}

int ph_waiters_add(struct ph_waiters *waiters, enum ph_wait_kind kind, uint32_t track,
    struct ph_part_position until, struct ph_http_hold *hold, const struct ph_playback_claims *claims) {
    struct ph_waiter_group *group = find_group(waiters, kind, track, until);
    if (!group || reserve(group))
        return -ENOMEM; /* an empty group goes with the next sweep */
    struct ph_waiter waiter = {.hold = hold, .claims = claims ? malloc(sizeof(*claims)) : NULL};
    if (claims && !waiter.claims)
        return -ENOMEM;
    if (claims)
        *waiter.claims = *claims;
    group->waiters[group->count++] = waiter;
    return 0;
}

static bool is_for_multivariant(const struct ph_waiter_group *group) {
    return group->kind == PH_WAIT_MULTIVARIANT || group->kind == PH_WAIT_PAST_MULTIVARIANT;
}

static bool is_over(const struct ph_waiter_group *group, uint32_t track, const struct ph_edge *edge) {
    if (group->track != track || is_for_multivariant(group))
        return false;
    return edge->ended || ph_edge_contains(edge, group->until);
}

struct ph_waiter_group *ph_waiters_detach(
    struct ph_waiters *waiters, uint32_t track, const struct ph_edge *edge) {
    struct ph_waiter_group *detached = NULL, *group, *following;
    LL_FOREACH_SAFE(waiters->groups, group, following) {
        if (!is_over(group, track, edge))
            continue;
        LL_DELETE(waiters->groups, group);
        LL_PREPEND(detached, group);
    }
    return detached;
}

struct ph_waiter_group *ph_waiters_detach_multivariant(struct ph_waiters *waiters) {
    struct ph_waiter_group *detached = NULL, *group, *following;
    LL_FOREACH_SAFE(waiters->groups, group, following) {
        if (!is_for_multivariant(group))
            continue;
        LL_DELETE(waiters->groups, group);
        LL_PREPEND(detached, group);
    }
    return detached;
}

struct ph_waiter_group *ph_waiters_detach_all(struct ph_waiters *waiters) {
    struct ph_waiter_group *all = waiters->groups;
    waiters->groups = NULL;
    return all;
}

static void group_destroy(struct ph_waiter_group *group) {
    for (size_t i = 0; i < group->count; i++)
        free(group->waiters[i].claims);
    free(group->waiters);
    free(group);
}

void ph_waiters_sweep(struct ph_waiters *waiters) {
    struct ph_waiter_group *group, *following;
    LL_FOREACH_SAFE(waiters->groups, group, following) {
        size_t kept = 0;
        for (size_t i = 0; i < group->count; i++) {
            struct ph_waiter waiter = group->waiters[i];
            if (!ph_http_hold_is_over(waiter.hold)) {
                group->waiters[kept++] = waiter;
                continue;
            }
            ph_http_hold_drop(waiter.hold);
            free(waiter.claims);
        }
        group->count = kept;
        if (kept)
            continue;
        LL_DELETE(waiters->groups, group);
        group_destroy(group);
    }
}

/* Moves the wanted of one group into `taken`, which has room for all of it. */
static void take_from(struct ph_waiter_group *group, struct ph_waiter_group *taken,
    bool (*is_wanted)(void *opaque, const struct ph_playback_claims *claims), void *opaque) {
    size_t kept = 0;
    for (size_t i = 0; i < group->count; i++) {
        struct ph_waiter waiter = group->waiters[i];
        if (waiter.claims && is_wanted(opaque, waiter.claims))
            taken->waiters[taken->count++] = waiter;
        else
            group->waiters[kept++] = waiter;
    }
    group->count = kept;
}

struct ph_waiter_group *ph_waiters_take(struct ph_waiters *waiters,
    bool (*is_wanted)(void *opaque, const struct ph_playback_claims *claims), void *opaque) {
    struct ph_waiter_group *group, *taken = calloc(1, sizeof(*taken));
    size_t count = 0;
    LL_FOREACH(waiters->groups, group) {
        count += group->count;
    }
    if (taken && count)
        taken->waiters = calloc(count, sizeof(*taken->waiters));
    if (!taken || !taken->waiters) {
        free(taken);
        return NULL;
    }
    LL_FOREACH(waiters->groups, group) {
        take_from(group, taken, is_wanted, opaque);
    }
    return taken;
}

void ph_waiters_count(const struct ph_waiters *waiters, size_t counts[PH_WAIT_KINDS]) {
    const struct ph_waiter_group *group;
    LL_FOREACH(waiters->groups, group) {
        counts[group->kind] += group->count;
    }
}

void ph_waiter_group_release(struct ph_waiter_group *group, struct ph_http_response *response) {
    for (size_t i = 0; i < group->count; i++)
        ph_http_hold_release(group->waiters[i].hold, response);
    group_destroy(group);
}
