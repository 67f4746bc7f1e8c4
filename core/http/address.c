#include "core/http/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { backlog = 4096, host_bytes_most = 256 };

static int parse_port(const char *text, uint16_t *port) {
    unsigned value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits])
        return -EINVAL;
    for (const char *p = text; *p; p++)
        value = value * 10 + (unsigned)(*p - '0');
    if (value > UINT16_MAX)
        return -EINVAL;
    *port = (uint16_t)value;
    return 0;
}

int ph_address_split(const char *text, char *host, size_t host_bytes, uint16_t *port) {
    const char *colon = strrchr(text, ':');
    if (!colon || parse_port(colon + 1, port))
        return -EINVAL;
    const char *start = text;
    size_t size = (size_t)(colon - text);
    if (text[0] == '[') {
        if (size < 3 || text[size - 1] != ']')
            return -EINVAL;
        start++;
        size -= 2;
    } else if (memchr(text, ':', size)) {
        return -EINVAL; /* IPv6 without brackets */
    }
    if (size + 1 > host_bytes)
        return -EINVAL;
    memcpy(host, start, size);
    host[size] = '\0';
    return 0;
}

static int bind_and_listen(const struct addrinfo *info, int *out) {
    int on = 1, off = 0, code = 0;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, backlog))
        code = -errno;
    if (code)
        close(fd);
    else
        *out = fd;
    return code;
}

static int bound_port(int fd, uint16_t *port) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size))
        return -errno;
    in_port_t network = address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                      : ((struct sockaddr_in *)&address)->sin_port;
    *port = ntohs(network);
    return 0;
}

static int explain(int code, const char *text, const char *setting, struct ph_error *error) {
    char name[128];
    if (code == -EADDRINUSE)
        return ph_error_set(error, code,
            "%s is in use by another program: stop that program, or choose another port with %s", text,
            setting);
    if (code == -EACCES)
        return ph_error_set(error, code,
            "not allowed to listen on %s: choose a port above 1023 with %s, or grant CAP_NET_BIND_SERVICE",
            text, setting);
    if (code == -EADDRNOTAVAIL)
        return ph_error_set(error, code,
            "this host has no address of %s: change %s, for instance to 0.0.0.0:8080", text, setting);
    return ph_error_set(error, code, "cannot listen on %s (%s): check %s", text,
        ph_error_name(code, name, sizeof(name)), setting);
}

int ph_address_listen(
    const char *text, const char *setting, int *fd, uint16_t *port, struct ph_error *error) {
    char host[host_bytes_most], service[8];
    int code = ph_address_split(text, host, sizeof(host), port);
    if (code)
        return ph_error_set(
            error, code, "%s is \"%s\": write host:port or [IPv6 address]:port", setting, text);
    snprintf(service, sizeof(service), "%u", *port);
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    int failure = getaddrinfo(host[0] ? host : NULL, service, &hints, &found);
    if (failure)
        return ph_error_set(error, -EADDRNOTAVAIL, "the host of \"%s\" is unknown (%s): change %s", text,
            gai_strerror(failure), setting);
    code = bind_and_listen(found, fd);
    freeaddrinfo(found);
    if (code)
        return explain(code, text, setting, error);
    code = bound_port(*fd, port);
    if (code)
        close(*fd);
    return code;
}

void ph_address_print(const struct sockaddr *address, char *text, size_t text_bytes) {
    text[0] = '\0';
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &v4->sin_addr, text, (socklen_t)text_bytes);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
            inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, (socklen_t)text_bytes);
        else
            inet_ntop(AF_INET6, &v6->sin6_addr, text, (socklen_t)text_bytes);
    }
}
