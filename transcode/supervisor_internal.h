/* What the supervisor's files share. Everything belongs to its thread but what is marked. */
#ifndef PH_TRANSCODE_SUPERVISOR_INTERNAL_H
#define PH_TRANSCODE_SUPERVISOR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "transcode/supervisor.h"
#include "transcode/worker_greeting.h"
#include "transcode/worker_listener.h"
#include "transcode/worker_process.h"

enum { PH_MOST_GREETINGS = 64, PH_MOST_PROVING = 32, PH_WORKER_STATES = 4 };

struct ph_supervisor_metrics {
    struct ph_metric *processes[PH_WORKER_STATES];
    struct ph_metric *crashes, *spawn_seconds, *capacity, *rejected;
};

struct ph_supervisor {
    /* Fixed at creation. */
    struct ph_bytes *secret;
    char *executable;
    char **environment;
    uint32_t most_sessions;
    int listener_count;
    double cores;
    int epoll, wake_fd;
    struct ph_supervisor_metrics metrics;

    struct ph_worker_listener listeners[PH_MOST_WORKER_LISTENERS];
    struct ph_worker_greeting greetings[PH_MOST_GREETINGS];
    struct ph_worker_process workers[PH_SUPERVISOR_MOST_WORKERS];
    int64_t accept_after_us; /* descriptors ran out: no accepting until then */
    int64_t served_us;       /* when links were last served */
    int64_t spawn_after_us;
    uint32_t failed_spawns; /* processes that were of no use, in a row */
    uint32_t capacity;
    uint32_t logged_capacity;
    uint32_t reserved; /* sessions whose process crashed lately: they come back */
    int64_t reserved_until_us;
    int64_t measured_us;
    int64_t rejection_logged_us;
    int64_t kill_us; /* draining: SIGTERM is out, SIGKILL follows then; 0: not yet */
    bool draining;

    /* For all threads. */
    atomic_bool has_room;
    atomic_bool takes_none;    /* no new session */
    _Atomic(int64_t) drain_us; /* the drain's deadline; PH_NEVER_US: none is asked for */

    /* The caller's of start, drain and destroy. */
    pthread_t thread;
    bool started;

    pthread_mutex_t lock;                                    /* guards what follows */
    struct ph_worker_view views[PH_SUPERVISOR_MOST_WORKERS]; /* as of the last round */
    size_t view_count;
    uint32_t shown_failures; /* failed_spawns, as of the last round */
    uint32_t shown_capacity; /* capacity, likewise */
};

/* What an epoll event belongs to. */
enum ph_supervisor_source {
    PH_FROM_WAKE,
    PH_FROM_LISTENER,
    PH_FROM_GREETING,
    PH_FROM_CONTROL,
    PH_FROM_PIDFD,
};
int ph_supervisor_watch(struct ph_supervisor *supervisor, int operation, int fd, uint32_t events,
    enum ph_supervisor_source source, int place) PH_NODISCARD;

/* The thread: opaque is the supervisor. */
void *ph_supervisor_run(void *opaque);

/* supervisor_links.c: sockets and links without a process. */
void ph_supervisor_accept(struct ph_supervisor *supervisor, int listener, int64_t now_us);
void ph_supervisor_read_greeting(
    struct ph_supervisor *supervisor, int place, uint32_t events, int64_t now_us);
/* Hands over, refuses, times out; pauses listeners that are beyond a bound. */
void ph_supervisor_serve_links(struct ph_supervisor *supervisor, int64_t now_us);
/* When that has to be done next, if nothing happens. */
int64_t ph_supervisor_links_due_us(const struct ph_supervisor *supervisor);
void ph_supervisor_close_links(struct ph_supervisor *supervisor);
uint32_t ph_supervisor_waiting(const struct ph_supervisor *supervisor);

/* supervisor_workers.c: processes. */
void ph_supervisor_hear_worker(struct ph_supervisor *supervisor, int place, int64_t now_us);
void ph_supervisor_reap_worker(struct ph_supervisor *supervisor, int place, int64_t now_us);
/* Spawns, kills what is silent, measures. */
void ph_supervisor_look_after_workers(struct ph_supervisor *supervisor, int64_t now_us);
/* Tells all processes, or only those that carry no session, to end. */
void ph_supervisor_end_workers(struct ph_supervisor *supervisor, bool busy_too, int number, int64_t now_us);
/* A spare that is ready; NULL when there is none. */
struct ph_worker_process *ph_supervisor_spare(struct ph_supervisor *supervisor);
uint32_t ph_supervisor_count(const struct ph_supervisor *supervisor, enum ph_worker_state state);

#endif
