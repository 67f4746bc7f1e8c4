/* The supervisor's sockets: listening, greeting, handing over. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "transcode/supervisor_internal.h"

enum { backlog = 64 };

/* How long a link waits for a process to be warm, and for room when a process may just be ending. */
static const int64_t spare_us = 6 * PH_SECOND_US;
static const int64_t room_us = 300 * PH_MILLISECOND_US;

/* A socket file that nobody listens on is left over from a crash. */
static bool is_left_over(const struct ph_link_address *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)&address->address, address->size) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

static int bind_to(int fd, const struct ph_link_endpoint *endpoint, const struct ph_link_address *address) {
    const struct sockaddr *name = (const struct sockaddr *)&address->address;
    const int on = 1;
    if (!endpoint->is_unix) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        return bind(fd, name, address->size) ? -errno : 0;
    }
    int code = bind(fd, name, address->size) ? -errno : 0;
    if (code == -EADDRINUSE && is_left_over(address) && unlink(endpoint->path) == 0)
        code = bind(fd, name, address->size) ? -errno : 0;
    if (!code && chmod(endpoint->path, 0600))
        code = -errno;
    return code;
}

static int open_listener(const struct ph_link_endpoint *endpoint, int *fd) {
    struct ph_link_address address;
    int count = ph_link_endpoint_resolve(endpoint, &address, 1);
    if (count < 1)
        return count ? count : -EADDRNOTAVAIL;
    *fd = socket(address.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return -errno;
    int code = bind_to(*fd, endpoint, &address);
    if (!code && listen(*fd, backlog))
        code = -errno;
    if (code) {
        close(*fd);
        *fd = -1;
    }
    return code;
}

int ph_supervisor_listen(struct ph_supervisor *supervisor, struct ph_error *error) {
    for (int i = 0; i < supervisor->listener_count; i++) {
        const struct ph_link_endpoint *endpoint = &supervisor->endpoints[i];
        int code = open_listener(endpoint, &supervisor->listeners[i]);
        char name[64];
        if (code)
            return ph_error_set(error, code, "PORTHOLE_WORKER_LISTEN: cannot listen on %s%s%s%s: %s",
                endpoint->is_unix ? "unix:" : "tcp:", endpoint->is_unix ? endpoint->path : endpoint->host,
                endpoint->is_unix ? "" : ":", endpoint->port, ph_error_name(code, name, sizeof(name)));
    }
    return 0;
}

void ph_supervisor_close_listeners(struct ph_supervisor *supervisor) {
    for (int i = 0; i < PH_MOST_LISTENERS; i++) {
        if (supervisor->listeners[i] < 0)
            continue;
        close(supervisor->listeners[i]);
        supervisor->listeners[i] = -1;
        if (supervisor->endpoints[i].is_unix)
            unlink(supervisor->endpoints[i].path);
    }
}

void ph_supervisor_accept(struct ph_supervisor *supervisor, int listener, int64_t now_us) {
    struct ph_worker_greeting *greeting = NULL;
    for (int i = 0; i < PH_MOST_GREETINGS && !greeting; i++) {
        if (supervisor->greetings[i].fd < 0)
            greeting = &supervisor->greetings[i];
    }
    int fd =
        greeting ? accept4(supervisor->listeners[listener], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
    if (fd < 0) { /* too many callers, or too few descriptors: let the backlog hold them for a moment */
        if (!greeting || (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED))
            supervisor->listen_after_us = now_us + 50 * PH_MILLISECOND_US;
        return;
    }
    bool is_unix = supervisor->endpoints[listener].is_unix;
    int code = ph_worker_greeting_begin(greeting, fd, is_unix, now_us);
    if (!code && is_unix)
        ph_supervisor_move_greeting(supervisor, greeting, false, now_us);
}

static void reject(
    struct ph_supervisor *supervisor, struct ph_worker_greeting *greeting, int code, int64_t now_us) {
    ph_worker_greeting_close(greeting);
    ph_metric_add(ph_metrics_counter(supervisor->metrics, "porthole_worker_links_rejected_total",
                      "Source links that could not prove they know the cluster's secret", NULL),
        1);
    if (now_us - supervisor->auth_logged_us < PH_SECOND_US)
        return;
    supervisor->auth_logged_us = now_us;
    ph_log_warning("a source link was rejected: check that PORTHOLE_CLUSTER_SECRET is the same on all nodes",
        ph_code(code));
}

static bool may_take(struct ph_supervisor *supervisor) {
    uint32_t running = ph_supervisor_running(supervisor);
    return running < supervisor->capacity || supervisor->reserved > 0;
}

static void hand_over(struct ph_supervisor *supervisor, struct ph_worker_greeting *greeting,
    struct ph_worker_process *spare, int64_t now_us) {
    pthread_mutex_lock(&supervisor->lock);
    int code = ph_worker_process_give(spare, greeting->fd, now_us);
    pthread_mutex_unlock(&supervisor->lock);
    if (code) { /* a spare that takes nothing is of no use; the link goes to the next */
        ph_log_warning("a spare worker does not take a session", ph_int("pid", spare->pid), ph_code(code));
        ph_worker_process_signal(spare, SIGKILL);
        return;
    }
    ph_log_info("worker takes a session", ph_int("pid", spare->pid));
    ph_worker_greeting_close(greeting);
    if (supervisor->reserved)
        supervisor->reserved--;
    ph_supervisor_update_room(supervisor, now_us);
}

static void find_worker(
    struct ph_supervisor *supervisor, struct ph_worker_greeting *greeting, int64_t now_us) {
    int64_t waited_us = now_us - greeting->since_us;
    if (atomic_load(&supervisor->draining)) {
        ph_worker_greeting_refuse(greeting, "draining", "this node takes no sessions any more", now_us);
        return;
    }
    struct ph_worker_process *spare = ph_supervisor_spare(supervisor);
    bool room = may_take(supervisor);
    if (room && spare)
        hand_over(supervisor, greeting, spare, now_us);
    else if (!room && waited_us > room_us)
        ph_worker_greeting_refuse(greeting, "busy", "this node carries all it can", now_us);
    else if (waited_us > spare_us)
        ph_worker_greeting_refuse(greeting, "not_ready", "no worker process got ready in time", now_us);
}

void ph_supervisor_move_greeting(
    struct ph_supervisor *supervisor, struct ph_worker_greeting *greeting, bool ready, int64_t now_us) {
    if (greeting->refused) {
        if (ready)
            ph_worker_greeting_part(greeting);
        if (greeting->fd >= 0 && now_us > greeting->deadline_us)
            ph_worker_greeting_close(greeting);
        return;
    }
    if (!greeting->authenticated) {
        int code = ready ? ph_worker_greeting_read(greeting, supervisor->secret) : -EAGAIN;
        if (code == -EAGAIN && now_us > greeting->deadline_us)
            code = -ETIMEDOUT;
        if (code && code != -EAGAIN)
            reject(supervisor, greeting, code, now_us);
        if (code)
            return;
        greeting->since_us = now_us;
    }
    find_worker(supervisor, greeting, now_us);
}
