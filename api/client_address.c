#include "api/client_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_HOPS = 16 };

/* What IPv4 begins with when it is written as IPv6. */
static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

/* 16 bytes, IPv4 as ::ffff:a.b.c.d. False for what is no address. */
static bool parse(const char *text, size_t size, unsigned char binary[16]) {
    char copy[INET6_ADDRSTRLEN];
    if (size == 0 || size >= sizeof(copy))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (inet_pton(AF_INET, copy, binary + 12) == 1) {
        memcpy(binary, mapped, sizeof(mapped));
        return true;
    }
    return inet_pton(AF_INET6, copy, binary) == 1;
}

/* In its one written form. */
static void print(const unsigned char binary[16], char address[INET6_ADDRSTRLEN]) {
    if (memcmp(binary, mapped, sizeof(mapped)) == 0)
        inet_ntop(AF_INET, binary + 12, address, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, binary, address, INET6_ADDRSTRLEN);
}

static bool is_within(const unsigned char address[16], const unsigned char network[16], long bits) {
    long bytes = bits / 8;
    if (memcmp(address, network, (size_t)bytes) != 0)
        return false;
    return bits % 8 == 0 || ((address[bytes] ^ network[bytes]) >> (8 - bits % 8)) == 0;
}

/* `text` is an address, or one with the length of its prefix, which the settings have checked. */
static bool is_in_network(const unsigned char address[16], const char *text, size_t size) {
    unsigned char network[16];
    const char *slash = memchr(text, '/', size);
    size_t digits = slash ? (size_t)(slash - text) : size;
    if (!parse(text, digits, network))
        return false;
    long all = memcmp(network, mapped, sizeof(mapped)) == 0 ? 32 : 128;
    long bits = slash ? strtol(slash + 1, NULL, 10) : all;
    return bits >= 0 && bits <= all && is_within(address, network, bits + 128 - all);
}

static bool is_trusted(const unsigned char address[16], const char *trusted) {
    for (const char *next = trusted; *next; next += *next == ',') {
        next += strspn(next, " ");
        size_t size = strcspn(next, ", ");
        if (is_in_network(address, next, size))
            return true;
        next += strcspn(next, ",");
    }
    return false;
}

void ph_client_address(
    const char *peer, const char *forwarded, const char *trusted, char address[INET6_ADDRSTRLEN]) {
    unsigned char binary[16];
    snprintf(address, INET6_ADDRSTRLEN, "%s", peer);
    if (!forwarded || !parse(peer, strlen(peer), binary))
        return;
    const char *end = forwarded + strlen(forwarded);
    for (int hop = 0; hop < MOST_HOPS && end > forwarded && is_trusted(binary, trusted); hop++) {
        const char *begin = end, *stop = end;
        while (begin > forwarded && begin[-1] != ',')
            begin--;
        end = begin > forwarded ? begin - 1 : forwarded;
        begin += strspn(begin, " \t");
        while (stop > begin && strchr(" \t", stop[-1]))
            stop--;
        if (stop <= begin || !parse(begin, (size_t)(stop - begin), binary))
            return;
        print(binary, address);
    }
}

void ph_client_network(const char *address, char network[INET6_ADDRSTRLEN]) {
    unsigned char binary[16];
    snprintf(network, INET6_ADDRSTRLEN, "%s", address);
    if (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0)
        network[0] = '\0';
    if (!network[0] || !parse(address, strlen(address), binary) || !strchr(address, ':'))
        return;
    memset(binary + 8, 0, 8);
    print(binary, network);
}
