/* Whose call it is, when proxies stand between (pure). */
#ifndef PH_API_CLIENT_ADDRESS_H
#define PH_API_CLIENT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>

/* The last address of X-Forwarded-For that is no trusted proxy's; the peer's own while it is not trusted, or
 * when the header (NULL: absent) holds none that can be believed. `trusted` is a comma-separated list of
 * addresses and networks. */
void ph_client_address(
    const char *peer, const char *forwarded, const char *trusted, char address[INET6_ADDRSTRLEN]);
/* What shares a limit: an IPv4 address, the /64 of an IPv6 one; "" for the machine itself. */
void ph_client_network(const char *address, char network[INET6_ADDRSTRLEN]);

#endif
