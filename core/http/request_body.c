/* Bodies of requests: gathered into one block, bounded by the route, or into one for each piece; or thrown
 * away, bounded too, so that a refused request still gets its answer and keeps its connection. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
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

static void judge(struct ph_http_request *request) {
    if (request->refused || !request->endpoint || !request->endpoint->judge)
        return;
    struct ph_http_response *refusal = request->endpoint->judge(request, request->endpoint->opaque);
    if (refusal)
        ph_http_request_refuse(request, refusal);
}

bool ph_http_body_may_pass(const struct ph_http_request *request) {
    uint64_t announced = ph_http_request_body_announced(request);
    return announced == UINT64_MAX || announced <= most_thrown_away_bytes;
}

/* Room for the whole of a body that tells its length. */
static void make_room(struct ph_http_request *request, uint64_t size) {
    request->body_size = (size_t)size;
    request->body = size ? ph_bytes_create((size_t)size) : NULL;
    if (size && !request->body)
        refuse_no_memory(request);
}

bool ph_http_body_begin(struct ph_http_request *request) {
    uint64_t announced = ph_http_request_body_announced(request);
    judge(request);
    if (announced == UINT64_MAX)
        return true;
    if (!request->refused && announced > request->endpoint->most_body_bytes)
        refuse_too_large(request);
    if (request->refused)
        return ph_http_body_may_pass(request);
    if (!request->endpoint->piece_bytes)
        make_room(request, announced);
    return true;
}

/* What is refused in the middle passes whole: it is bounded, and its sender hears why. */
static bool throw_away(struct ph_http_request *request, size_t upload_bytes) {
    request->received_bytes += upload_bytes;
    if (request->piece_first > 0)
        return request->received_bytes <= request->endpoint->most_body_bytes + most_thrown_away_bytes;
    return request->received_bytes <= most_thrown_away_bytes + request->body_size;
}

static ssize_t receive_piece(struct ph_http_request *request, const char *upload, size_t upload_bytes) {
    size_t most = request->endpoint->piece_bytes;
    if (!request->body) {
        uint64_t left = ph_http_request_body_announced(request) - request->received_bytes;
        make_room(request, left < most ? left : most);
        if (request->refused)
            return (ssize_t)upload_bytes;
    }
    size_t filled = (size_t)(request->received_bytes - request->piece_first);
    size_t room = request->body_size - filled;
    size_t taken = upload_bytes < room ? upload_bytes : room;
    memcpy(ph_bytes_writable(request->body) + filled, upload, taken);
    request->received_bytes += taken;
    if (request->received_bytes > request->endpoint->most_body_bytes)
        refuse_too_large(request);
    return (ssize_t)taken;
}

ssize_t ph_http_body_receive(struct ph_http_request *request, const char *upload, size_t upload_bytes) {
    uint64_t before = request->received_bytes;
    if (request->refused)
        return throw_away(request, upload_bytes) ? (ssize_t)upload_bytes : -EMSGSIZE;
    if (request->endpoint->piece_bytes)
        return receive_piece(request, upload, upload_bytes);
    request->received_bytes += upload_bytes;
    if (request->body) {
        if (request->received_bytes > request->body_size)
            return -EMSGSIZE;
        memcpy(ph_bytes_writable(request->body) + before, upload, upload_bytes);
        return (ssize_t)upload_bytes;
    }
    if (request->received_bytes > request->endpoint->most_body_bytes) {
        request->body_size = (size_t)request->received_bytes;
        refuse_too_large(request);
        return (ssize_t)upload_bytes;
    }
    ph_builder_append(&request->gathered, upload, upload_bytes);
    if (!ph_builder_ok(&request->gathered))
        refuse_no_memory(request);
    return (ssize_t)upload_bytes;
}

bool ph_http_body_has_piece(const struct ph_http_request *request) {
    return request->body && request->endpoint->piece_bytes &&
           request->received_bytes - request->piece_first == request->body_size;
}

void ph_http_body_next_piece(struct ph_http_request *request) {
    ph_bytes_unref(&request->body);
    request->piece_first = request->received_bytes;
    request->piece_started_us = ph_now_us();
}

/* A piece that did not become full, in a block of its size. */
static void shorten_piece(struct ph_http_request *request) {
    size_t filled = (size_t)(request->received_bytes - request->piece_first);
    if (filled == request->body_size)
        return;
    struct ph_bytes *piece = ph_bytes_create(filled);
    if (piece)
        memcpy(ph_bytes_writable(piece), ph_bytes_slice(request->body).data, filled);
    ph_bytes_unref(&request->body);
    request->body = piece;
    request->body_size = filled;
    if (!piece)
        refuse_no_memory(request);
}

void ph_http_body_finish(struct ph_http_request *request) {
    if (!request->refused && request->body && request->endpoint->piece_bytes)
        shorten_piece(request);
    if (request->refused || request->body || request->endpoint->piece_bytes || request->received_bytes == 0)
        return;
    request->body = ph_builder_finish(&request->gathered);
    if (!request->body)
        refuse_no_memory(request);
}
