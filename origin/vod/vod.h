/* Recordings for viewers (/vod/…), and segments of live sessions that have left the window.
 *
 * What is in memory is answered at once. For anything else the request is held and one of a few threads
 * fetches from the store; who asks for the same meanwhile is answered with it. Everything is bounded: bytes
 * in memory, threads, and what waits for them (503 beyond).
 *
 * Lifetime: create → add_routes → start → drain → (server destroyed, store cancelled) → destroy. */
#ifndef PH_ORIGIN_VOD_VOD_H
#define PH_ORIGIN_VOD_VOD_H

#include <stdint.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/http/server.h"
#include "core/store/store.h"
#include "origin/access.h"
#include "origin/vod/wish.h"

struct ph_vod;

struct ph_vod_options {
    struct ph_store *store; /* borrowed, as all that follow */
    struct ph_slice secret; /* of playback tokens */
    /* Whether the access was ended of who brings a token that holds; NULL: nobody's. Any thread. */
    bool (*is_revoked)(void *opaque, const char *recording, const struct ph_playback_claims *claims);
    /* Whether it was deleted, though its objects may be there yet; NULL: nobody knows. The threads' own,
     * asked when they have a fresh look; may wait for a database. */
    bool (*is_deleted)(void *opaque, const char *recording);
    void *opaque;
    uint32_t threads;      /* 0: 4 */
    uint32_t most_waiting; /* 0: 256 fetches */
    uint64_t most_bytes;   /* 0: 128 MiB */
    struct ph_clock *clock;
    struct ph_metrics *metrics;
};

int ph_vod_create(struct ph_vod **vod, const struct ph_vod_options *options) PH_NODISCARD;
int ph_vod_add_routes(struct ph_vod *vod, struct ph_http_server *server) PH_NODISCARD;
int ph_vod_start(struct ph_vod *vod) PH_NODISCARD;
/* Answers all who wait; what is asked for later and is not in memory gets 503. */
void ph_vod_drain(struct ph_vod *vod);
/* NULL is fine. */
void ph_vod_destroy(struct ph_vod *vod);

/* The recording was deleted: nothing of it comes out of memory any more. Other nodes notice within
 * PH_SHELF_STALE_US. */
void ph_vod_forget(struct ph_vod *vod, const char *recording);

/* Answers or holds the request, whose token was checked. */
void ph_vod_answer(struct ph_vod *vod, struct ph_http_request *request, const struct ph_vod_wish *wish);
/* The same for an object that is known already. */
void ph_vod_answer_object(
    struct ph_vod *vod, struct ph_http_request *request, const struct ph_vod_object *object);
/* Whether the token lets its bearer have the recording; `token` NULL: none. */
enum ph_access_verdict ph_vod_judge(const struct ph_vod *vod, const char *recording, const char *token);

#endif
