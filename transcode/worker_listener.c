#include "transcode/worker_listener.h"

#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum { backlog = 64 };

/* A socket's file that nobody listens at is left over from a crash. */
static bool is_left_over(const char *path, const struct ph_link_address *address) {
    struct stat status;
    if (lstat(path, &status) || !S_ISSOCK(status.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)&address->address, address->size) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

static int bind_unix(int fd, const char *path, const struct ph_link_address *address) {
    const struct sockaddr *name = (const struct sockaddr *)&address->address;
    if (fchmod(fd, 0600)) /* the file bind() makes takes the socket's mode */
        return -errno;
    if (bind(fd, name, address->size) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    if (!is_left_over(path, address))
        return -EADDRINUSE;
    if (unlink(path) && errno != ENOENT)
        return -errno;
    return bind(fd, name, address->size) ? -errno : 0;
}

static int bind_tcp(int fd, const struct ph_link_address *address) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return bind(fd, (const struct sockaddr *)&address->address, address->size) ? -errno : 0;
}

static int open_one(struct ph_worker_listener *listener) {
    struct ph_link_address address;
    int count = ph_link_endpoint_resolve(&listener->endpoint, &address, 1);
    if (count < 1)
        return count ? count : -EADDRNOTAVAIL;
    int fd = socket(address.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    bool is_unix = listener->endpoint.is_unix;
    int code = is_unix ? bind_unix(fd, listener->endpoint.path, &address) : bind_tcp(fd, &address);
    if (!code && listen(fd, backlog)) {
        code = -errno;
        if (is_unix)
            unlink(listener->endpoint.path);
    }
    if (code)
        close(fd);
    else
        listener->fd = fd;
    return code;
}

static int describe(const struct ph_worker_listener *listener, int code, const char *text, size_t size,
    struct ph_error *error) {
    char name[128];
    if (code == -EADDRINUSE && listener->endpoint.is_unix)
        return ph_error_set(error, code,
            "PORTHOLE_WORKER_LISTEN: %.*s is in use: stop the process that listens there, or remove what is "
            "not a "
            "socket, or give another path",
            (int)size, text);
    if (code == -EADDRINUSE)
        return ph_error_set(error, code,
            "PORTHOLE_WORKER_LISTEN: %.*s is in use by another process: stop it or give another port",
            (int)size, text);
    return ph_error_set(error, code, "PORTHOLE_WORKER_LISTEN: cannot listen at %.*s: %s", (int)size, text,
        ph_error_name(code, name, sizeof(name)));
}

static int open_from(
    struct ph_worker_listener *listener, const char *text, size_t size, struct ph_error *error) {
    *listener = (struct ph_worker_listener){.fd = -1};
    struct ph_error reason = {{0}};
    int code = ph_link_endpoint_parse(text, size, &listener->endpoint, &reason);
    if (code)
        return ph_error_set(error, code, "PORTHOLE_WORKER_LISTEN: %.300s", reason.text);
    code = open_one(listener);
    return code ? describe(listener, code, text, size, error) : 0;
}

int ph_worker_listeners_open(struct ph_worker_listener listeners[PH_MOST_WORKER_LISTENERS], int *count,
    const char *text, struct ph_error *error) {
    int opened = 0, code = 0;
    *count = 0;
    for (const char *start = text; *start && !code;) {
        size_t size = strcspn(start, ",");
        code = opened == PH_MOST_WORKER_LISTENERS
                   ? ph_error_set(error, -EINVAL, "PORTHOLE_WORKER_LISTEN: more than %d addresses", opened)
                   : open_from(&listeners[opened], start, size, error);
        opened += !code;
        start += size + (start[size] == ',');
    }
    if (!code && !opened)
        code =
            ph_error_set(error, -EINVAL, "PORTHOLE_WORKER_LISTEN is empty: give unix:/path or tcp:host:port");
    if (code)
        ph_worker_listeners_close(listeners, opened);
    else
        *count = opened;
    return code;
}

void ph_worker_listeners_close(struct ph_worker_listener *listeners, int count) {
    for (int i = 0; i < count; i++) {
        if (listeners[i].fd < 0)
            continue;
        if (listeners[i].endpoint.is_unix)
            unlink(listeners[i].endpoint.path);
        close(listeners[i].fd);
        listeners[i].fd = -1;
    }
}
