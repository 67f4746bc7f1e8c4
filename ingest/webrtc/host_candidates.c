#include "ingest/webrtc/host_candidates.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Type preferences (RFC 8445 section 5.1.2.2, RFC 6544 section 4.2): TCP below every UDP candidate. */
enum { udp_preference = 126, tcp_preference = 90, tcp_passive_preference = 4 };

static int parse_announced(
    struct ph_net_address addresses[PH_MOST_HOST_ADDRESSES], const char *announce, struct ph_error *error) {
    int count = 0;
    for (const char *next = announce; *next;) {
        next += strspn(next, ", ");
        size_t size = strcspn(next, ", ");
        char text[PH_NET_IP_TEXT_BYTES];
        if (!size)
            break;
        if (size >= sizeof(text) || count == PH_MOST_HOST_ADDRESSES)
            return ph_error_set(error, -EINVAL,
                "PORTHOLE_WEBRTC_ANNOUNCE: give at most %d numeric addresses, comma-separated",
                PH_MOST_HOST_ADDRESSES);
        memcpy(text, next, size);
        text[size] = '\0';
        if (ph_net_address_parse_ip(&addresses[count++], text))
            return ph_error_set(
                error, -EINVAL, "PORTHOLE_WEBRTC_ANNOUNCE: \"%s\" is no numeric IPv4 or IPv6 address", text);
        next += size;
    }
    return count;
}

static bool is_any(const struct sockaddr *bound) {
    if (bound->sa_family == AF_INET)
        return ((const struct sockaddr_in *)bound)->sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)bound)->sin6_addr);
}

/* Link-local addresses are of no use to a peer that does not know the interface. */
static bool is_wanted(const struct ifaddrs *interface, int family, bool loopback) {
    if (!interface->ifa_addr || interface->ifa_addr->sa_family != family ||
        !(interface->ifa_flags & IFF_UP) || !(interface->ifa_flags & IFF_LOOPBACK) == loopback)
        return false;
    if (family == AF_INET6)
        return !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)interface->ifa_addr)->sin6_addr);
    return (ntohl(((const struct sockaddr_in *)interface->ifa_addr)->sin_addr.s_addr) >> 16) != 0xa9fe;
}

static int collect(struct ph_net_address addresses[PH_MOST_HOST_ADDRESSES], int count,
    const struct ifaddrs *interfaces, int family, bool loopback) {
    for (const struct ifaddrs *next = interfaces; next && count < PH_MOST_HOST_ADDRESSES;
         next = next->ifa_next) {
        if (!is_wanted(next, family, loopback) || ph_net_address_read(&addresses[count], next->ifa_addr))
            continue;
        addresses[count].port = 0;
        count++;
    }
    return count;
}

static int collect_of_host(
    struct ph_net_address addresses[PH_MOST_HOST_ADDRESSES], const struct sockaddr *bound) {
    struct ifaddrs *interfaces;
    if (getifaddrs(&interfaces))
        return 0;
    int count = 0;
    for (int loopback = 0; loopback < 2 && !count; loopback++) {
        count = collect(addresses, count, interfaces, AF_INET, loopback);
        if (bound->sa_family == AF_INET6)
            count = collect(addresses, count, interfaces, AF_INET6, loopback);
    }
    freeifaddrs(interfaces);
    return count;
}

int ph_host_addresses(struct ph_net_address addresses[PH_MOST_HOST_ADDRESSES], const char *announce,
    const struct sockaddr *bound, struct ph_error *error) {
    if (*announce)
        return parse_announced(addresses, announce, error);
    if (is_any(bound))
        return collect_of_host(addresses, bound);
    return ph_net_address_read(&addresses[0], bound) ? 0 : 1;
}

static void fill(struct ph_ice_candidate *candidate, const struct ph_net_address *address, size_t place,
    uint16_t port, bool tcp) {
    unsigned local = tcp ? (unsigned)tcp_passive_preference << 13 | (unsigned)(PH_MOST_HOST_ADDRESSES - place)
                         : 65535 - (unsigned)place;
    *candidate = (struct ph_ice_candidate){
        .priority = (uint32_t)(tcp ? tcp_preference : udp_preference) << 24 | local << 8 | 255,
        .component = 1,
        .port = port,
        .transport = tcp ? PH_ICE_TCP_PASSIVE : PH_ICE_UDP,
        .type = PH_ICE_HOST,
    };
    snprintf(candidate->foundation, sizeof(candidate->foundation), "%c%zu", tcp ? 't' : 'u', place);
    char ip[PH_NET_IP_TEXT_BYTES];
    ph_net_address_print_ip(address, ip);
    memcpy(candidate->address, ip, sizeof(ip));
}

size_t ph_host_candidates(struct ph_ice_candidate candidates[PH_ICE_MOST_CANDIDATES],
    const struct ph_net_address *addresses, size_t count, uint16_t port) {
    for (size_t i = 0; i < count; i++) {
        fill(&candidates[i], &addresses[i], i, port, false);
        fill(&candidates[count + i], &addresses[i], i, port, true);
    }
    return 2 * count;
}
