/* One `porthole transcode` process as its supervisor sees it. Embedded; owned by the supervisor's thread.
 *
 *   state      means                                     ends by
 *   starting   spawned, warming up                       {"ready":true}, or killed after a while
 *   spare      waits for a session                       ph_worker_process_give()
 *   busy       carries a session                         its exit, or killed when silent
 *   ending     was told to end                           its exit */
#ifndef PH_TRANSCODE_WORKER_PROCESS_H
#define PH_TRANSCODE_WORKER_PROCESS_H

#include <stdbool.h>

#include "transcode/supervisor.h"

struct ph_worker_process {
    struct ph_worker_view view; /* pid 0: free */
    int pidfd;                  /* readable once it has ended */
    int control;                /* -1: closed */
    int64_t since_us;           /* in this state */
    int64_t heard_us;
    int64_t cpu_us, measured_us; /* at the last measurement; 0: none */
    double cores;                /* smoothed CPU seconds a second; below zero: not measured */
    bool killed;                 /* for its silence; it is about to end */
};

/* Starts `executable` with the argument "transcode", the control socket as descriptor 3, stderr inherited,
 * stdin and stdout /dev/null, and no other descriptor open. 0 or -errno; then the struct is free. */
int ph_worker_process_spawn(
    struct ph_worker_process *worker, const char *executable, char *const *environment) PH_NODISCARD;
/* Takes what the process said: readiness or figures. 0; PH_EOF when it closed its end. */
int ph_worker_process_listen(struct ph_worker_process *worker, int64_t now_us) PH_NODISCARD;
/* Hands a spare the link. The descriptor stays the caller's, who closes it. 0 or -errno. */
int ph_worker_process_give(struct ph_worker_process *worker, int link, int64_t now_us) PH_NODISCARD;
/* Sends a message with a descriptor, which stays the caller's. 0 or -errno. */
int ph_worker_process_send_file(
    const struct ph_worker_process *worker, int fd, struct ph_slice text) PH_NODISCARD;
/* Measures the CPU time used since the last call. */
void ph_worker_process_measure(struct ph_worker_process *worker, int64_t now_us);
void ph_worker_process_signal(const struct ph_worker_process *worker, int number);
void ph_worker_process_enter(struct ph_worker_process *worker, enum ph_worker_state state, int64_t now_us);
/* 0 and the wait status once it has ended and is reaped; -EAGAIN while it runs. */
int ph_worker_process_reap(const struct ph_worker_process *worker, int *status) PH_NODISCARD;
/* Closes the descriptors; the struct is free. */
void ph_worker_process_finish(struct ph_worker_process *worker);

/* This process's environment for the spawned ones: without PORTHOLE_…, which holds secrets that a process
 * reading strangers' bytes shall not have, and with PORTHOLE_ENCODER. `encoder` NULL takes the one set here.
 * Freed by ph_worker_environment_free(); NULL when out of memory. */
char **ph_worker_environment_make(const char *encoder);
void ph_worker_environment_free(char **environment);

#endif
