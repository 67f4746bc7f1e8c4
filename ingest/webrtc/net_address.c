#include "ingest/webrtc/net_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int ph_net_address_read(struct ph_net_address *address, const struct sockaddr *source) {
    memset(address, 0, sizeof(*address));
    if (source->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)source;
        memcpy(address->ip, v4_prefix, sizeof(v4_prefix));
        memcpy(address->ip + 12, &v4->sin_addr, 4);
        address->port = ntohs(v4->sin_port);
        return 0;
    }
    if (source->sa_family != AF_INET6)
        return -EAFNOSUPPORT;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)source;
    memcpy(address->ip, &v6->sin6_addr, 16);
    address->port = ntohs(v6->sin6_port);
    if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
        address->scope = v6->sin6_scope_id;
    return 0;
}

socklen_t ph_net_address_write(
    const struct ph_net_address *address, int family, struct sockaddr_storage *target) {
    memset(target, 0, sizeof(*target));
    if (family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)target;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address->port);
        v6->sin6_scope_id = address->scope;
        memcpy(&v6->sin6_addr, address->ip, 16);
        return sizeof(*v6);
    }
    if (!ph_net_address_is_v4(address))
        return 0;
    struct sockaddr_in *v4 = (struct sockaddr_in *)target;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address->port);
    memcpy(&v4->sin_addr, address->ip + 12, 4);
    return sizeof(*v4);
}

int ph_net_address_parse_ip(struct ph_net_address *address, const char *text) {
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET6, text, address->ip) == 1)
        return 0;
    memcpy(address->ip, v4_prefix, sizeof(v4_prefix));
    return inet_pton(AF_INET, text, address->ip + 12) == 1 ? 0 : -EINVAL;
}

bool ph_net_address_is_v4(const struct ph_net_address *address) {
    return memcmp(address->ip, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool ph_net_address_equal(const struct ph_net_address *a, const struct ph_net_address *b) {
    return memcmp(a, b, sizeof(*a)) == 0;
}

void ph_net_address_print_ip(const struct ph_net_address *address, char text[PH_NET_IP_TEXT_BYTES]) {
    bool is_v4 = ph_net_address_is_v4(address);
    if (!inet_ntop(is_v4 ? AF_INET : AF_INET6, address->ip + (is_v4 ? 12 : 0), text, PH_NET_IP_TEXT_BYTES))
        text[0] = '\0';
}

void ph_net_address_print(const struct ph_net_address *address, char text[PH_NET_ADDRESS_TEXT_BYTES]) {
    char ip[PH_NET_IP_TEXT_BYTES];
    ph_net_address_print_ip(address, ip);
    snprintf(text, PH_NET_ADDRESS_TEXT_BYTES, ph_net_address_is_v4(address) ? "%s:%u" : "[%s]:%u", ip,
        address->port);
}
