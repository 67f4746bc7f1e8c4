/* The supervisor's sockets: accepting, proofs, handing over. */
#include "transcode/supervisor_internal.h"

#include <signal.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "core/base/clock.h"
#include "core/base/log.h"

/* How long a link waits for room: a process whose session is over may just be ending. */
static const int64_t room_us = 300 * PH_MILLISECOND_US;
static const int64_t accept_pause_us = 50 * PH_MILLISECOND_US;

static uint32_t in_phase(const struct ph_supervisor *supervisor, enum ph_greeting_phase phase) {
    uint32_t count = 0;
    for (int i = 0; i < PH_MOST_GREETINGS; i++)
        count += supervisor->greetings[i].fd >= 0 && supervisor->greetings[i].phase == phase;
    return count;
}

uint32_t ph_supervisor_waiting(const struct ph_supervisor *supervisor) {
    return in_phase(supervisor, PH_GREETING_WAITING);
}

static int free_place(const struct ph_supervisor *supervisor) {
    for (int i = 0; i < PH_MOST_GREETINGS; i++) {
        if (supervisor->greetings[i].fd < 0)
            return i;
    }
    return -1;
}

static uint32_t wanted_events(enum ph_greeting_phase phase) {
    return phase == PH_GREETING_WAITING ? EPOLLRDHUP : EPOLLIN;
}

void ph_supervisor_accept(struct ph_supervisor *supervisor, int listener, int64_t now_us) {
    int place = free_place(supervisor);
    if (place < 0)
        return;
    int fd = accept4(supervisor->listeners[listener].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            supervisor->accept_after_us = now_us + accept_pause_us;
        return;
    }
    struct ph_worker_greeting *greeting = &supervisor->greetings[place];
    bool is_unix = supervisor->listeners[listener].endpoint.is_unix;
    if (ph_worker_greeting_begin(greeting, fd, is_unix, now_us))
        return;
    if (ph_supervisor_watch(
            supervisor, EPOLL_CTL_ADD, fd, wanted_events(greeting->phase), PH_FROM_GREETING, place))
        ph_worker_greeting_close(greeting);
}

static void reject(
    struct ph_supervisor *supervisor, struct ph_worker_greeting *greeting, int code, int64_t now_us) {
    bool unproven = greeting->phase == PH_GREETING_PROVING;
    ph_worker_greeting_close(greeting);
    if (!unproven)
        return;
    ph_metric_add(supervisor->metrics.rejected, 1);
    if (supervisor->rejection_logged_us && now_us - supervisor->rejection_logged_us < PH_SECOND_US)
        return;
    supervisor->rejection_logged_us = now_us;
    ph_log_warning(
        "source link rejected: PORTHOLE_CLUSTER_SECRET must be the same on all nodes", ph_code(code));
}

