/* An HTTP response: immutable once it has answered a request, reference-counted, shared by many requests. */
#ifndef PH_HTTP_RESPONSE_H
#define PH_HTTP_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

struct ph_http_response;

/* No body. NULL when out of memory, as for all that follow; ph_http_respond(NULL) answers 500. */
struct ph_http_response *ph_http_response_create(unsigned status);
/* Borrows `body`: takes a reference. */
struct ph_http_response *ph_http_response_from_bytes(
    unsigned status, const char *content_type, struct ph_bytes *body);
/* A body of several blocks sent in a row without a copy (takes references): a segment made of its parts. */
struct ph_http_response *ph_http_response_from_chain(
    unsigned status, const char *content_type, struct ph_bytes *const *blocks, size_t count);
/* Copies the text. */
struct ph_http_response *ph_http_response_from_text(
    unsigned status, const char *content_type, const char *text);
/* `size` bytes of an open file from `offset`, by sendfile; takes over `fd` on success and on failure. */
struct ph_http_response *ph_http_response_from_file(
    unsigned status, const char *content_type, int fd, uint64_t offset, uint64_t size);
/* RFC 9457 application/problem+json: {"type":"about:blank","title","status","detail"}. */
struct ph_http_response *ph_http_response_problem(unsigned status, const char *title, const char *detail);

/* Before the first answer only. 0 or -ENOMEM / -EINVAL. */
int ph_http_response_add_header(
    struct ph_http_response *response, const char *name, const char *value) PH_NODISCARD;
/* Adds ETag (quoted by the caller) and makes the response answer If-None-Match. */
int ph_http_response_set_etag(struct ph_http_response *response, const char *etag) PH_NODISCARD;
/* Lets Range requests have a part of it. */
void ph_http_response_allow_range(struct ph_http_response *response);
/* The body's gzip twin, sent with Content-Encoding: gzip and `Vary: Accept-Encoding` to who accepts it.
 * Borrows. */
int ph_http_response_set_gzip(struct ph_http_response *response, struct ph_bytes *compressed) PH_NODISCARD;

struct ph_http_response *ph_http_response_ref(struct ph_http_response *response);
/* Drops the reference and sets the pointer to NULL; NULL is fine. */
void ph_http_response_unref(struct ph_http_response **response);
unsigned ph_http_response_status(const struct ph_http_response *response);

#endif
