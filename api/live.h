/* What goes on around a live session: its events, its viewers, its chat; made, routed and ended as one.
 *
 * Lifetime: create, before the sessions have any other caller → start, with the feed → add routes → the
 * server is drained, the dispatch and the feed have ended → stop → destroy. */
#ifndef PH_API_LIVE_H
#define PH_API_LIVE_H

#include "api/dispatch.h"
#include "api/session_feed.h"
#include "core/base/settings.h"

struct ph_live;

struct ph_live_options {
    const struct ph_settings *settings; /* all borrowed */
    struct ph_db *db;
    struct ph_sessions *sessions; /* observed from now on */
    struct ph_revoker *revoker;
    struct ph_clock *clock;
    struct ph_metrics *metrics;
};

int ph_live_create(struct ph_live **live, const struct ph_live_options *options) PH_NODISCARD;
/* The feed is borrowed; its sessions' figures are told. */
int ph_live_start(struct ph_live *live, struct ph_session_feed *feed) PH_NODISCARD;
int ph_live_add_routes(
    struct ph_live *live, struct ph_dispatch *dispatch, struct ph_http_server *server) PH_NODISCARD;
void ph_live_stop(struct ph_live *live);
/* NULL is fine. */
void ph_live_destroy(struct ph_live *live);

#endif
