#include "transcode/supervisor_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "core/base/clock.h"
#include "core/base/thread.h"
#include "transcode/worker_capacity.h"

/* From this many failed starts in a row on, the role is not well. */
enum { unwell_after = 3 };

const char *ph_worker_state_name(enum ph_worker_state state) {
    static const char *const names[PH_WORKER_STATES] = {
        [PH_WORKER_STARTING] = "starting",
        [PH_WORKER_SPARE] = "spare",
        [PH_WORKER_BUSY] = "busy",
        [PH_WORKER_ENDING] = "ending",
    };
    return names[state];
}

int ph_supervisor_watch(struct ph_supervisor *supervisor, int operation, int fd, uint32_t events,
    enum ph_supervisor_source source, int place) {
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)place << 8 | (uint64_t)source};
    return epoll_ctl(supervisor->epoll, operation, fd, &event) ? -errno : 0;
}

static void take_metrics(struct ph_supervisor_metrics *taken, struct ph_metrics *metrics) {
    for (int i = 0; i < PH_WORKER_STATES; i++) {
        const char *state = ph_worker_state_name((enum ph_worker_state)i);
        taken->processes[i] = ph_metrics_gauge(
            metrics, "porthole_worker_processes", "Transcoding processes", PH_LABELS({"state", state}));
    }
    taken->crashes = ph_metrics_counter(metrics, "porthole_worker_crashes_total",
        "Transcoding processes that ended by a signal, with an error, or before they were of use", NULL);
    taken->spawn_seconds = ph_metrics_histogram(metrics, "porthole_worker_spawn_seconds",
        "From a process's start until it is ready for a session", NULL, ph_latency_bounds,
        ph_latency_bounds_count);
    taken->capacity = ph_metrics_gauge(metrics, "porthole_worker_capacity_sessions",
        "Sessions this node can carry, those it carries included", NULL);
    taken->rejected = ph_metrics_counter(metrics, "porthole_worker_links_rejected_total",
        "Source links that did not prove to know the cluster's secret", NULL);
}

static int copy_options(struct ph_supervisor *supervisor, const struct ph_supervisor_options *options) {
    supervisor->most_sessions = options->most_sessions;
    supervisor->secret = ph_bytes_copy(options->secret.data, options->secret.size);
    supervisor->executable = strdup(options->executable ? options->executable : "/proc/self/exe");
    supervisor->environment = ph_worker_environment_make(options->encoder);
    return supervisor->secret && supervisor->executable && supervisor->environment ? 0 : -ENOMEM;
}

static int open_epoll(struct ph_supervisor *supervisor) {
    supervisor->epoll = epoll_create1(EPOLL_CLOEXEC);
    supervisor->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (supervisor->epoll < 0 || supervisor->wake_fd < 0)
        return -errno;
    int code = ph_supervisor_watch(supervisor, EPOLL_CTL_ADD, supervisor->wake_fd, EPOLLIN, PH_FROM_WAKE, 0);
    for (int i = 0; i < supervisor->listener_count && !code; i++)
        code = ph_supervisor_watch(
            supervisor, EPOLL_CTL_ADD, supervisor->listeners[i].fd, EPOLLIN, PH_FROM_LISTENER, i);
    return code;
}

int ph_supervisor_create(
    struct ph_supervisor **created, const struct ph_supervisor_options *options, struct ph_error *error) {
    *created = NULL;
    struct ph_supervisor *supervisor = calloc(1, sizeof(*supervisor));
    if (!supervisor)
        return ph_error_set(error, -ENOMEM, "out of memory");
    supervisor->epoll = supervisor->wake_fd = -1;
    for (int i = 0; i < PH_MOST_GREETINGS; i++)
        supervisor->greetings[i].fd = -1;
    for (int i = 0; i < PH_SUPERVISOR_MOST_WORKERS; i++)
        supervisor->workers[i].pidfd = supervisor->workers[i].control = -1;
    pthread_mutex_init(&supervisor->lock, NULL);
    atomic_init(&supervisor->drain_us, PH_NEVER_US);
    atomic_init(&supervisor->takes_none, false);
    supervisor->cores = ph_worker_usable_cores();
    int code = copy_options(supervisor, options);
    if (code) {
        ph_error_set(error, code, "out of memory");
        goto fail;
    }
    code =
        ph_worker_listeners_open(supervisor->listeners, &supervisor->listener_count, options->listen, error);
    if (code)
        goto fail;
    code = open_epoll(supervisor);
    if (code) {
        ph_error_set(error, code, "the worker's sockets cannot be watched: raise the limit of open files");
        goto fail;
    }
    take_metrics(&supervisor->metrics, options->metrics);
    *created = supervisor;
    return 0;
fail:
    ph_supervisor_destroy(supervisor);
    return code;
}

int ph_supervisor_start(struct ph_supervisor *supervisor) {
    int code = ph_thread_start(&supervisor->thread, "ph-supervisor", ph_supervisor_run, supervisor);
    if (code)
        return code;
    supervisor->started = true;
    return 0;
}

void ph_supervisor_drain(struct ph_supervisor *supervisor, int64_t deadline_us) {
    atomic_store(&supervisor->drain_us, deadline_us < PH_NEVER_US ? deadline_us : PH_NEVER_US - 1);
    atomic_store(&supervisor->has_room, false);
    if (!supervisor->started)
        return;
    ssize_t written = write(supervisor->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)written; /* fails only when a wake is pending */
    pthread_join(supervisor->thread, NULL);
    supervisor->started = false;
}

void ph_supervisor_destroy(struct ph_supervisor *supervisor) {
    if (!supervisor)
        return;
    if (supervisor->started)
        ph_supervisor_drain(supervisor, 0);
    ph_worker_listeners_close(supervisor->listeners, supervisor->listener_count);
    if (supervisor->epoll >= 0)
        close(supervisor->epoll);
    if (supervisor->wake_fd >= 0)
        close(supervisor->wake_fd);
    pthread_mutex_destroy(&supervisor->lock);
    ph_worker_environment_free(supervisor->environment);
    free(supervisor->executable);
    ph_bytes_unref(&supervisor->secret);
    free(supervisor);
}

bool ph_supervisor_has_capacity(void *opaque) {
    struct ph_supervisor *supervisor = opaque;
    return atomic_load(&supervisor->has_room);
}

void ph_supervisor_stop_taking(struct ph_supervisor *supervisor) {
    atomic_store(&supervisor->takes_none, true);
    atomic_store(&supervisor->has_room, false);
}

uint32_t ph_supervisor_capacity(struct ph_supervisor *supervisor) {
    pthread_mutex_lock(&supervisor->lock);
    uint32_t capacity = supervisor->shown_capacity;
    pthread_mutex_unlock(&supervisor->lock);
    return capacity;
}

bool ph_supervisor_health(void *opaque, char *text, size_t text_bytes) {
    struct ph_supervisor *supervisor = opaque;
    pthread_mutex_lock(&supervisor->lock);
    uint32_t failures = supervisor->shown_failures;
    pthread_mutex_unlock(&supervisor->lock);
    if (failures < unwell_after)
        return true;
    snprintf(
        text, text_bytes, "transcoding processes do not start: %u failed in a row, see the log", failures);
    return false;
}

size_t ph_supervisor_snapshot(struct ph_supervisor *supervisor, struct ph_worker_view *views, size_t most) {
    pthread_mutex_lock(&supervisor->lock);
    size_t count = supervisor->view_count < most ? supervisor->view_count : most;
    if (count)
        memcpy(views, supervisor->views, count * sizeof(*views));
    pthread_mutex_unlock(&supervisor->lock);
    return count;
}
