/* Listening addresses: "host:port" and "[v6]:port". */
#ifndef PH_HTTP_ADDRESS_H
#define PH_HTTP_ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/error.h"

/* Splits the text (pure). "" as host means every address. -EINVAL when it is neither form. */
int ph_address_split(const char *text, char *host, size_t host_bytes, uint16_t *port) PH_NODISCARD;
/* A listening TCP socket, non-blocking and close-on-exec; the caller owns *fd. *port is the one really bound.
 * The sentence in `error` names `setting`, which the reader has to change. */
int ph_address_listen(
    const char *text, const char *setting, int *fd, uint16_t *port, struct ph_error *error) PH_NODISCARD;
/* "203.0.113.9" of a peer; "" for what is no IP address. IPv4 in IPv6 is written as IPv4. */
void ph_address_print(const struct sockaddr *address, char *text, size_t text_bytes);

#endif
