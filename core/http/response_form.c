/* The forms of a response on the wire, as libmicrohttpd's responses: whole, gzip, 304, with CORS, 206, 416.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/http/response_body.h"
#include "core/http/stream_sending.h"

enum { stream_block_bytes = 512 };

static void release_body(void *opaque) {
    struct ph_http_body *body = opaque;
    ph_http_body_unref(&body);
}

static void keep(void *opaque) {
    (void)opaque;
}

static struct MHD_Response *make_empty(void) {
    static char nothing[1];
    return MHD_create_response_from_buffer_with_free_callback_cls(0, nothing, keep, NULL);
}

static struct MHD_Response *make_from_file(const struct ph_http_body *body, uint64_t first, uint64_t size) {
    int fd = fcntl(body->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    struct MHD_Response *made = MHD_create_response_from_fd_at_offset64(size, fd, body->file_offset + first);
    if (!made)
        close(fd);
    return made;
}

static struct MHD_Response *make_from_buffer(struct ph_http_body *body, const uint8_t *data, size_t size) {
    return MHD_create_response_from_buffer_with_free_callback_cls(
        size, (void *)(uintptr_t)data, release_body, body);
}

/* The blocks' pieces between `first` and `first + size`. Returns how many there are. */
static unsigned cut_blocks(
    const struct ph_http_body *body, uint64_t first, uint64_t size, struct MHD_IoVec *pieces) {
    unsigned count = 0;
    for (size_t i = 0; i < body->block_count && size > 0; i++) {
        size_t block_size = ph_bytes_size(body->blocks[i]);
        if (first >= block_size) {
            first -= block_size;
            continue;
        }
        size_t take = block_size - (size_t)first < size ? block_size - (size_t)first : (size_t)size;
        pieces[count].iov_base = ph_bytes_data(body->blocks[i]) + first;
        pieces[count++].iov_len = take;
        size -= take;
        first = 0;
    }
    return count;
}

static struct MHD_Response *make_from_blocks(struct ph_http_body *body, uint64_t first, uint64_t size) {
    struct MHD_IoVec *pieces = calloc(body->block_count, sizeof(*pieces));
    if (!pieces)
        return NULL;
    struct MHD_Response *made;
    unsigned count = cut_blocks(body, first, size, pieces);
    ph_http_body_ref(body);
    if (count == 1)
        made = make_from_buffer(body, pieces[0].iov_base, pieces[0].iov_len);
    else
        made = MHD_create_response_from_iovec(pieces, count, release_body, body);
    free(pieces);
    if (!made)
        release_body(body);
    return made;
}

static ssize_t read_stream(void *opaque, uint64_t position, char *target, size_t most) {
    struct ph_http_body *body = opaque;
    (void)position;
    return ph_http_stream_read(body->stream, target, most);
}

/* The response is its one connection's, and so is its buffer: a small one, for peers without chunks
 * (HTTP/1.0). */
static struct MHD_Response *make_from_stream(struct ph_http_body *body) {
    ph_http_body_ref(body);
    struct MHD_Response *made = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, stream_block_bytes, read_stream, body, release_body);
    if (!made)
        release_body(body);
    return made;
}

static struct MHD_Response *make_body(struct ph_http_body *body, uint64_t first, uint64_t size) {
    if (body && body->stream)
        return make_from_stream(body);
    if (!body || size == 0)
        return make_empty();
    return body->fd >= 0 ? make_from_file(body, first, size) : make_from_blocks(body, first, size);
}

static bool add(struct MHD_Response *made, const char *name, const char *value) {
    return MHD_add_response_header(made, name, value) == MHD_YES;
}

/* The gzip form is another representation, so its tag is weak: it says "same content", not "same bytes". */
static bool add_etag(struct MHD_Response *made, const struct ph_http_response *response, unsigned form) {
    char weak[256];
    if (!response->etag)
        return true;
    if (!(form & PH_FORM_GZIP) || response->etag[0] == 'W')
        return add(made, "ETag", response->etag);
    int size = snprintf(weak, sizeof(weak), "W/%s", response->etag);
    return size > 0 && (size_t)size < sizeof(weak) && add(made, "ETag", weak);
}

static bool add_cors(struct MHD_Response *made) {
    return add(made, "Access-Control-Allow-Origin", "*") &&
           add(made, "Access-Control-Expose-Headers",
               "Age, Date, ETag, Content-Length, Content-Range, Link, Location, Retry-After");
}

/* A 304 repeats what caches update (RFC 9110 section 15.4.5) and says nothing of a body. */
static bool add_headers(struct MHD_Response *made, const struct ph_http_response *response, unsigned form) {
    bool all = add_etag(made, response, form);
    for (size_t i = 0; i < response->header_count && all; i++) {
        const struct ph_http_header *header = &response->headers[i];
        if (!(form & PH_FORM_NOT_MODIFIED) || strncasecmp(header->name, "Content-", 8) != 0)
            all = add(made, header->name, header->value);
    }
    if (all && response->gzip)
        all = add(made, "Vary", "Accept-Encoding");
    if (all && response->allows_range && !(form & PH_FORM_NOT_MODIFIED))
        all = add(made, "Accept-Ranges", "bytes");
    if (all && (form & PH_FORM_GZIP) && !(form & PH_FORM_NOT_MODIFIED))
        all = add(made, "Content-Encoding", "gzip");
    return all && (!(form & PH_FORM_CORS) || add_cors(made));
}

static struct MHD_Response *finish(struct MHD_Response *made, bool complete) {
    if (made && !complete) {
        MHD_destroy_response(made);
        return NULL;
    }
    return made;
}

static struct MHD_Response *make_form(const struct ph_http_response *response, unsigned form) {
    /* A 304 has the body too: libmicrohttpd does not send it, and takes Content-Length from it. */
    struct ph_http_body *body = form & PH_FORM_GZIP ? response->gzip : response->body;
    struct MHD_Response *made = make_body(body, 0, body ? body->size : 0);
    return finish(made, made && add_headers(made, response, form));
}

struct MHD_Response *ph_http_response_form(struct ph_http_response *response, unsigned form) {
    struct MHD_Response *made = atomic_load_explicit(&response->forms[form], memory_order_acquire);
    if (made)
        return made;
    made = make_form(response, form);
    struct MHD_Response *first = NULL;
    if (made && !atomic_compare_exchange_strong_explicit(
                    &response->forms[form], &first, made, memory_order_acq_rel, memory_order_acquire)) {
        MHD_destroy_response(made);
        return first;
    }
    return made;
}

struct MHD_Response *ph_http_response_range(
    struct ph_http_response *response, unsigned form, uint64_t first, uint64_t size) {
    char range[96];
    uint64_t total = response->body->size;
    if (size)
        snprintf(
            range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, first + size - 1, total);
    else
        snprintf(range, sizeof(range), "bytes */%" PRIu64, total);
    struct MHD_Response *made = make_body(response->body, first, size);
    bool complete = made && add_headers(made, response, form) && add(made, "Content-Range", range);
    return finish(made, complete);
}
