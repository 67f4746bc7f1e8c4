/* The inside of a response, for the modules that turn it into libmicrohttpd's responses. */
#ifndef PH_HTTP_RESPONSE_BODY_H
#define PH_HTTP_RESPONSE_BODY_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/http/response.h"
#include "core/http/stream.h"

/* What a body is made of: blocks in a row, a piece of a file, or a stream. Immutable and reference-counted,
 * because connections that are still sending outlive the response. */
struct ph_http_body {
    atomic_uint references;
    uint64_t size;
    int fd;                        /* -1: blocks */
    struct ph_http_stream *stream; /* owned reference; NULL: none */
    uint64_t file_offset;
    size_t block_count;
    struct ph_bytes *blocks[];
};

struct ph_http_header {
    char *name;
    char *value;
};

/* The forms one response takes on the wire; each is made once, on first use. */
enum ph_http_form {
    PH_FORM_GZIP = 1,
    PH_FORM_NOT_MODIFIED = 2,
    PH_FORM_CORS = 4,
    PH_FORM_COUNT = 8,
};

struct ph_http_response {
    atomic_uint references;
    unsigned status;
    bool allows_range;
    struct ph_http_body *body; /* NULL: none */
    struct ph_http_body *gzip; /* NULL: none */
    char *etag;                /* NULL: none */
    size_t header_count;
    struct ph_http_header *headers;
    _Atomic(struct MHD_Response *) forms[PH_FORM_COUNT];
};

/* Takes references on the blocks. NULL when out of memory. */
struct ph_http_body *ph_http_body_from_blocks(struct ph_bytes *const *blocks, size_t count);
/* Takes over the file, on success and on failure. */
struct ph_http_body *ph_http_body_from_file(int fd, uint64_t offset, uint64_t size);
/* Takes a reference on the stream. NULL when out of memory. */
struct ph_http_body *ph_http_body_from_stream(struct ph_http_stream *stream);
struct ph_http_body *ph_http_body_ref(struct ph_http_body *body);
void ph_http_body_unref(struct ph_http_body **body);

/* The response in a form (bits of ph_http_form), borrowed from it; NULL when out of memory. Thread-safe. */
struct MHD_Response *ph_http_response_form(struct ph_http_response *response, unsigned form);
/* A 206 of the identity body, or a 416 when `size` is 0; the caller destroys it. NULL when out of memory. */
struct MHD_Response *ph_http_response_range(
    struct ph_http_response *response, unsigned form, uint64_t first, uint64_t size);

#endif
