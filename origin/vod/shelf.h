/* What was fetched, kept in memory for who asks next: bounded in bytes, and what was not asked for the
 * longest goes first. And who waits for what is being fetched, so that it is fetched once for all.
 *
 * A name on the shelf:
 *   wanted   ph_shelf_take said so to one caller, who fetches; who asks meanwhile waits
 *   kept     ph_shelf_put: lent to everybody, until it is pushed out or forgotten
 * What ages (manifests) is lent for a while, then lent while one caller has a fresh look, and after a longer
 * while wanted again.
 *
 * One lock inside; calls from any thread. */
#ifndef PH_ORIGIN_VOD_SHELF_H
#define PH_ORIGIN_VOD_SHELF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/http/response.h"

struct ph_shelf;
struct ph_vod_recording;

enum { PH_SHELF_NAME_BYTES = 256 };
#define PH_SHELF_FRESH_US (10 * PH_SECOND_US)
#define PH_SHELF_STALE_US (30 * PH_SECOND_US)

/* Immutable but for its count: a file's answer, or a recording. */
struct ph_shelf_item {
    atomic_uint references;
    uint64_t cost_bytes;
    struct ph_http_response *response;  /* owned; NULL for a recording */
    struct ph_vod_recording *recording; /* owned; NULL for a file; ages */
};

/* Takes both over, on success and on failure. NULL when out of memory or when both are NULL. */
struct ph_shelf_item *ph_shelf_item_create(
    struct ph_http_response *response, struct ph_vod_recording *recording, uint64_t cost_bytes);
struct ph_shelf_item *ph_shelf_item_ref(struct ph_shelf_item *item);
/* Drops the reference and sets the pointer to NULL; NULL is fine. */
void ph_shelf_item_unref(struct ph_shelf_item **item);

/* One who waits; the caller embeds it first. */
struct ph_shelf_waiter {
    struct ph_shelf_waiter *next;
};

enum ph_shelf_verdict {
    PH_SHELF_KEPT,    /* `item` is a reference; the waiter was not taken */
    PH_SHELF_AGED,    /* the same, and the caller is to have a fresh look */
    PH_SHELF_WAITING, /* the waiter was taken: it comes out of somebody's put */
    PH_SHELF_WANTED,  /* the same, and the caller is to fetch; `item`: what was kept for too long, or NULL */
    PH_SHELF_MISSING, /* nothing was done: no waiter was given, or there is no memory for a name */
};

int ph_shelf_create(struct ph_shelf **shelf, uint64_t most_bytes) PH_NODISCARD;
/* Nobody waits any more. NULL is fine. */
void ph_shelf_destroy(struct ph_shelf *shelf);

/* `waiter` NULL: only looks. */
enum ph_shelf_verdict ph_shelf_take(struct ph_shelf *shelf, const char *name, int64_t now_us,
    struct ph_shelf_waiter *waiter, struct ph_shelf_item **item);
/* What was fetched (takes a reference), or NULL: there is nothing. Returns who waited. */
struct ph_shelf_waiter *ph_shelf_put(
    struct ph_shelf *shelf, const char *name, int64_t now_us, struct ph_shelf_item *item);
/* Drops what is kept under names that begin so; what is being fetched will not be kept. */
void ph_shelf_forget(struct ph_shelf *shelf, const char *prefix);
/* All who wait. */
struct ph_shelf_waiter *ph_shelf_give_up(struct ph_shelf *shelf);
uint64_t ph_shelf_bytes(struct ph_shelf *shelf);

#endif
