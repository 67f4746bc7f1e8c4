/* Calls of the API, off the HTTP server's threads: a request is held, a few threads of the API answer it, and
 * its deadline answers when they cannot. So no action of the API delays a playlist.
 *
 * Lifetime: create → add routes (before the server starts) → the server is drained → destroy. */
#ifndef PH_API_DISPATCH_H
#define PH_API_DISPATCH_H

#include "api/auth.h"
#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/base/random.h"
#include "core/http/server.h"

enum { PH_MOST_API_BODY_BYTES = 16384, PH_MOST_QUERY_BYTES = 128 };

/* A call, copied from its request. */
struct ph_api_call {
    struct ph_caller caller;
    char id[PH_SESSION_ID_BYTES];     /* the path's {id}; "" when there is none or it is no session's id */
    char cursor[PH_MOST_QUERY_BYTES]; /* the query's values; "" when absent */
    char limit[PH_MOST_QUERY_BYTES];
    struct ph_bytes *body; /* NULL without one */
};

/* Answers a call; NULL when out of memory. */
typedef struct ph_http_response *ph_api_action(void *opaque, const struct ph_api_call *call);

struct ph_api_route {
    const char *method, *pattern;
    const char *name; /* label `call` of the latency metric */
    ph_api_action *action;
};

struct ph_dispatch;
struct ph_dispatch_options {
    const struct ph_verifier *verifier; /* all borrowed */
    struct ph_clock *clock;
    struct ph_metrics *metrics;
    void *opaque; /* of the actions */
};

int ph_dispatch_create(struct ph_dispatch **dispatch, const struct ph_dispatch_options *options) PH_NODISCARD;
/* NULL is fine. */
void ph_dispatch_destroy(struct ph_dispatch *dispatch);
/* Borrows the route for the server's life. */
int ph_dispatch_add_route(struct ph_dispatch *dispatch, struct ph_http_server *server,
    const struct ph_api_route *route) PH_NODISCARD;

#endif
