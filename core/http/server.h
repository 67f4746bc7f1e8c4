/* HTTP/1.1 server on libmicrohttpd: epoll, a small thread pool, routes, request bodies, shared responses, and
 * requests that are held until something happens.
 *
 * Lifetime of a server: create → add_route … → start → drain → destroy. Handlers run on the server's threads
 * and must not block: what takes long is held (ph_http_request_hold) and answered from another thread. */
#ifndef PH_HTTP_SERVER_H
#define PH_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/http/response.h"
#include "core/http/tally.h"

struct ph_http_server;
struct ph_http_request;
struct ph_http_hold;

struct ph_http_server_options {
    const char *listen; /* "0.0.0.0:8080", "[::]:8080"; port 0 takes a free one */
    unsigned threads;   /* 0: one for each core, 4 at most */
    /* 0: what RLIMIT_NOFILE allows, less a reserve; lifts its soft limit to the hard one. */
    unsigned most_connections;
    /* 0: 30 s. Also bounds a whole head or body (slow-loris); each 16 KiB of a body, or of
       its piece, earn another second. */
    int64_t idle_timeout_us;
    struct ph_metrics *metrics; /* borrowed; requests by kind and status, held requests, bytes */
};

/* What a handler is called with. Routes without `piece_bytes` know PH_HTTP_LAST alone, with all of the body;
 * else a request goes HEAD, PIECE …, LAST, or ends with CUT. On a HEAD or a PIECE the handler returns, or
 * holds the request, and nothing more is read of the body until the hold is released: with NULL to let it go
 * on. An answer then refuses the request: at the head it goes out at once when much would still come; in the
 * middle once the rest has passed, since a peer that is cut off never hears why. */
enum ph_http_phase {
    PH_HTTP_LAST,  /* the rest of the body; nothing of one that is empty */
    PH_HTTP_HEAD,  /* the body is yet to come */
    PH_HTTP_PIECE, /* `piece_bytes` of it */
    PH_HTTP_CUT,   /* what had come when the peer went, maybe nothing; nobody hears an answer */
};

/* Answers with ph_http_respond() or holds the request; one that does neither with the last of it gets a 500.
 */
typedef void ph_http_handler(struct ph_http_request *request, void *opaque);

/* Looks at a request whose body has not come yet: NULL lets it come; a response (given away) refuses it, and
 * the body is not kept. Must not block. */
typedef struct ph_http_response *ph_http_judge(struct ph_http_request *request, void *opaque);

struct ph_http_route {
    const char *method;  /* "GET" (answers HEAD too), "PUT", …; NULL: any */
    const char *pattern; /* "/live/{session}/{track}/{file}"; a last segment "{path...}" takes the rest with
                            slashes */
    const char *kind;    /* label `kind` of the request metrics: "playlist", "part", "api" */
    ph_http_handler *handler;
    void *opaque;           /* borrowed for the server's life */
    size_t most_body_bytes; /* 0: a body is refused with 413 */
    bool cors;              /* answers OPTIONS preflights and adds Access-Control-Allow-Origin: * */
    ph_http_judge *judge;   /* NULL: every body of that size may come */
    size_t piece_bytes;     /* 0: bodies are kept whole in memory; else no more than this of them */
};

int ph_http_server_create(struct ph_http_server **server, const struct ph_http_server_options *options,
    struct ph_error *error) PH_NODISCARD;
/* Copies the route. A literal segment beats a parameter. Before start only. */
int ph_http_server_add_route(struct ph_http_server *server, const struct ph_http_route *route) PH_NODISCARD;
/* Binds and serves. -EADDRINUSE and the like with a sentence in `error`. */
int ph_http_server_start(struct ph_http_server *server, struct ph_error *error) PH_NODISCARD;
/* The port it listens on. */
uint16_t ph_http_server_port(const struct ph_http_server *server);
/* Stops listening, answers every held request (its deadline's response) and waits for connections to finish
 * until the deadline (ph_now_us() time). */
void ph_http_server_drain(struct ph_http_server *server, int64_t deadline_us);
/* After drain, or for a server never started. NULL is fine. */
void ph_http_server_destroy(struct ph_http_server *server);

/* What a request says; strings live as long as the request. */
const char *ph_http_request_method(const struct ph_http_request *request);
const char *ph_http_request_path(const struct ph_http_request *request);
/* The pattern's parameter, percent-decoded; never NULL for a name in the pattern. */
const char *ph_http_request_param(const struct ph_http_request *request, const char *name);
/* The query's value, percent-decoded; "" when given without one; NULL when absent. */
const char *ph_http_request_query(const struct ph_http_request *request, const char *name);
const char *ph_http_request_header(const struct ph_http_request *request, const char *name);
/* The token of `Authorization: Bearer`, or NULL. */
const char *ph_http_request_bearer(const struct ph_http_request *request);
enum ph_http_phase ph_http_request_phase(const struct ph_http_request *request);
/* The whole body, or of one that comes in pieces this one; empty when there is none. */
struct ph_slice ph_http_request_body(const struct ph_http_request *request);
/* The body as a reference of its own, without a copy; the caller owns it. Never NULL after a complete body.
 */
struct ph_bytes *ph_http_request_body_ref(struct ph_http_request *request);
/* How many bytes of the body came before this piece. */
uint64_t ph_http_request_body_offset(const struct ph_http_request *request);
/* How many bytes the body is going to have; UINT64_MAX when that is not told. */
uint64_t ph_http_request_body_announced(const struct ph_http_request *request);
/* Keeps something of the handler's between a request's phases; `release` is called when the request has
 * ended. Once at most. */
void ph_http_request_keep(struct ph_http_request *request, void *kept, void (*release)(void *kept));
/* NULL: nothing was kept. */
void *ph_http_request_kept(const struct ph_http_request *request);
/* The peer's address without port, "203.0.113.9". */
const char *ph_http_request_peer(const struct ph_http_request *request);

/* The request's answer, now or once it was held, is added to the tally. Takes a reference. Once at most,
 * before the answer. */
void ph_http_request_tally(struct ph_http_request *request, struct ph_http_tally *tally);

/* Answers. Borrows the response: the server takes its own reference, so one response may answer thousands of
 * requests. Handles on its own: HEAD, If-None-Match (304) against the response's ETag, Range (206, 416) on
 * 200s that allow it, and gzip when the response carries a compressed twin and the client accepts it (RFC
 * 9110). */
void ph_http_respond(struct ph_http_request *request, struct ph_http_response *response);

/* Holds the request: the handler returns without answering, and the answer comes later from any thread by
 * ph_http_hold_release(). At `deadline_us` the server answers with `on_deadline` (a reference is taken). The
 * caller owns one reference on the hold and must give it up with release or drop. -ENOMEM, or -ESHUTDOWN
 * while draining: then answer at once. */
int ph_http_request_hold(struct ph_http_request *request, int64_t deadline_us,
    struct ph_http_response *on_deadline, struct ph_http_hold **hold) PH_NODISCARD;
/* Answers a held request (borrows the response; NULL lets a body in pieces go on), unless its deadline or the
 * drain came first. Gives up the
 * caller's reference in any case. Cheap: safe to call thousands of times in a row; never under a lock of the
 * caller's that a handler takes. */
void ph_http_hold_release(struct ph_http_hold *hold, struct ph_http_response *response);
/* Gives up the reference without answering: the deadline will. */
void ph_http_hold_drop(struct ph_http_hold *hold);
/* Whether it has been answered already (by deadline or drain), so that waiters can be swept. */
bool ph_http_hold_is_over(const struct ph_http_hold *hold);

#endif
