#include "api/webhook/address_guard.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum verdict { PUBLIC, PRIVATE, NEVER };

struct range4 {
    uint8_t address[4];
    unsigned bits;
    enum verdict verdict;
};
struct range6 {
    uint8_t address[16];
    unsigned bits;
    enum verdict verdict;
};

/* The first range that holds the address decides (IANA's special-purpose registries, RFC 6890). */
static const struct range4 ranges4[] = {
    {{0, 0, 0, 0}, 8, NEVER},
    {{169, 254, 0, 0}, 16, NEVER},
    {{100, 100, 100, 200}, 32, NEVER}, /* metadata */
    {{168, 63, 129, 16}, 32, NEVER},   /* metadata */
    {{192, 0, 0, 192}, 32, NEVER},     /* metadata */
    {{224, 0, 0, 0}, 3, NEVER},        /* multicast and reserved */
    {{10, 0, 0, 0}, 8, PRIVATE},
    {{100, 64, 0, 0}, 10, PRIVATE},
    {{127, 0, 0, 0}, 8, PRIVATE},
    {{172, 16, 0, 0}, 12, PRIVATE},
    {{192, 0, 0, 0}, 24, PRIVATE},
    {{192, 0, 2, 0}, 24, PRIVATE},
    {{192, 168, 0, 0}, 16, PRIVATE},
    {{198, 18, 0, 0}, 15, PRIVATE},
    {{198, 51, 100, 0}, 24, PRIVATE},
    {{203, 0, 113, 0}, 24, PRIVATE},
};
static const struct range6 ranges6[] = {
    {{0xfd, 0x00, 0x0e, 0xc2}, 32, NEVER}, /* metadata */
    {{0xfe, 0x80}, 10, NEVER}, {{0xfe, 0xc0}, 10, NEVER}, {{0xff}, 8, NEVER}, {{0}, 128, NEVER},
    {{[15] = 1}, 128, PRIVATE}, {{0xfc}, 7, PRIVATE}, {{0x20, 0x01, 0x0d, 0xb8}, 32, PRIVATE},
    {{0x20, 0x00}, 3, PUBLIC}, {{0}, 0, NEVER}, /* what is no global unicast */
};

static bool holds(const uint8_t *range, unsigned bits, const uint8_t *address) {
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(range, address, bytes) != 0)
        return false;
    return rest == 0 || ((range[bytes] ^ address[bytes]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static enum verdict judge4(const uint8_t *address) {
    for (size_t i = 0; i < sizeof(ranges4) / sizeof(ranges4[0]); i++) {
        if (holds(ranges4[i].address, ranges4[i].bits, address))
            return ranges4[i].verdict;
    }
    return PUBLIC;
}

static enum verdict judge6(const uint8_t *address) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t translated[12] = {0x00, 0x64, 0xff, 0x9b};
    static const uint8_t six_to_four[2] = {0x20, 0x02};
    if (memcmp(address, mapped, 12) == 0 || memcmp(address, translated, 12) == 0)
        return judge4(address + 12);
    if (memcmp(address, six_to_four, 2) == 0)
        return judge4(address + 2);
    for (size_t i = 0; i < sizeof(ranges6) / sizeof(ranges6[0]); i++) {
        if (holds(ranges6[i].address, ranges6[i].bits, address))
            return ranges6[i].verdict;
    }
    return NEVER;
}

bool ph_address_is_allowed(const struct sockaddr *address, bool allow_private) {
    enum verdict verdict = NEVER;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)address;
        verdict = judge4((const uint8_t *)&ipv4->sin_addr);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)address;
        verdict = judge6(ipv6->sin6_addr.s6_addr);
    }
    return verdict == PUBLIC || (verdict == PRIVATE && allow_private);
}