void ph_supervisor_read_greeting(
    struct ph_supervisor *supervisor, int place, uint32_t events, int64_t now_us) {
    struct ph_worker_greeting *greeting = &supervisor->greetings[place];
    if (greeting->fd < 0)
        return;
    enum ph_greeting_phase before = greeting->phase;
    int code = ph_worker_greeting_read(greeting, ph_bytes_slice(supervisor->secret), now_us);
    if (!code && before == PH_GREETING_WAITING && events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        code = PH_EOF;
    if (!code && greeting->phase != before)
        code = ph_supervisor_watch(
            supervisor, EPOLL_CTL_MOD, greeting->fd, wanted_events(greeting->phase), PH_FROM_GREETING, place);
    if (code)
        reject(supervisor, greeting, code, now_us);
}

static void refuse(
    struct ph_supervisor *supervisor, int place, const char *code, const char *text, int64_t now_us) {
    struct ph_worker_greeting *greeting = &supervisor->greetings[place];
    ph_log_info("source link refused", ph_str("reason", code));
    ph_worker_greeting_refuse(greeting, code, text, now_us);
    if (greeting->fd >= 0 &&
        ph_supervisor_watch(supervisor, EPOLL_CTL_MOD, greeting->fd, EPOLLIN, PH_FROM_GREETING, place))
        ph_worker_greeting_close(greeting);
}

static void hand_over(struct ph_supervisor *supervisor, struct ph_worker_greeting *greeting,
    struct ph_worker_process *spare, int64_t now_us) {
    int code = ph_worker_process_give(spare, greeting->fd, now_us);
    if (code) { /* a spare that takes nothing is of no use; the link goes to the next */
        ph_log_warning(
            "spare process takes no session and gets killed", ph_int("pid", spare->view.pid), ph_code(code));
        spare->killed = true;
        ph_worker_process_signal(spare, SIGKILL);
        return;
    }
    ph_log_info("process takes a session", ph_int("pid", spare->view.pid),
        ph_int("waited_ms", (now_us - greeting->since_us) / PH_MILLISECOND_US));
    ph_worker_greeting_close(greeting);
    supervisor->failed_spawns = 0;
    supervisor->reserved -= supervisor->reserved > 0;
}

static void serve(struct ph_supervisor *supervisor, int place, int64_t now_us) {
    struct ph_worker_greeting *greeting = &supervisor->greetings[place];
    bool takes_none = atomic_load(&supervisor->takes_none) && supervisor->reserved == 0;
    if (supervisor->draining || takes_none) {
        refuse(supervisor, place, "draining", "this node takes no sessions any more", now_us);
        return;
    }
    uint32_t busy = ph_supervisor_count(supervisor, PH_WORKER_BUSY);
    bool room = busy < supervisor->capacity || supervisor->reserved > 0;
    struct ph_worker_process *spare = room ? ph_supervisor_spare(supervisor) : NULL;
    if (spare)
        hand_over(supervisor, greeting, spare, now_us);
    else if (!room && now_us - greeting->since_us >= room_us)
        refuse(supervisor, place, "busy", "this node carries all it can", now_us);
    else if (now_us >= greeting->deadline_us)
        refuse(supervisor, place, "not_ready", "no transcoding process got ready in time", now_us);
}

/* The one that has waited longest of those not yet served in this round. */
static int next_waiting(const struct ph_supervisor *supervisor, const bool served[PH_MOST_GREETINGS]) {
    int oldest = -1;
    for (int i = 0; i < PH_MOST_GREETINGS; i++) {
        const struct ph_worker_greeting *greeting = &supervisor->greetings[i];
        if (served[i] || greeting->fd < 0 || greeting->phase != PH_GREETING_WAITING)
            continue;
        if (oldest < 0 || greeting->since_us < supervisor->greetings[oldest].since_us)
            oldest = i;
    }
    return oldest;
}

/* A listener is deaf while there is no place, so that the backlog holds the callers; strangers do not get all
 * places. */
static void pause_listeners(struct ph_supervisor *supervisor, int64_t now_us) {
    bool full = free_place(supervisor) < 0 || now_us < supervisor->accept_after_us;
    bool crowded = in_phase(supervisor, PH_GREETING_PROVING) >= PH_MOST_PROVING;
    for (int i = 0; i < supervisor->listener_count; i++) {
        struct ph_worker_listener *listener = &supervisor->listeners[i];
        bool pause = full || (crowded && !listener->endpoint.is_unix);
        if (pause == listener->paused)
            continue;
        if (!ph_supervisor_watch(
                supervisor, EPOLL_CTL_MOD, listener->fd, pause ? 0 : EPOLLIN, PH_FROM_LISTENER, i))
            listener->paused = pause;
    }
}

void ph_supervisor_serve_links(struct ph_supervisor *supervisor, int64_t now_us) {
    bool served[PH_MOST_GREETINGS] = {false};
    for (int place; (place = next_waiting(supervisor, served)) >= 0;) {
        served[place] = true;
        serve(supervisor, place, now_us);
    }
    for (int i = 0; i < PH_MOST_GREETINGS; i++) {
        struct ph_worker_greeting *greeting = &supervisor->greetings[i];
        if (greeting->fd >= 0 && greeting->phase != PH_GREETING_WAITING && now_us >= greeting->deadline_us)
            reject(supervisor, greeting, -ETIMEDOUT, now_us);
    }
    pause_listeners(supervisor, now_us);
    supervisor->served_us = now_us;
}

int64_t ph_supervisor_links_due_us(const struct ph_supervisor *supervisor) {
    int64_t due_us = PH_NEVER_US;
    for (int i = 0; i < PH_MOST_GREETINGS; i++) {
        const struct ph_worker_greeting *greeting = &supervisor->greetings[i];
        if (greeting->fd < 0)
            continue;
        int64_t one_us = greeting->deadline_us;
        if (greeting->phase == PH_GREETING_WAITING && greeting->since_us + room_us > supervisor->served_us)
            one_us = greeting->since_us + room_us;
        due_us = one_us < due_us ? one_us : due_us;
    }
    return due_us;
}

void ph_supervisor_close_links(struct ph_supervisor *supervisor) {
    for (int i = 0; i < PH_MOST_GREETINGS; i++)
        ph_worker_greeting_close(&supervisor->greetings[i]);
    ph_worker_listeners_close(supervisor->listeners, supervisor->listener_count);
}
