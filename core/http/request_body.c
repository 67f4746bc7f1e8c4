/* Bodies of requests: gathered into one block, bounded by the route; or thrown away, bounded too, so that a
 * refused request still gets its answer and keeps its connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/request.h"

enum { most_thrown_away_bytes = 8 * 1024 * 1024 };

static void refuse_too_large(struct ph_http_request *request) {
    char detail[96];
    snprintf(detail, sizeof(detail),
        "The request's body is larger than the %zu bytes that this address takes.",
        request->endpoint->most_body_bytes);
    ph_bytes_unref(&request->body);
    ph_builder_discard(&request->gathered);
    ph_http_request_refuse(request, ph_http_response_problem(413, "Content Too Large", detail));
}

static void refuse_no_memory(struct ph_http_request *request) {
    ph_bytes_unref(&request->body);
    ph_builder_discard(&request->gathered);
    ph_http_request_refuse(request, NULL);
}

/* Content-Length; UINT64_MAX when there is none. libmicrohttpd has refused what is no number. */
static uint64_t announced_bytes(const struct ph_http_request *request) {
    const char *text = ph_http_request_header(request, "Content-Length");
    if (!text || ph_http_request_header(request, "Transfer-Encoding"))
        return UINT64_MAX;
    return strtoull(text, NULL, 10);
}

static void judge(struct ph_http_request *request) {
    if (request->refused || !request->endpoint || !request->endpoint->judge)
        return;
    struct ph_http_response *refusal = request->endpoint->judge(request, request->endpoint->opaque);
    if (refusal)
        ph_http_request_refuse(request, refusal);
}

bool ph_http_body_begin(struct ph_http_request *request) {
    uint64_t announced = announced_bytes(request);
    judge(request);
    if (announced == UINT64_MAX)
        return true;
    if (!request->refused && announced > request->endpoint->most_body_bytes)
        refuse_too_large(request);
    if (request->refused)
        return announced <= most_thrown_away_bytes;
    request->body_size = (size_t)announced;
    request->body = announced ? ph_bytes_create((size_t)announced) : NULL;
    if (announced && !request->body)
        refuse_no_memory(request);
    return true;
}

bool ph_http_body_receive(struct ph_http_request *request, const char *upload, size_t upload_bytes) {
    uint64_t before = request->received_bytes;
    request->received_bytes += upload_bytes;
    if (request->refused)
        return request->received_bytes <= most_thrown_away_bytes + request->body_size;
    if (request->body) {
        if (request->received_bytes > request->body_size)
            return false;
        memcpy(ph_bytes_writable(request->body) + before, upload, upload_bytes);
        return true;
    }
    if (request->received_bytes > request->endpoint->most_body_bytes) {
        request->body_size = (size_t)request->received_bytes;
        refuse_too_large(request);
        return true;
    }
    ph_builder_append(&request->gathered, upload, upload_bytes);
    if (!ph_builder_ok(&request->gathered))
        refuse_no_memory(request);
    return true;
}

void ph_http_body_finish(struct ph_http_request *request) {
    if (request->refused || request->body || request->received_bytes == 0)
        return;
    request->body = ph_builder_finish(&request->gathered);
    if (!request->body)
        refuse_no_memory(request);
}
