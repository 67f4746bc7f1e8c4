/* What the origin's files share among themselves. */
#ifndef PH_ORIGIN_ORIGIN_PRIVATE_H
#define PH_ORIGIN_ORIGIN_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "origin/archive/archive.h"
#include "origin/origin.h"
#include "origin/sessions.h"
#include "origin/spool.h"
#include "origin/vod/vod.h"

struct ph_origin {
    struct ph_bytes *secret; /* constant, as all down to metrics */
    int64_t idle_us;
    int64_t keep_ended_us;
    struct ph_clock *clock;
    struct ph_origin_sessions *sessions;
    struct ph_spool *spool;
    struct ph_vod *vod;                     /* NULL without a store */
    struct ph_archive *archive;             /* NULL without a store */
    struct ph_archive_catalogue *catalogue; /* borrowed; NULL: there is none */
    struct ph_origin_metrics metrics;
    atomic_bool draining;

    struct ph_ticker *ticker; /* NULL: not started, or stopped */
};

int ph_publish_add_routes(struct ph_origin *origin, struct ph_http_server *server) PH_NODISCARD;
int ph_delivery_add_routes(struct ph_origin *origin, struct ph_http_server *server) PH_NODISCARD;

#endif
