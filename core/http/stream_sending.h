/* The connection's side of a stream, all of it in the connection's own thread. */
#ifndef PH_HTTP_STREAM_SENDING_H
#define PH_HTTP_STREAM_SENDING_H

#include <microhttpd.h>

#include "core/http/connections.h"
#include "core/http/hold.h"
#include "core/http/stream.h"

/* The connection is about to be answered with the stream. False when another was. `holds` and `peer` are
 * borrowed until ph_http_stream_detach(). */
bool ph_http_stream_attach(struct ph_http_stream *stream, struct ph_holds *holds,
    struct MHD_Connection *connection, struct ph_connection *peer);
/* The request has ended: the stream is over. */
void ph_http_stream_detach(struct ph_http_stream *stream);
/* What libmicrohttpd's content reader returns: the number of bytes written to `target`, 0 once the connection
 * is suspended, or one of its codes for the end. */
ssize_t ph_http_stream_read(struct ph_http_stream *stream, char *target, size_t most);

#endif
