#include "core/http/response_body.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/http/stream_sending.h"

enum { most_etag_bytes = 200 };

static struct ph_http_body *allocate_body(size_t block_count) {
    if (block_count > SIZE_MAX / 2 / sizeof(struct ph_bytes *))
        return NULL;
    struct ph_http_body *body = calloc(1, sizeof(*body) + block_count * sizeof(struct ph_bytes *));
    if (!body)
        return NULL;
    atomic_init(&body->references, 1);
    body->fd = -1;
    return body;
}

struct ph_http_body *ph_http_body_from_blocks(struct ph_bytes *const *blocks, size_t count) {
    struct ph_http_body *body = allocate_body(count);
    if (!body)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (ph_bytes_size(blocks[i]) == 0)
            continue;
        body->blocks[body->block_count++] = ph_bytes_ref(blocks[i]);
        body->size += ph_bytes_size(blocks[i]);
    }
    return body;
}

struct ph_http_body *ph_http_body_from_file(int fd, uint64_t offset, uint64_t size) {
    struct ph_http_body *body = allocate_body(0);
    if (!body) {
        close(fd);
        return NULL;
    }
    body->fd = fd;
    body->file_offset = offset;
    body->size = size;
    return body;
}

struct ph_http_body *ph_http_body_from_stream(struct ph_http_stream *stream) {
    struct ph_http_body *body = allocate_body(0);
    if (body)
        body->stream = ph_http_stream_ref(stream);
    return body;
}

struct ph_http_body *ph_http_body_ref(struct ph_http_body *body) {
    atomic_fetch_add_explicit(&body->references, 1, memory_order_relaxed);
    return body;
}

void ph_http_body_unref(struct ph_http_body **pointer) {
    struct ph_http_body *body = *pointer;
    *pointer = NULL;
    if (!body || atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < body->block_count; i++)
        ph_bytes_unref(&body->blocks[i]);
    if (body->fd >= 0)
        close(body->fd);
    if (body->stream)
        ph_http_stream_detach(body->stream); /* nobody will send it any more */
    ph_http_stream_unref(&body->stream);
    free(body);
}

struct ph_http_response *ph_http_response_create(unsigned status) {
    struct ph_http_response *response = calloc(1, sizeof(*response));
    if (!response)
        return NULL;
    atomic_init(&response->references, 1);
    response->status = status;
    return response;
}

/* Takes over the body, which may be NULL when it could not be made. */
static struct ph_http_response *with_body(
    unsigned status, const char *content_type, struct ph_http_body *body) {
    struct ph_http_response *response = body ? ph_http_response_create(status) : NULL;
    if (!response) {
        ph_http_body_unref(&body);
        return NULL;
    }
    response->body = body;
    if (content_type && ph_http_response_add_header(response, "Content-Type", content_type))
        ph_http_response_unref(&response);
    return response;
}

struct ph_http_response *ph_http_response_from_chain(
    unsigned status, const char *content_type, struct ph_bytes *const *blocks, size_t count) {
    return with_body(status, content_type, ph_http_body_from_blocks(blocks, count));
}

struct ph_http_response *ph_http_response_from_bytes(
    unsigned status, const char *content_type, struct ph_bytes *body) {
    return ph_http_response_from_chain(status, content_type, &body, 1);
}

struct ph_http_response *ph_http_response_from_text(
    unsigned status, const char *content_type, const char *text) {
    struct ph_bytes *body = ph_bytes_copy(text, strlen(text));
    if (!body)
        return NULL;
    struct ph_http_response *response = ph_http_response_from_bytes(status, content_type, body);
    ph_bytes_unref(&body);
    return response;
}

struct ph_http_response *ph_http_response_from_file(
    unsigned status, const char *content_type, int fd, uint64_t offset, uint64_t size) {
    return with_body(status, content_type, ph_http_body_from_file(fd, offset, size));
}

struct ph_http_response *ph_http_response_from_stream(
    unsigned status, const char *content_type, struct ph_http_stream *stream) {
    return with_body(status, content_type, ph_http_body_from_stream(stream));
}

struct ph_http_response *ph_http_response_problem(unsigned status, const char *title, const char *detail) {
    struct ph_http_response *response = NULL;
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s*}", "type", "about:blank", "title", title, "status",
        (int)status, "detail", detail);
    char *text = problem ? json_dumps(problem, JSON_COMPACT) : NULL;
    if (text)
        response = ph_http_response_from_text(status, "application/problem+json", text);
    free(text);
    json_decref(problem);
    return response;
}

/* What could end a header line, and with it forge another. */
static bool is_field_value(const char *text) {
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

int ph_http_response_add_header(struct ph_http_response *response, const char *name, const char *value) {
    if (!*name || strpbrk(name, " \t:") || !is_field_value(name) || !is_field_value(value))
        return -EINVAL;
    size_t count = response->header_count;
    struct ph_http_header *headers = realloc(response->headers, (count + 1) * sizeof(*headers));
    if (!headers)
        return -ENOMEM;
    response->headers = headers;
    headers[count].name = strdup(name);
    headers[count].value = strdup(value);
    if (!headers[count].name || !headers[count].value) {
        free(headers[count].name);
        free(headers[count].value);
        return -ENOMEM;
    }
    response->header_count++;
    return 0;
}

int ph_http_response_set_etag(struct ph_http_response *response, const char *etag) {
    const char *quoted = strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
    size_t size = strlen(quoted);
    if (size < 2 || size > most_etag_bytes || quoted[0] != '"' ||
        strchr(quoted + 1, '"') != quoted + size - 1 || !is_field_value(etag))
        return -EINVAL;
    char *copy = strdup(etag);
    if (!copy)
        return -ENOMEM;
    free(response->etag);
    response->etag = copy;
    return 0;
}

void ph_http_response_allow_range(struct ph_http_response *response) {
    response->allows_range = true;
}

int ph_http_response_set_gzip(struct ph_http_response *response, struct ph_bytes *compressed) {
    struct ph_http_body *body = ph_http_body_from_blocks(&compressed, 1);
    if (!body)
        return -ENOMEM;
    ph_http_body_unref(&response->gzip);
    response->gzip = body;
    return 0;
}

struct ph_http_response *ph_http_response_ref(struct ph_http_response *response) {
    if (response)
        atomic_fetch_add_explicit(&response->references, 1, memory_order_relaxed);
    return response;
}

void ph_http_response_unref(struct ph_http_response **pointer) {
    struct ph_http_response *response = *pointer;
    *pointer = NULL;
    if (!response || atomic_fetch_sub_explicit(&response->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < PH_FORM_COUNT; i++) {
        struct MHD_Response *form = atomic_load_explicit(&response->forms[i], memory_order_relaxed);
        if (form)
            MHD_destroy_response(form);
    }
    for (size_t i = 0; i < response->header_count; i++) {
        free(response->headers[i].name);
        free(response->headers[i].value);
    }
    free(response->headers);
    free(response->etag);
    ph_http_body_unref(&response->body);
    ph_http_body_unref(&response->gzip);
    free(response);
}

unsigned ph_http_response_status(const struct ph_http_response *response) {
    return response->status;
}
