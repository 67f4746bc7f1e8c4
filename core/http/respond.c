/* Answers a request with a shared response, in the form that the request's headers ask for (RFC 9110). */
#include <assert.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/http/conditional.h"
#include "core/http/range.h"
#include "core/http/request.h"
#include "core/http/response_body.h"

/* What goes out. */
struct reply {
    unsigned status;
    uint64_t body_bytes;
    struct MHD_Response *made; /* borrowed, unless `own` */
    bool own;
};

static const char *header(const struct ph_http_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static struct reply reply_in_form(struct ph_http_response *response, unsigned form) {
    const struct ph_http_body *body = form & PH_FORM_GZIP ? response->gzip : response->body;
    struct reply reply = {.status = response->status, .body_bytes = body ? body->size : 0};
    if (form & PH_FORM_NOT_MODIFIED)
        reply = (struct reply){.status = 304};
    reply.made = ph_http_response_form(response, form);
    return reply;
}

/* True when a part, or 416, is the answer. */
static bool reply_with_range(const struct ph_http_request *request, struct ph_http_response *response,
    unsigned form, struct reply *reply) {
    uint64_t first = 0, size = 0;
    const char *range = header(request, "Range");
    if (!range || !response->body || !ph_if_range_holds(header(request, "If-Range"), response->etag))
        return false;
    enum ph_range_verdict verdict = ph_range_parse(range, response->body->size, &first, &size);
    if (verdict == PH_RANGE_WHOLE)
        return false;
    *reply = (struct reply){.status = verdict == PH_RANGE_PART ? 206 : 416, .body_bytes = size, .own = true};
    reply->made = ph_http_response_range(response, form, first, size);
    return true;
}

static struct reply choose(const struct ph_http_request *request, struct ph_http_response *response) {
    bool is_get = strcmp(request->method, "GET") == 0;
    bool is_head = strcmp(request->method, "HEAD") == 0;
    unsigned form = request->endpoint && request->endpoint->cors ? PH_FORM_CORS : 0;
    struct reply reply;
    if (response->status != 200 || (!is_get && !is_head))
        return reply_in_form(response, form);
    unsigned gzip = response->gzip && ph_accepts_gzip(header(request, "Accept-Encoding")) ? PH_FORM_GZIP : 0;
    if (response->etag && ph_etag_list_matches(header(request, "If-None-Match"), response->etag))
        return reply_in_form(response, form | gzip | PH_FORM_NOT_MODIFIED);
    if (is_get && response->allows_range && reply_with_range(request, response, form, &reply))
        return reply;
    return reply_in_form(response, form | gzip);
}

/* Makes the request the one that the response's stream goes to. False when it has gone elsewhere. */
static bool take_stream(struct ph_http_request *request, const struct ph_http_response *response) {
    struct ph_http_stream *stream = response && response->body ? response->body->stream : NULL;
    if (!stream || strcmp(request->method, "HEAD") == 0)
        return true;
    if (!ph_http_stream_attach(stream, request->server->holds, request->connection, request->peer))
        return false;
    request->stream = ph_http_stream_ref(stream);
    return true;
}

void ph_http_respond(struct ph_http_request *request, struct ph_http_response *response) {
    assert(!request->answered && !request->hold);
    struct ph_http_server *server = request->server;
    if (request->phase == PH_HTTP_CUT)
        return;
    if (request->phase != PH_HTTP_LAST) { /* no answer goes out before the body has passed */
        ph_http_request_refuse(request, ph_http_response_ref(response));
        return;
    }
    bool is_ours = take_stream(request, response);
    struct reply reply = choose(request, response && is_ours ? response : server->broken);
    if (!reply.made)
        reply = choose(request, server->broken);
    if (!reply.made)
        return; /* out of memory: the connection is cut */
    request->answered = MHD_queue_response(request->connection, reply.status, reply.made) == MHD_YES;
    if (reply.own)
        MHD_destroy_response(reply.made);
    struct ph_request_metrics *metrics = request->endpoint ? request->endpoint->metrics : server->unmatched;
    uint64_t sent = strcmp(request->method, "HEAD") == 0 ? 0 : reply.body_bytes;
    ph_request_metrics_count(
        metrics, reply.status, sent, ph_now_us() - request->started_us, request->was_held);
    if (request->tally)
        ph_http_tally_add(request->tally, (struct ph_http_tally_sums){.requests = 1, .body_bytes = sent});
}
