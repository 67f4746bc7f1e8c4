/* A response without an end: blocks pushed from any thread, sent as the peer takes them (server-sent events).
 *
 *   phase     what holds
 *   waiting   made; blocks gather until a request is answered with it
 *   sending   a connection takes the blocks; while there are none it is suspended (hold.c), until the next
 *             block, the quiet time, or the drain
 *   over      ended by its maker, by the drain, by the peer, or because the peer is too slow; pushes fail
 *
 * No thread belongs to a stream. Its maker has one reference, the response another. */
#ifndef PH_HTTP_STREAM_H
#define PH_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/http/response.h"

struct ph_http_stream;

struct ph_http_stream_options {
    size_t most_queued_bytes; /* a peer that is further behind is cut off */
    int64_t quiet_us;         /* after so long without a block (a fifth less, at random) … */
    struct ph_bytes *filler;  /* … this is sent, which shows that the peer is there; a reference is taken */
};

int ph_http_stream_create(
    struct ph_http_stream **stream, const struct ph_http_stream_options *options) PH_NODISCARD;
/* The response that sends it, to one request alone. NULL when out of memory. */
struct ph_http_response *ph_http_response_from_stream(
    unsigned status, const char *content_type, struct ph_http_stream *stream);
/* Takes a reference on the block, which many streams may share. -ENOBUFS: the peer is too slow and was cut
 * off; -EPIPE: the stream is over; -ENOMEM: as -ENOBUFS. Never waits. */
int ph_http_stream_push(struct ph_http_stream *stream, struct ph_bytes *block) PH_NODISCARD;
/* What is queued is still sent. */
void ph_http_stream_end(struct ph_http_stream *stream);
struct ph_http_stream *ph_http_stream_ref(struct ph_http_stream *stream);
bool ph_http_stream_is_over(struct ph_http_stream *stream);
/* Drops the reference and sets the pointer to NULL; NULL is fine. */
void ph_http_stream_unref(struct ph_http_stream **stream);

#endif
