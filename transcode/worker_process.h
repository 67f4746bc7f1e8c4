/* One `porthole transcode` process as its supervisor sees it. Embedded; owned by the supervisor's thread.
 *
 *   state      means                                     ends by
 *   starting   spawned, warming up                       {"ready":true}, or killed after a while
 *   spare      waits for a session                       ph_worker_process_give
 *   running    has a session                             its exit, or killed when silent
 */
#ifndef PH_TRANSCODE_WORKER_PROCESS_H
#define PH_TRANSCODE_WORKER_PROCESS_H

#include <stdbool.h>

#include <sys/types.h>

#include "core/base/random.h"
#include "core/media/source_link.h"

enum ph_worker_state { PH_WORKER_STARTING, PH_WORKER_SPARE, PH_WORKER_RUNNING };

struct ph_worker_process {
    char id[PH_SESSION_ID_BYTES];
    enum ph_worker_state state;
    pid_t pid;
    int pidfd;   /* readable once it has ended */
    int control; /* -1: closed */
    bool killed;
    int64_t since_us; /* in this state */
    int64_t heard_us;
    struct ph_link_stats stats;
    bool has_stats;
    int64_t cpu_us, cpu_sampled_us; /* at the last sample */
    double cores;                   /* smoothed; below zero: not measured yet */
};

/* Starts the executable with the argument "transcode", the control socket as descriptor 3, stderr inherited,
 * and no other descriptor open. 0 or -errno. */
int ph_worker_process_spawn(struct ph_worker_process *worker, const char *executable) PH_NODISCARD;
/* Takes what the process said: readiness or figures. 0; PH_EOF when it closed its end. */
int ph_worker_process_listen(struct ph_worker_process *worker, int64_t now_us) PH_NODISCARD;
/* Hands the link over to a spare. The descriptor stays the caller's, who closes it either way. 0 or -errno.
 */
int ph_worker_process_give(struct ph_worker_process *worker, int link, int64_t now_us) PH_NODISCARD;
/* Measures its CPU time since the last call. */
void ph_worker_process_measure(struct ph_worker_process *worker, int64_t now_us);
void ph_worker_process_signal(struct ph_worker_process *worker, int number);
/* 0 and the wait status once it has ended and is reaped; -EAGAIN while it runs. */
int ph_worker_process_reap(struct ph_worker_process *worker, int *status) PH_NODISCARD;
/* Closes the descriptors of a process that was reaped, or never spawned. */
void ph_worker_process_finish(struct ph_worker_process *worker);

#endif
