#include "transcode/supervisor.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "transcode/supervisor_internal.h"
#include "transcode/worker_capacity.h"

enum { round_ms = 100, most_polled = 1 + PH_MOST_LISTENERS + PH_MOST_GREETINGS + 2 * PH_MOST_WORKERS };

static const int64_t last_patience_us = PH_SECOND_US;

static void wake(struct ph_supervisor *supervisor) {
    ssize_t ignored = write(supervisor->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)ignored;
}

/* A negative descriptor is polled for nothing. */
static void poll_for(struct pollfd *polled, int *count, int fd) {
    polled[(*count)++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static int fill_polled(struct ph_supervisor *supervisor, struct pollfd *polled, int64_t now_us) {
    bool accepts = now_us >= supervisor->listen_after_us;
    int count = 0;
    poll_for(polled, &count, supervisor->wake_fd);
    for (int i = 0; i < supervisor->listener_count; i++)
        poll_for(polled, &count, accepts ? supervisor->listeners[i] : -1);
    for (int i = 0; i < PH_MOST_GREETINGS; i++) {
        const struct ph_worker_greeting *greeting = &supervisor->greetings[i];
        poll_for(polled, &count, greeting->authenticated && !greeting->refused ? -1 : greeting->fd);
    }
    for (uint32_t i = 0; i < supervisor->worker_count; i++) {
        poll_for(polled, &count, supervisor->workers[i].control);
        poll_for(polled, &count, supervisor->workers[i].pidfd);
    }
    return count;
}

static void handle_polled(struct ph_supervisor *supervisor, const struct pollfd *polled, int64_t now_us) {
    uint64_t woken;
    if (polled[0].revents && read(supervisor->wake_fd, &woken, sizeof(woken)) < 0)
        ph_log_debug("spurious wake");
    const struct pollfd *greetings = polled + 1 + supervisor->listener_count;
    const struct pollfd *workers = greetings + PH_MOST_GREETINGS;
    /* From the last to the first: a removed worker's place is taken by the last, which had its turn. */
    for (uint32_t i = supervisor->worker_count; i-- > 0;) {
        if (workers[2 * i].revents || workers[2 * i + 1].revents)
            ph_supervisor_move_worker(supervisor, i, now_us);
    }
    for (int i = 0; i < PH_MOST_GREETINGS; i++) {
        if (supervisor->greetings[i].fd >= 0)
            ph_supervisor_move_greeting(
                supervisor, &supervisor->greetings[i], greetings[i].revents != 0, now_us);
    }
    for (int i = 0; i < supervisor->listener_count; i++) {
        if (polled[1 + i].revents)
            ph_supervisor_accept(supervisor, i, now_us);
    }
}

static void round_once(struct ph_supervisor *supervisor) {
    struct pollfd polled[most_polled];
    int count = fill_polled(supervisor, polled, ph_now_us());
    poll(polled, (nfds_t)count, round_ms);
    int64_t now_us = ph_now_us();
    handle_polled(supervisor, polled, now_us);
    ph_supervisor_look_after_workers(supervisor, now_us);
}

static void signal_all(struct ph_supervisor *supervisor, int number) {
    for (uint32_t i = 0; i < supervisor->worker_count; i++)
        ph_worker_process_signal(&supervisor->workers[i], number);
}

static void *run(void *opaque) {
    struct ph_supervisor *supervisor = opaque;
    while (!atomic_load(&supervisor->stopping))
        round_once(supervisor);
    for (int i = 0; i < PH_MOST_GREETINGS; i++)
        ph_worker_greeting_close(&supervisor->greetings[i]);
    signal_all(supervisor, SIGTERM);
    int64_t kill_us = ph_now_us() + last_patience_us;
    bool killed = false;
    while (supervisor->worker_count) {
        if (!killed && ph_now_us() >= kill_us) {
            signal_all(supervisor, SIGKILL);
            killed = true;
        }
        round_once(supervisor);
    }
    return NULL;
}

static int endpoints_parse(struct ph_supervisor *supervisor, const char *text, struct ph_error *error) {
    for (const char *start = text; *start;) {
        size_t size = strcspn(start, ",");
        if (supervisor->listener_count == PH_MOST_LISTENERS)
            return ph_error_set(
                error, -EINVAL, "PORTHOLE_WORKER_LISTEN: more than %d addresses", PH_MOST_LISTENERS);
        struct ph_error reason = {0};
        int code = ph_link_endpoint_parse(
            start, size, &supervisor->endpoints[supervisor->listener_count++], &reason);
        if (code)
            return ph_error_set(error, code, "PORTHOLE_WORKER_LISTEN: %s", reason.text);
        start += size + (start[size] == ',');
    }
    return supervisor->listener_count ? 0 : ph_error_set(error, -EINVAL, "PORTHOLE_WORKER_LISTEN is empty");
}

int ph_supervisor_create(
    struct ph_supervisor **out, const struct ph_supervisor_options *options, struct ph_error *error) {
    *out = NULL;
    struct ph_supervisor *supervisor = calloc(1, sizeof(*supervisor));
    if (!supervisor)
        return -ENOMEM;
    pthread_mutex_init(&supervisor->lock, NULL);
    ph_cond_init(&supervisor->changed);
    for (int i = 0; i < PH_MOST_LISTENERS; i++)
        supervisor->listeners[i] = -1;
    for (int i = 0; i < PH_MOST_GREETINGS; i++)
        supervisor->greetings[i].fd = -1;
    supervisor->secret = options->cluster_secret;
    supervisor->most_sessions = options->most_sessions;
    supervisor->metrics = options->metrics;
    supervisor->usable_cores = ph_worker_usable_cores();
    supervisor->executable = strdup(options->executable ? options->executable : "/proc/self/exe");
    supervisor->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int code = supervisor->executable ? 0 : -ENOMEM;
    if (!code && supervisor->wake_fd < 0)
        code = -errno;
    if (!code)
        code = endpoints_parse(supervisor, options->listen, error);
    if (code) {
        ph_supervisor_destroy(supervisor);
        return code;
    }
    *out = supervisor;
    return 0;
}

int ph_supervisor_start(struct ph_supervisor *supervisor, struct ph_error *error) {
    int code = ph_supervisor_listen(supervisor, error);
    if (code)
        return code;
    ph_supervisor_update_room(supervisor, ph_now_us());
    code = ph_thread_start(&supervisor->thread, "ph-supervisor", run, supervisor);
    if (code)
        return ph_error_set(error, code, "the supervisor's thread cannot be started");
    supervisor->started = true;
    return 0;
}

bool ph_supervisor_has_capacity(struct ph_supervisor *supervisor) {
    return atomic_load(&supervisor->has_room) && !atomic_load(&supervisor->draining);
}

bool ph_supervisor_has_capacity_opaque(void *supervisor) {
    return ph_supervisor_has_capacity(supervisor);
}

int ph_supervisor_drain(struct ph_supervisor *supervisor, int64_t deadline_us) {
    atomic_store(&supervisor->draining, true);
    wake(supervisor);
    int code = 0;
    pthread_mutex_lock(&supervisor->lock);
    while (ph_supervisor_running(supervisor) && !code)
        code = ph_cond_wait_until(&supervisor->changed, &supervisor->lock, deadline_us);
    if (!ph_supervisor_running(supervisor))
        code = 0;
    pthread_mutex_unlock(&supervisor->lock);
    return code;
}

void ph_supervisor_destroy(struct ph_supervisor *supervisor) {
    if (!supervisor)
        return;
    atomic_store(&supervisor->draining, true);
    atomic_store(&supervisor->stopping, true);
    if (supervisor->started) {
        wake(supervisor);
        pthread_join(supervisor->thread, NULL);
    }
    ph_supervisor_close_listeners(supervisor);
    if (supervisor->wake_fd >= 0)
        close(supervisor->wake_fd);
    pthread_cond_destroy(&supervisor->changed);
    pthread_mutex_destroy(&supervisor->lock);
    free(supervisor->executable);
    free(supervisor);
}

size_t ph_supervisor_workers(
    struct ph_supervisor *supervisor, struct ph_worker_snapshot *workers, size_t most, uint32_t *capacity) {
    pthread_mutex_lock(&supervisor->lock);
    size_t count = supervisor->worker_count;
    for (size_t i = 0; i < count && i < most; i++) {
        const struct ph_worker_process *worker = &supervisor->workers[i];
        workers[i] = (struct ph_worker_snapshot){.state = worker->state,
            .pid = worker->pid,
            .since_us = worker->since_us,
            .cores = worker->cores,
            .has_stats = worker->has_stats,
            .stats = worker->stats};
        memcpy(workers[i].id, worker->id, sizeof(workers[i].id));
    }
    if (capacity)
        *capacity = supervisor->capacity;
    pthread_mutex_unlock(&supervisor->lock);
    return count;
}
