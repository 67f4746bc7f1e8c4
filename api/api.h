/* The control plane of one process: sessions, who may do what to them, and their REST interface.
 *
 * Lifetime: create (migrates the database) → add routes → the server serves → the server is drained and
 * ingest has stopped → stop → destroy. A process that carries sessions without serving the API (role ingest
 * alone) creates it too, for its feed, and adds no routes. */
#ifndef PH_API_API_H
#define PH_API_API_H

#include <stdbool.h>
#include <stdint.h>

#include "api/runtime.h"
#include "api/session_feed.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/base/settings.h"
#include "core/db/db.h"
#include "core/http/server.h"
#include "core/store/store.h"

struct ph_api;

struct ph_api_options {
    const struct ph_settings *settings; /* all borrowed for the API's life */
    struct ph_db *db;
    struct ph_metrics *metrics;
    struct ph_clock *clock;
    struct ph_api_runtime *runtime;
    struct ph_store *store; /* where recordings lie; NULL: they are not downloaded, nor removed, from here */
    bool carries_sessions;  /* ingest runs in this process alone: what is live in the database died with the
                               last one */
    uint16_t srt_port;      /* where publishers reach SRT; 0: the port of srt_listen */
};

/* A negative code with a sentence for the operator. */
int ph_api_create(
    struct ph_api **api, const struct ph_api_options *options, struct ph_error *error) PH_NODISCARD;
int ph_api_add_routes(struct ph_api *api, struct ph_http_server *server) PH_NODISCARD;
/* Begins to tell the origins (base URLs, comma-separated) whose access has ended; the server serves already.
 */
int ph_api_start(struct ph_api *api, const char *origins) PH_NODISCARD;
/* Writes what ingest said last; the runtime is not called after it. After the server's drain. */
void ph_api_stop(struct ph_api *api);
/* NULL is fine. */
void ph_api_destroy(struct ph_api *api);

/* On SIGHUP: looks at the keys of tokens again. */
void ph_api_reload(struct ph_api *api);
/* Where ingest's events go; lives as long as the API. */
struct ph_session_feed *ph_api_feed(struct ph_api *api);
/* 0, or -EAGAIN with a sentence while the database does not answer. Never waits. */
int ph_api_health(struct ph_api *api, struct ph_error *error) PH_NODISCARD;

#endif
