/* Where a source link listens or connects: "unix:/path" or "tcp:host:port". */
#ifndef PH_MEDIA_LINK_ENDPOINT_H
#define PH_MEDIA_LINK_ENDPOINT_H

#include <stdbool.h>

#include <sys/socket.h>

#include "core/base/error.h"

enum { PH_HOST_BYTES = 256, PH_PORT_BYTES = 6 };

struct ph_link_endpoint {
    bool is_unix;
    char path[108]; /* unix */
    char host[PH_HOST_BYTES];
    char port[PH_PORT_BYTES];
};

struct ph_link_address {
    struct sockaddr_storage address;
    socklen_t size;
};

/* Splits "host:port" or "[IPv6]:port". 0, or -EINVAL for anything else, ports outside 1 … 65535 among them.
 */
int ph_host_port_split(const char *text, char host[PH_HOST_BYTES], char port[PH_PORT_BYTES]) PH_NODISCARD;

/* `size` characters of `text`. 0, or -EINVAL with a sentence that names the wrong part. */
int ph_link_endpoint_parse(
    const char *text, size_t size, struct ph_link_endpoint *endpoint, struct ph_error *error) PH_NODISCARD;

/* The addresses of an endpoint, at most `most`. Numeric hosts answer at once; names ask the resolver and may
 * take seconds. The count, or -EHOSTUNREACH. */
int ph_link_endpoint_resolve(
    const struct ph_link_endpoint *endpoint, struct ph_link_address *addresses, int most) PH_NODISCARD;
/* Whether resolving takes no resolver. */
bool ph_link_endpoint_is_numeric(const struct ph_link_endpoint *endpoint);

#endif
