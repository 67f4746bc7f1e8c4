/* The inside of a server and of the request a connection is at.
 *
 * Phases of a request (all in its connection's own thread):
 *   head      begin(): route, parameters and body policy are known; may already be refused
 *   body      receive(): the body is gathered, or thrown away when the request is refused; one that comes in
 *             pieces goes to the handler piece by piece, and the connection may be suspended in between
 *   complete  answer(): the refusal, or the handler, which answers or holds
 *   held      the connection is suspended (hold.c); afterwards answer() again, with the hold's answer
 *   streaming the answer goes on (stream.c); in between the connection is suspended
 *   ended     end(): the reply is sent or the connection broke; the connection may bring another request */
#ifndef PH_HTTP_REQUEST_H
#define PH_HTTP_REQUEST_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "core/base/builder.h"
#include "core/http/acceptor.h"
#include "core/http/connections.h"
#include "core/http/hold.h"
#include "core/http/request_metrics.h"
#include "core/http/router.h"
#include "core/http/server.h"
#include "core/http/stream_sending.h"
#include "core/http/tally.h"

enum { request_text_bytes = 1024 };

/* A route as the server keeps it. */
struct ph_http_endpoint {
    struct ph_http_endpoint *next;
    bool takes_any_method;
    bool cors;
    size_t most_body_bytes;
    size_t piece_bytes;
    ph_http_judge *judge; /* NULL: nobody judges */
    ph_http_handler *handler;
    void *opaque; /* borrowed */
    struct ph_request_metrics *metrics;
};

struct ph_http_server {
    char *listen;
    unsigned threads;
    unsigned most_connections;
    int64_t idle_timeout_us;
    struct ph_metrics *metrics;
    struct ph_router *router;
    struct ph_http_endpoint *endpoints;
    struct ph_request_metrics *unmatched; /* of requests that no route took */
    struct ph_http_response *broken;      /* 500, made early: it must not need memory */
    struct ph_bytes *nothing;             /* the body of a request without one */
    struct ph_holds *holds;
    struct ph_connections *connections;
    struct ph_acceptor *acceptor; /* NULL when not listening */
    struct ph_metric *refused;    /* borrowed; connections over the limit; may be NULL */
    struct MHD_Daemon *daemon;
    uint16_t port;
    bool drained;
};

/* A decoded text of a request that found no room in its buffer. */
struct ph_request_text {
    struct ph_request_text *next;
    char text[];
};

struct ph_http_request {
    struct ph_http_server *server;
    struct ph_connection *peer;
    struct MHD_Connection *connection;
    const char *method;
    const char *path;
    int64_t started_us;
    const struct ph_http_endpoint *endpoint; /* NULL: no route */
    struct ph_router_match match;
    struct ph_http_response *refusal; /* owned; answers instead of the handler */
    bool refused;                     /* also when there was no memory for `refusal` */
    bool unclear;                     /* where it ends */
    bool answered;
    bool was_held;
    bool has_begun; /* the handler saw the head of a body in pieces */
    enum ph_http_phase phase;
    struct ph_http_hold *hold;     /* owned reference while held */
    struct ph_http_stream *stream; /* owned reference while it is the answer */
    struct ph_http_tally *tally;   /* owned reference; NULL: nobody keeps account of it */
    void *kept;                    /* the handler's; NULL for nothing */
    void (*release_kept)(void *kept);
    uint64_t received_bytes;
    uint64_t piece_first;       /* bytes that came before the piece; 0 of a body that comes whole */
    int64_t piece_started_us;   /* when the peer had to send it */
    struct ph_bytes *body;      /* owned; being filled, or complete */
    size_t body_size;           /* of `body`: from Content-Length, or of a piece */
    struct ph_builder gathered; /* a body without Content-Length */
    size_t text_used;
    struct ph_request_text *texts;
    char text[request_text_bytes]; /* decoded path, then decoded query values */
};

/* A connection and the request it is at. */
struct ph_http_link {
    struct ph_connection connection;
    struct ph_http_request request;
};

/* libmicrohttpd's callbacks; their opaque is the server. */
enum MHD_Result ph_http_on_request(void *opaque, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size, void **context);
void ph_http_on_request_end(
    void *opaque, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why);
void ph_http_on_connection(void *opaque, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what);

/* Whether every value of the query is well percent-encoded. */
bool ph_http_request_query_is_valid(const struct ph_http_request *request);
/* Refuses the request: `refusal` (taken over, may be NULL for want of memory) answers once the body has
 * passed. */
void ph_http_request_refuse(struct ph_http_request *request, struct ph_http_response *refusal);

/* After the head. False when the body is not to be waited for: answer at once, which ends the connection. */
bool ph_http_body_begin(struct ph_http_request *request);
/* Whether the body of a request that is refused is waited for. */
bool ph_http_body_may_pass(const struct ph_http_request *request);
/* Takes the next bytes of a body, no more than its piece has room for; how many, or a failure when the
 * connection has to be cut. */
ssize_t ph_http_body_receive(struct ph_http_request *request, const char *upload, size_t upload_bytes);
/* Whether the piece is full: when more comes, it is not the last. */
bool ph_http_body_has_piece(const struct ph_http_request *request);
/* The handler is done with the piece: another begins. */
void ph_http_body_next_piece(struct ph_http_request *request);
/* The body is complete. */
void ph_http_body_finish(struct ph_http_request *request);

#endif
