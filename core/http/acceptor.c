#include "core/http/acceptor.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/thread.h"

enum { shortage_pause_ms = 100 };

struct ph_acceptor {
    int fd;
    int stop; /* an event: readable when the thread has to end */
    ph_acceptor_connected *connected;
    void *opaque;
    pthread_t thread;
};

static bool is_stopped(const struct ph_acceptor *acceptor, int timeout_ms) {
    struct pollfd stop = {.fd = acceptor->stop, .events = POLLIN};
    return poll(&stop, 1, timeout_ms) > 0;
}

/* Takes everything that waits. False when the host is short of files or memory. */
static bool accept_all(const struct ph_acceptor *acceptor) {
    for (;;) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof(peer);
        int fd = accept4(acceptor->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            acceptor->connected(fd, (struct sockaddr *)&peer, size, acceptor->opaque);
        else if (errno == EAGAIN)
            return true;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return false;
        if (is_stopped(acceptor, 0))
            return true;
    }
}

static void *run(void *opaque) {
    struct ph_acceptor *acceptor = opaque;
    bool was_short = false;
    struct pollfd both[] = {{.fd = acceptor->fd, .events = POLLIN}, {.fd = acceptor->stop, .events = POLLIN}};
    for (;;) {
        if (poll(both, 2, -1) < 0 && errno != EINTR)
            break;
        if (both[1].revents)
            break;
        bool is_short = !accept_all(acceptor);
        if (is_short && !was_short)
            ph_log_warning(
                "no new HTTP connections: raise the limit of open files (ulimit -n)", ph_code(-errno));
        was_short = is_short;
        if (is_short && is_stopped(acceptor, shortage_pause_ms))
            break;
    }
    return NULL;
}

static void destroy(struct ph_acceptor *acceptor) {
    close(acceptor->fd);
    if (acceptor->stop >= 0)
        close(acceptor->stop);
    free(acceptor);
}

int ph_acceptor_start(struct ph_acceptor **out, int fd, ph_acceptor_connected *connected, void *opaque) {
    *out = NULL;
    struct ph_acceptor *acceptor = calloc(1, sizeof(*acceptor));
    if (!acceptor) {
        close(fd);
        return -ENOMEM;
    }
    *acceptor = (struct ph_acceptor){.fd = fd, .connected = connected, .opaque = opaque};
    acceptor->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int code = acceptor->stop < 0 ? -errno : ph_thread_start(&acceptor->thread, "http-accept", run, acceptor);
    if (code) {
        destroy(acceptor);
        return code;
    }
    *out = acceptor;
    return 0;
}

void ph_acceptor_stop(struct ph_acceptor **pointer) {
    struct ph_acceptor *acceptor = *pointer;
    *pointer = NULL;
    if (!acceptor)
        return;
    eventfd_write(acceptor->stop, 1);
    pthread_join(acceptor->thread, NULL);
    destroy(acceptor);
}
