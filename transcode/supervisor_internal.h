/* What the supervisor's files share. Everything belongs to its thread but what is marked. */
#ifndef PH_TRANSCODE_SUPERVISOR_INTERNAL_H
#define PH_TRANSCODE_SUPERVISOR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <poll.h>

#include "core/media/link_endpoint.h"
#include "transcode/supervisor.h"
#include "transcode/worker_greeting.h"

enum { PH_MOST_LISTENERS = 4, PH_MOST_GREETINGS = 32, PH_MOST_WORKERS = 128 };

struct ph_supervisor {
    struct ph_slice secret;
    char *executable;
    uint32_t most_sessions;
    struct ph_metrics *metrics;
    double usable_cores;
    struct ph_link_endpoint endpoints[PH_MOST_LISTENERS]; /* fixed at creation */
    int listeners[PH_MOST_LISTENERS];                     /* fixed at start */
    int listener_count;
    int wake_fd;
    bool started;
    pthread_t thread;
    atomic_bool draining, stopping;

    struct ph_worker_greeting greetings[PH_MOST_GREETINGS];
    int64_t listen_after_us; /* descriptors ran out: pause accepting until then */
    int64_t spawn_after_us;  /* the earliest time for the next spawn */
    int failed_spawns;       /* processes that never became ready, in a row */
    uint32_t reserved;       /* sessions whose worker crashed lately: they come back */
    int64_t reserved_until_us;
    int64_t measured_us;
    int64_t auth_logged_us;
    uint32_t logged_capacity;

    pthread_mutex_t lock;
    pthread_cond_t changed;                            /* with `lock`: a worker ended */
    struct ph_worker_process workers[PH_MOST_WORKERS]; /* written by the thread with the lock held */
    uint32_t worker_count;                             /* the same */
    uint32_t capacity;                                 /* the same */
    atomic_bool has_room;
};

/* Opens every endpoint. */
int ph_supervisor_listen(struct ph_supervisor *supervisor, struct ph_error *error) PH_NODISCARD;
void ph_supervisor_close_listeners(struct ph_supervisor *supervisor);
/* Accepts one link from a listener that is ready. */
void ph_supervisor_accept(struct ph_supervisor *supervisor, int listener, int64_t now_us);
/* Moves the links on that have no worker yet: proofs, hand-over, refusals. `ready` says whether its
 * descriptor is. */
void ph_supervisor_move_greeting(
    struct ph_supervisor *supervisor, struct ph_worker_greeting *greeting, bool ready, int64_t now_us);

/* Spawns a spare when there is none; kills what is stuck; measures. */
void ph_supervisor_look_after_workers(struct ph_supervisor *supervisor, int64_t now_us);
/* A worker's descriptors are ready. False when it has ended and is removed: another has its place in the
 * array. */
bool ph_supervisor_move_worker(struct ph_supervisor *supervisor, uint32_t place, int64_t now_us);
struct ph_worker_process *ph_supervisor_spare(struct ph_supervisor *supervisor);
uint32_t ph_supervisor_running(const struct ph_supervisor *supervisor);
/* After the number of running sessions or their load changed. */
void ph_supervisor_update_room(struct ph_supervisor *supervisor, int64_t now_us);

#endif
