/* Calls of the API, off the HTTP server's threads: a request is held, a few threads of the API answer it, and
 * its deadline answers when they cannot. So no action of the API delays a playlist.
 *
 * Lifetime: create → add routes (before the server starts) → the server is drained → destroy. */
#ifndef PH_API_DISPATCH_H
#define PH_API_DISPATCH_H

#include "api/auth.h"
#include "api/call.h"
#include "api/rate_limits.h"
#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/http/server.h"

enum { PH_MOST_API_BODY_BYTES = 16384 };
#define PH_SHARED_ANSWER_US (1 * PH_SECOND_US)

/* Answers a call; NULL when out of memory. On a route with `piece_bytes` it is called for each phase of the
 * body (enum ph_http_phase), with the caller that was known at its head: NULL then lets the body go on, until
 * the last of it. */
typedef struct ph_http_response *ph_api_action(void *opaque, const struct ph_api_call *call);

struct ph_api_route {
    const char *method, *pattern;
    const char *name; /* label `call` of the latency metric */
    ph_api_action *action;
    struct ph_call_wants wants; /* what of the query and the headers the action reads */
    size_t most_body_bytes;     /* 0: PH_MOST_API_BODY_BYTES */
    size_t piece_bytes;         /* 0: bodies come whole */
    enum ph_rate_class rate;    /* counted beside PH_RATE_CALLS; 0: that alone */
    /* Callers without token and query share an answer for PH_SHARED_ANSWER_US, which is not counted: what a
     * public page asks for again and again. */
    bool is_shared;
    bool takes_any_page; /* from pages of every origin: what it does needs no caller */
    bool is_audited;     /* what was done (2xx) is told to ph_dispatch_options.done */
    bool is_guarded;     /* a body is taken only behind a token that holds: of large ones */
    /* Adds what an answer to OPTIONS tells beside who may call; of a pattern's first route. NULL: nothing. */
    struct ph_http_response *(*describe)(struct ph_http_response *response);
    /* Adds what each answer of the route tells, refusals as well. NULL: nothing. */
    struct ph_http_response *(*mark)(struct ph_http_response *response);
    /* No action: X-HTTP-Method-Override says which route of the pattern is meant, for who can send no other
     * method. */
    bool is_override;
};

/* A call of an audited route was done; its caller does not know yet. */
typedef void ph_dispatch_done(void *opaque, const struct ph_api_call *call, const char *name);

struct ph_dispatch;
struct ph_dispatch_options {
    const struct ph_verifier *verifier; /* all borrowed */
    struct ph_clock *clock;
    struct ph_metrics *metrics;
    struct ph_rate_limits *limits; /* NULL: none */
    const char *trusted_proxies;
    const char *api_key; /* of the app; "" for none */
    const char *public_url;
    const char *cors_origins;
    ph_dispatch_done *done; /* NULL: nobody */
    void *done_opaque;
};

int ph_dispatch_create(struct ph_dispatch **dispatch, const struct ph_dispatch_options *options) PH_NODISCARD;
/* NULL is fine. */
void ph_dispatch_destroy(struct ph_dispatch *dispatch);
/* Borrows the routes, and the opaque of their actions, for the server's life. */
int ph_dispatch_add_routes(struct ph_dispatch *dispatch, struct ph_http_server *server,
    const struct ph_api_route *routes, size_t count, void *opaque) PH_NODISCARD;

#endif
