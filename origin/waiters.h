/* Held requests of a session, by what they wait for.
 *
 * Waiters have no lock of their own: they are guarded by the lock of who embeds them (ph_session.lock).
 * Groups that may be answered are detached under that lock and released outside it.
 *
 * Lifetime of a held request: ph_http_request_hold → ph_waiters_add → detached with its group →
 * ph_waiter_groups_release; one whose deadline came first is dropped by ph_waiters_sweep. */
#ifndef PH_ORIGIN_WAITERS_H
#define PH_ORIGIN_WAITERS_H

#include <stddef.h>
#include <stdint.h>

#include "core/http/server.h"
#include "core/media/playback_token.h"
#include "origin/edge.h"

enum ph_wait_kind {
    PH_WAIT_PLAYLIST_BLOCKING, /* of a track's playlist its forms, in this order */
    PH_WAIT_PLAYLIST_PLAIN,
    PH_WAIT_DELTA_BLOCKING,
    PH_WAIT_DELTA_PLAIN,
    PH_WAIT_PAST_BLOCKING, /* the same, back to the session's start */
    PH_WAIT_PAST_PLAIN,
    PH_WAIT_PAST_DELTA_BLOCKING,
    PH_WAIT_PAST_DELTA_PLAIN,
    PH_WAIT_PART,
    PH_WAIT_MULTIVARIANT,
    PH_WAIT_PAST_MULTIVARIANT,
    PH_WAIT_DURABLE, /* a publisher, until the segment is on disk */
    PH_WAIT_KINDS,
};

struct ph_waiter {
    struct ph_http_hold *hold;
    struct ph_playback_claims *claims; /* by which a viewer was let in; NULL where none are needed */
};

/* Those who get the same answer. */
struct ph_waiter_group {
    struct ph_waiter_group *next;
    enum ph_wait_kind kind;
    uint32_t track;
    struct ph_part_position until;
    struct ph_waiter *waiters;
    size_t count;
    size_t capacity;
};

struct ph_waiters {
    struct ph_waiter_group *groups; /* few: a request can only ask a little ahead */
};

/* Takes the hold over on success, and copies the claims (NULL: none). 0 or -ENOMEM: then the hold stays the
 * caller's. */
int ph_waiters_add(struct ph_waiters *waiters, enum ph_wait_kind kind, uint32_t track,
    struct ph_part_position until, struct ph_http_hold *hold,
    const struct ph_playback_claims *claims) PH_NODISCARD;
/* Takes out the track's groups whose wait is over at this edge; who waits for a multivariant playlist waits
 * for more than one track and stays. The groups are a list of the caller's. */
struct ph_waiter_group *ph_waiters_detach(
    struct ph_waiters *waiters, uint32_t track, const struct ph_edge *edge);
struct ph_waiter_group *ph_waiters_detach_multivariant(struct ph_waiters *waiters);
struct ph_waiter_group *ph_waiters_detach_all(struct ph_waiters *waiters);
/* Takes out those of whom the predicate holds, as one group of no kind; NULL: none, or out of memory. */
struct ph_waiter_group *ph_waiters_take(struct ph_waiters *waiters,
    bool (*is_wanted)(void *opaque, const struct ph_playback_claims *claims), void *opaque);
/* Drops holds that have been answered by their deadline. */
void ph_waiters_sweep(struct ph_waiters *waiters);
/* Adds what is held to `counts`. */
void ph_waiters_count(const struct ph_waiters *waiters, size_t counts[PH_WAIT_KINDS]);

/* Answers every hold of the group with the response (borrowed; NULL answers 500) and frees the group. */
void ph_waiter_group_release(struct ph_waiter_group *group, struct ph_http_response *response);

#endif
