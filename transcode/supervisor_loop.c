/* The supervisor's thread: one epoll, deadlines, and the drain. */
#include "transcode/supervisor_internal.h"

#include <signal.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "core/base/clock.h"
#include "core/base/log.h"

enum { most_events = 32 };

static const int64_t tick_us = PH_SECOND_US;
static const int64_t kill_after_us = PH_SECOND_US;

/* Descriptors of one batch may have been closed by an earlier event of it: every handler does without its
 * event. */
static void dispatch(struct ph_supervisor *supervisor, const struct epoll_event *event, int64_t now_us) {
    int place = (int)(event->data.u64 >> 8);
    uint64_t woken;
    switch ((enum ph_supervisor_source)(event->data.u64 & 0xff)) {
    case PH_FROM_WAKE:
        if (read(supervisor->wake_fd, &woken, sizeof(woken)) < 0)
            ph_log_debug("the supervisor woke for nothing");
        break;
    case PH_FROM_LISTENER:
        ph_supervisor_accept(supervisor, place, now_us);
        break;
    case PH_FROM_GREETING:
        ph_supervisor_read_greeting(supervisor, place, event->events, now_us);
        break;
    case PH_FROM_CONTROL:
        ph_supervisor_hear_worker(supervisor, place, now_us);
        break;
    case PH_FROM_PIDFD:
        ph_supervisor_reap_worker(supervisor, place, now_us);
        break;
    }
}

static int64_t due_us(const struct ph_supervisor *supervisor, int64_t now_us) {
    int64_t due = now_us + tick_us;
    int64_t others[] = {
        ph_supervisor_links_due_us(supervisor),
        supervisor->spawn_after_us > supervisor->served_us ? supervisor->spawn_after_us : PH_NEVER_US,
        supervisor->accept_after_us > supervisor->served_us ? supervisor->accept_after_us : PH_NEVER_US,
        supervisor->draining && !supervisor->kill_us ? atomic_load(&supervisor->drain_us) : PH_NEVER_US,
        supervisor->kill_us ? supervisor->kill_us : PH_NEVER_US,
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        due = others[i] < due ? others[i] : due;
    return due;
}

static void wait_and_dispatch(struct ph_supervisor *supervisor) {
    struct epoll_event events[most_events];
    int64_t now_us = ph_now_us();
    int64_t left_us = due_us(supervisor, now_us) - now_us;
    int timeout_ms = left_us > 0 ? (int)(left_us / PH_MILLISECOND_US + 1) : 0;
    int count = epoll_wait(supervisor->epoll, events, most_events, timeout_ms);
    now_us = ph_now_us();
    for (int i = 0; i < count; i++)
        dispatch(supervisor, &events[i], now_us);
}

/* Sessions may go on to the deadline; spares have nothing to wait for. */
static void drain_on(struct ph_supervisor *supervisor, int64_t now_us) {
    int64_t deadline_us = atomic_load(&supervisor->drain_us);
    if (deadline_us == PH_NEVER_US)
        return;
    if (!supervisor->draining) {
        supervisor->draining = true;
        ph_log_info(
            "worker drains", ph_int("sessions", (int64_t)ph_supervisor_count(supervisor, PH_WORKER_BUSY)));
        ph_supervisor_end_workers(supervisor, false, SIGTERM, now_us);
    }
    if (!supervisor->kill_us && now_us >= deadline_us) {
        ph_supervisor_end_workers(supervisor, true, SIGTERM, now_us);
        supervisor->kill_us = now_us + kill_after_us;
    } else if (supervisor->kill_us && now_us >= supervisor->kill_us) {
        ph_supervisor_end_workers(supervisor, true, SIGKILL, now_us);
        supervisor->kill_us = now_us + kill_after_us;
    }
}

/* Shows the round's outcome to the other threads. */
static void publish(struct ph_supervisor *supervisor) {
    size_t counts[PH_WORKER_STATES] = {0};
    pthread_mutex_lock(&supervisor->lock);
    supervisor->view_count = 0;
    supervisor->shown_failures = supervisor->failed_spawns;
    supervisor->shown_capacity = supervisor->capacity;
    for (int i = 0; i < PH_SUPERVISOR_MOST_WORKERS; i++) {
        if (!supervisor->workers[i].view.pid)
            continue;
        supervisor->views[supervisor->view_count++] = supervisor->workers[i].view;
        counts[supervisor->workers[i].view.state]++;
    }
    pthread_mutex_unlock(&supervisor->lock);
    for (int i = 0; i < PH_WORKER_STATES; i++)
        ph_metric_set(supervisor->metrics.processes[i], (double)counts[i]);
    uint32_t promised = (uint32_t)counts[PH_WORKER_BUSY] + supervisor->reserved;
    uint32_t waiting = ph_supervisor_waiting(supervisor);
    /* A session that comes back waits in the place reserved for it. */
    promised += waiting > supervisor->reserved ? waiting - supervisor->reserved : 0;
    bool asked_to_drain =
        atomic_load(&supervisor->drain_us) != PH_NEVER_US || atomic_load(&supervisor->takes_none);
    atomic_store(&supervisor->has_room, !asked_to_drain && promised < supervisor->capacity);
}

static bool is_over(const struct ph_supervisor *supervisor) {
    return supervisor->draining && !supervisor->view_count;
}

void *ph_supervisor_run(void *opaque) {
    struct ph_supervisor *supervisor = opaque;
    do {
        int64_t now_us = ph_now_us();
        drain_on(supervisor, now_us);
        ph_supervisor_serve_links(supervisor, now_us);
        ph_supervisor_look_after_workers(supervisor, now_us); /* after a spare was given away */
        publish(supervisor);
        if (!is_over(supervisor))
            wait_and_dispatch(supervisor);
    } while (!is_over(supervisor));
    ph_supervisor_close_links(supervisor);
    return NULL;
}
