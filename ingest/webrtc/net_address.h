/* Network addresses in one form for both families: 16 bytes, IPv4 as ::ffff:a.b.c.d (pure). */
#ifndef PH_INGEST_WEBRTC_NET_ADDRESS_H
#define PH_INGEST_WEBRTC_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/socket.h>

#include "core/base/error.h"

/* No padding: usable as the key of a table. */
struct ph_net_address {
    uint8_t ip[16];
    uint32_t scope; /* link-local IPv6: the interface; else 0 */
    uint16_t port;
    uint16_t reserved; /* 0 */
};

enum { PH_NET_ADDRESS_TEXT_BYTES = 64, PH_NET_IP_TEXT_BYTES = 48 };

/* -EAFNOSUPPORT for what is neither IPv4 nor IPv6. */
int ph_net_address_read(struct ph_net_address *address, const struct sockaddr *source) PH_NODISCARD;
/* For a socket of `family`; returns the size, 0 when an IPv6 address does not go through an IPv4 socket. */
socklen_t ph_net_address_write(
    const struct ph_net_address *address, int family, struct sockaddr_storage *target);
/* Numeric IPv4 or IPv6 without port and brackets. -EINVAL. */
int ph_net_address_parse_ip(struct ph_net_address *address, const char *text) PH_NODISCARD;

bool ph_net_address_is_v4(const struct ph_net_address *address);
bool ph_net_address_equal(const struct ph_net_address *a, const struct ph_net_address *b);
/* "203.0.113.9" or "2001:db8::9". */
void ph_net_address_print_ip(const struct ph_net_address *address, char text[PH_NET_IP_TEXT_BYTES]);
/* "203.0.113.9:1234" or "[2001:db8::9]:1234". */
void ph_net_address_print(const struct ph_net_address *address, char text[PH_NET_ADDRESS_TEXT_BYTES]);

#endif
