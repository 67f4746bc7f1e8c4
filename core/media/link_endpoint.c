#include "core/media/link_endpoint.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <sys/un.h>

static bool port_valid(const char *text) {
    size_t size = strlen(text);
    if (!size || size >= PH_PORT_BYTES || strspn(text, "0123456789") != size)
        return false;
    long port = strtol(text, NULL, 10);
    return port >= 1 && port <= 65535;
}

int ph_host_port_split(const char *text, char host[PH_HOST_BYTES], char port[PH_PORT_BYTES]) {
    const char *colon = strrchr(text, ':');
    if (!colon || !port_valid(colon + 1))
        return -EINVAL;
    const char *start = text;
    size_t size = (size_t)(colon - text);
    bool bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    if (bracketed) {
        start++;
        size -= 2;
    }
    if (!size || size >= PH_HOST_BYTES || memchr(start, '[', size) || memchr(start, ']', size) ||
        (!bracketed && memchr(start, ':', size)))
        return -EINVAL;
    memcpy(host, start, size);
    host[size] = '\0';
    strcpy(port, colon + 1);
    return 0;
}

int ph_link_endpoint_parse(
    const char *text, size_t size, struct ph_link_endpoint *endpoint, struct ph_error *error) {
    *endpoint = (struct ph_link_endpoint){0};
    char copy[PH_HOST_BYTES + 16];
    if (size >= sizeof(copy))
        return ph_error_set(error, -EINVAL, "the worker address \"%.40s…\" is too long", text);
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (strncmp(copy, "unix:", 5) == 0) {
        const char *path = copy + 5;
        if (!*path || strlen(path) >= sizeof(endpoint->path))
            return ph_error_set(error, -EINVAL, "\"%s\": a unix socket's path has 1 to 107 characters", copy);
        endpoint->is_unix = true;
        strcpy(endpoint->path, path);
        return 0;
    }
    if (strncmp(copy, "tcp:", 4) == 0 && ph_host_port_split(copy + 4, endpoint->host, endpoint->port) == 0)
        return 0;
    return ph_error_set(error, -EINVAL, "\"%s\": give a worker address as unix:/path or tcp:host:port", copy);
}

static int unix_address(const struct ph_link_endpoint *endpoint, struct ph_link_address *address) {
    struct sockaddr_un *name = (struct sockaddr_un *)&address->address;
    *address = (struct ph_link_address){.size = sizeof(*name)};
    name->sun_family = AF_UNIX;
    memcpy(name->sun_path, endpoint->path, sizeof(name->sun_path));
    return 1;
}

static int look_up(const struct ph_link_endpoint *endpoint, int flags, struct addrinfo **found) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    return getaddrinfo(endpoint->host, endpoint->port, &hints, found) ? -EHOSTUNREACH : 0;
}

int ph_link_endpoint_resolve(
    const struct ph_link_endpoint *endpoint, struct ph_link_address *addresses, int most) {
    if (endpoint->is_unix)
        return most > 0 ? unix_address(endpoint, addresses) : 0;
    struct addrinfo *found;
    if (look_up(endpoint, 0, &found))
        return -EHOSTUNREACH;
    int count = 0;
    for (const struct addrinfo *one = found; one && count < most; one = one->ai_next, count++) {
        memcpy(&addresses[count].address, one->ai_addr, one->ai_addrlen);
        addresses[count].size = one->ai_addrlen;
    }
    freeaddrinfo(found);
    return count;
}

bool ph_link_endpoint_is_numeric(const struct ph_link_endpoint *endpoint) {
    struct addrinfo *found;
    if (endpoint->is_unix)
        return true;
    if (look_up(endpoint, AI_NUMERICHOST, &found))
        return false;
    freeaddrinfo(found);
    return true;
}
