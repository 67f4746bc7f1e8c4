/* The origin: takes parts from workers, keeps the live window and its playlists, writes the spool, answers
 * viewers.
 *
 * Lifetime: create → restore → add_routes → start → (server starts) … drain → (server drains and is
 * destroyed) → destroy. Threads of its own: "spool" (spool.h), the archive's (archive/archive.h) and
 * "origin-tick", which expires media, ends idle sessions and retires ended ones. */
#ifndef PH_ORIGIN_ORIGIN_H
#define PH_ORIGIN_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/http/server.h"
#include "core/store/store.h"
#include "origin/archive/catalogue.h"

struct ph_origin;

struct ph_origin_options {
    const char *data_dir;                   /* the spool lives in <data_dir>/spool */
    struct ph_slice secret;                 /* of publish tokens; copied */
    uint32_t spool_most_mib;                /* 0: 4096 */
    uint64_t spool_memory_bytes;            /* for what the disk has not and viewers need no more */
    int64_t idle_us;                        /* 0: 90 s; a publication without a PUT for longer is ended */
    int64_t keep_ended_us;                  /* 0: 5 minutes; how long an ended session is served */
    struct ph_store *store;                 /* of the archive; NULL: nothing is kept. Borrowed */
    struct ph_archive_catalogue *catalogue; /* NULL: nobody is told of recordings. Borrowed */
    struct ph_clock *clock;                 /* NULL: the system's; borrowed */
    struct ph_metrics *metrics;             /* borrowed */
};

/* Makes the spool's folder. On failure `error` says what to do. */
int ph_origin_create(
    struct ph_origin **origin, const struct ph_origin_options *options, struct ph_error *error) PH_NODISCARD;
/* Reads the sessions back from the spool, once, before the server starts. */
int ph_origin_restore(struct ph_origin *origin, struct ph_error *error) PH_NODISCARD;
/* /live/…, /publish/… and with a store /vod/…; the origin outlives the server. */
int ph_origin_add_routes(struct ph_origin *origin, struct ph_http_server *server) PH_NODISCARD;
int ph_origin_start(struct ph_origin *origin) PH_NODISCARD;
/* Stops the threads, writes what is left to the spool until the deadline (ph_now_us() time) and answers every
 * held request; playlists of sessions that have ended keep being served. What is published afterwards gets
 * 507. */
void ph_origin_drain(struct ph_origin *origin, int64_t deadline_us);
/* After the server is gone and the store was cancelled. NULL is fine. */
void ph_origin_destroy(struct ph_origin *origin);

/* For /health: writes a sentence and returns whether all is well. `origin` is a struct ph_origin *. */
bool ph_origin_health(void *origin, char *text, size_t text_bytes);
/* A recording was deleted: nothing of it comes out of this origin's memory any more, and a session of it that
 * has ended is not served on. Others notice within half a minute. */
void ph_origin_forget_recording(struct ph_origin *origin, const char *recording);
/* Ends a session as its DELETE does. -ENOENT when there is none. */
int ph_origin_end_session(struct ph_origin *origin, const char *session) PH_NODISCARD;

enum { PH_ORIGIN_MOST_TRAFFIC = 512 };

/* What viewers of a session were sent: their requests, and the bytes of the answers' bodies. */
struct ph_origin_traffic {
    char session[65];
    uint64_t playlist_requests, playlist_bytes;
    uint64_t media_requests, media_bytes;
    /* What their players told with requests for media (CMCD, CTA-5004): how many told, after how many a
     * buffer had run dry, and counts and sums of the figures. */
    uint64_t told, starved;
    uint64_t bitrates, bitrates_kbps;
    uint64_t throughputs, throughputs_kbps;
};

/* What was sent since it was taken last, of the sessions of which something was; `traffic` has room for
 * PH_ORIGIN_MOST_TRAFFIC. How many. */
size_t ph_origin_take_traffic(struct ph_origin *origin, struct ph_origin_traffic *traffic);
/* It could not be kept: it comes again with the next. Lost when the session is gone meanwhile. */
void ph_origin_give_traffic_back(struct ph_origin *origin, const struct ph_origin_traffic *traffic);

#endif
