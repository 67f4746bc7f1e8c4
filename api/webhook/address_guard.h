/* Where a webhook may be delivered (pure): what is asked of us from outside must not reach what only we can
 * reach. */
#ifndef PH_API_WEBHOOK_ADDRESS_GUARD_H
#define PH_API_WEBHOOK_ADDRESS_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

/* Public addresses; private ones and this machine's when allowed; never link-local ones, the metadata
 * services of clouds, multicast and what is no host's address. IPv4 inside of IPv6 is judged as IPv4. */
bool ph_address_is_allowed(const struct sockaddr *address, bool allow_private);

#endif
