/* From libmicrohttpd's callbacks to a route's handler: the phases of request.h. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/http/framing.h"
#include "core/http/request.h"

void ph_http_request_refuse(struct ph_http_request *request, struct ph_http_response *refusal) {
    ph_http_response_unref(&request->refusal);
    request->refusal = refusal;
    request->refused = true;
}

static const char preflight_headers[] =
    "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, Range";
static const char every_method[] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

static struct ph_http_response *make_options(const char *allow, bool cors) {
    struct ph_http_response *response = ph_http_response_create(204);
    if (!response)
        return NULL;
    int code = ph_http_response_add_header(response, "Allow", allow);
    if (!code && cors)
        code = ph_http_response_add_header(response, "Access-Control-Allow-Methods", allow);
    if (!code && cors)
        code = ph_http_response_add_header(response, "Access-Control-Allow-Headers", preflight_headers);
    if (!code && cors)
        code = ph_http_response_add_header(response, "Access-Control-Max-Age", "86400");
    if (code)
        ph_http_response_unref(&response);
    return response;
}

static struct ph_http_response *make_wrong_method(const char *allow) {
    struct ph_http_response *response =
        ph_http_response_problem(405, "Method Not Allowed", "This address takes other methods: see Allow.");
    if (response && ph_http_response_add_header(response, "Allow", allow))
        ph_http_response_unref(&response);
    return response;
}

static void refuse_by_verdict(struct ph_http_request *request) {
    bool is_options = strcmp(request->method, "OPTIONS") == 0;
    bool cors = request->endpoint && request->endpoint->cors;
    switch (request->match.verdict) {
    case PH_ROUTER_FOUND:
        if (is_options && cors && request->endpoint->takes_any_method)
            ph_http_request_refuse(request, make_options(every_method, true));
        return;
    case PH_ROUTER_NOT_FOUND:
        ph_http_request_refuse(
            request, ph_http_response_problem(404, "Not Found", "There is nothing at this address."));
        return;
    case PH_ROUTER_WRONG_METHOD:
        ph_http_request_refuse(request,
            is_options ? make_options(request->match.allow, cors) : make_wrong_method(request->match.allow));
        return;
    case PH_ROUTER_BAD_PATH:
        ph_http_request_refuse(
            request, ph_http_response_problem(400, "Bad Request", "The path is not a valid address."));
        return;
    case PH_ROUTER_TOO_LONG:
        ph_http_request_refuse(
            request, ph_http_response_problem(414, "URI Too Long", "The path is too long."));
        return;
    }
}

/* The path of an absolute-form target (RFC 9112 section 3.2.2), which proxies send. */
static const char *path_of(const char *target) {
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;
    if (!scheme)
        return target;
    const char *slash = strchr(target + scheme, '/');
    return slash ? slash : "/";
}

/* Nothing that follows on this connection can be told from the body: it ends. */
static struct ph_http_response *make_unclear(void) {
    struct ph_http_response *response = ph_http_response_problem(
        400, "Bad Request", "It cannot be told where the request ends: one length, or chunks.");
    if (response && ph_http_response_add_header(response, "Connection", "close"))
        ph_http_response_unref(&response);
    return response;
}

static void begin(struct ph_http_request *request, struct MHD_Connection *connection, const char *target,
    const char *method) {
    request->connection = connection;
    request->method = method;
    request->path = path_of(target);
    request->started_us = ph_now_us();
    request->match = ph_router_find(request->server->router, method, request->path, request->text,
        sizeof(request->text), &request->text_used);
    request->endpoint = request->match.target;
    refuse_by_verdict(request);
    if (!request->refused && !ph_http_request_query_is_valid(request))
        ph_http_request_refuse(
            request, ph_http_response_problem(400, "Bad Request", "The query is badly percent-encoded."));
    request->unclear = !ph_http_framing_is_clear(connection);
    if (request->unclear)
        ph_http_request_refuse(request, make_unclear());
    request->piece_started_us = request->started_us;
    ph_connection_await_body(request->server->connections, request->peer, request->started_us, 0);
}

/* Lets the handler look at the head, or take a piece. Afterwards the request may be held, or refused. */
static void show(struct ph_http_request *request, enum ph_http_phase phase) {
    ph_connection_await_nothing(request->peer);
    request->phase = phase;
    request->endpoint->handler(request, request->endpoint->opaque);
}

/* The peer has to send on. */
static void await_more(struct ph_http_request *request) {
    ph_connection_await_body(request->server->connections, request->peer, request->piece_started_us,
        request->received_bytes - request->piece_first);
}

/* What was shown is done with. False when it is not: the connection is still suspended. */
static bool take_back(struct ph_http_request *request) {
    struct ph_http_response *refusal = NULL;
    if (request->hold) {
        if (!ph_hold_take_answer(request->hold, &refusal))
            return false;
        if (refusal)
            ph_http_request_refuse(request, ph_http_response_ref(refusal));
        ph_hold_unref(&request->hold);
    }
    request->phase = PH_HTTP_LAST;
    ph_http_body_next_piece(request);
    await_more(request);
    return true;
}

/* Calls the handler, or gives the answer that is already there. NO cuts the connection. */
static enum MHD_Result answer(struct ph_http_request *request) {
    struct ph_http_response *released = NULL;
    if (request->answered)
        return MHD_YES;
    if (request->hold) {
        if (!ph_hold_take_answer(request->hold, &released))
            return MHD_YES;
        ph_http_response_ref(released);
        ph_hold_unref(&request->hold);
        ph_http_respond(request, released);
        ph_http_response_unref(&released);
    } else if (request->refused) {
        ph_http_respond(request, request->refusal);
    } else {
        request->endpoint->handler(request, request->endpoint->opaque);
        if (!request->answered && !request->hold)
            ph_http_respond(request, NULL);
    }
    return request->hold || request->answered ? MHD_YES : MHD_NO;
}

/* The head is known, and judged as far as a body goes that comes in pieces. */
static enum MHD_Result go_past_head(struct ph_http_request *request, bool takes_body) {
    /* Answering before the body closes the connection: the peer has not to send what nobody wants. */
    if (!takes_body || (request->refused && ph_http_request_header(request, "Expect")))
        return answer(request);
    return MHD_YES;
}

static enum MHD_Result take_head(struct ph_http_request *request) {
    bool takes_body = !request->unclear && ph_http_body_begin(request);
    if (request->refused || !request->endpoint->piece_bytes)
        return go_past_head(request, takes_body);
    request->has_begun = true;
    show(request, PH_HTTP_HEAD);
    if (request->hold)
        return MHD_YES;
    take_back(request);
    return go_past_head(request, !request->refused || ph_http_body_may_pass(request));
}

/* NO cuts the connection. */
static enum MHD_Result take_body(struct ph_http_request *request, const char *upload, size_t *upload_size) {
    while (*upload_size > 0) {
        if (!request->refused && ph_http_body_has_piece(request)) {
            show(request, PH_HTTP_PIECE);
            if (request->hold)
                return MHD_YES;
            take_back(request);
        }
        ssize_t taken = ph_http_body_receive(request, upload, *upload_size);
        if (taken < 0)
            return MHD_NO;
        upload += taken;
        *upload_size -= (size_t)taken;
    }
    await_more(request);
    return MHD_YES;
}

enum MHD_Result ph_http_on_request(void *opaque, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size, void **context) {
    struct ph_http_request *request = *context;
    (void)opaque;
    (void)version;
    if (!request) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        struct ph_http_link *link = info ? info->socket_context : NULL;
        if (!link)
            return MHD_NO;
        request = &link->request;
        *context = request;
        begin(request, connection, url, method);
        return take_head(request);
    }
    if (request->phase != PH_HTTP_LAST) {
        bool is_head = request->phase == PH_HTTP_HEAD;
        if (!take_back(request))
            return MHD_YES;
        if (is_head)
            return go_past_head(request, !request->refused || ph_http_body_may_pass(request));
    }
    if (*upload_size > 0)
        return take_body(request, upload, upload_size);
    if (!request->hold && !request->answered) {
        ph_connection_await_nothing(request->peer);
        ph_http_body_finish(request);
    }
    return answer(request);
}

/* A handler that saw the head hears of the end; not while the server stops, when it may be gone. */
static void show_cut(struct ph_http_request *request, enum MHD_RequestTerminationCode why) {
    if (!request->has_begun || request->answered || request->refused || request->hold ||
        why == MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN)
        return;
    ph_http_body_finish(request);
    if (!request->refused)
        show(request, PH_HTTP_CUT);
}

void ph_http_on_request_end(
    void *opaque, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why) {
    struct ph_http_request *request = *context;
    (void)opaque;
    (void)connection;
    *context = NULL;
    if (!request)
        return;
    struct ph_http_server *server = request->server;
    struct ph_connection *peer = request->peer;
    show_cut(request, why);
    if (request->kept)
        request->release_kept(request->kept);
    ph_hold_unref(&request->hold);
    if (request->stream)
        ph_http_stream_detach(request->stream);
    ph_http_stream_unref(&request->stream);
    ph_http_tally_unref(&request->tally);
    ph_http_response_unref(&request->refusal);
    ph_bytes_unref(&request->body);
    ph_builder_discard(&request->gathered);
    while (request->texts) {
        struct ph_request_text *text = request->texts;
        request->texts = text->next;
        free(text);
    }
    memset(request, 0, offsetof(struct ph_http_request, text));
    request->server = server;
    request->peer = peer;
    ph_connection_await_head(server->connections, peer);
}

void ph_http_on_connection(void *opaque, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what) {
    struct ph_http_server *server = opaque;
    struct ph_http_link *link = *context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (link)
            ph_connections_remove(server->connections, &link->connection);
        free(link);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *accepted =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = accepted ? accepted->connect_fd
                      : -1; /* libmicrohttpd 1.0 answers the next question in the same place */
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    link = accepted && peer ? calloc(1, sizeof(*link)) : NULL;
    *context = link;
    if (!link)
        return;
    link->request.server = server;
    link->request.peer = &link->connection;
    ph_connections_add(server->connections, &link->connection, fd, peer->client_addr);
}
