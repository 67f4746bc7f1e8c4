/* The worker role: listens for source links and gives each a `porthole transcode` process of its own.
 *
 *   phase      what may be called
 *   created    start, destroy
 *   started    has_capacity, workers, drain
 *   drained    workers, destroy
 *
 * One thread creates, starts, drains and destroys; has_capacity and workers may be called from any.
 *
 * A warm spare process waits at all times. A process that is silent for five seconds is killed; one that dies
 * is replaced, with growing pauses when it dies while warming up. */
#ifndef PH_TRANSCODE_SUPERVISOR_H
#define PH_TRANSCODE_SUPERVISOR_H

#include "core/base/metrics.h"
#include "transcode/worker_process.h"

struct ph_supervisor;

struct ph_supervisor_options {
    const char *listen;             /* comma-separated "unix:/path", "tcp:host:port" */
    struct ph_slice cluster_secret; /* borrowed; TCP links prove that they know it */
    const char *executable;         /* NULL: this program */
    uint32_t most_sessions;         /* 0: by measured load */
    struct ph_metrics *metrics;     /* borrowed */
};

/* 0, or a negative code with a sentence for the operator. Strings are copied. */
int ph_supervisor_create(struct ph_supervisor **supervisor, const struct ph_supervisor_options *options,
    struct ph_error *error) PH_NODISCARD;
/* Opens the sockets and starts the thread and the first spare. */
int ph_supervisor_start(struct ph_supervisor *supervisor, struct ph_error *error) PH_NODISCARD;

/* Whether a session more would be taken. Never blocks. */
bool ph_supervisor_has_capacity(struct ph_supervisor *supervisor);
/* The same with the signature of ingest's `has_capacity`. */
bool ph_supervisor_has_capacity_opaque(void *supervisor);

/* Takes no session any more and waits for the running ones. 0, or -ETIMEDOUT when some still ran at the
 * deadline (ph_now_us() time). */
int ph_supervisor_drain(struct ph_supervisor *supervisor, int64_t deadline_us) PH_NODISCARD;
/* Ends all processes that are left (SIGTERM, after a second SIGKILL) and the thread. NULL is fine. */
void ph_supervisor_destroy(struct ph_supervisor *supervisor);

struct ph_worker_snapshot {
    char id[PH_SESSION_ID_BYTES];
    enum ph_worker_state state;
    pid_t pid;
    int64_t since_us; /* ph_now_us() time */
    double cores;     /* below zero: not measured yet */
    bool has_stats;
    struct ph_link_stats stats;
};
/* Fills at most `most`; returns how many processes there are. `capacity` (may be NULL): sessions the node can
 * carry. */
size_t ph_supervisor_workers(
    struct ph_supervisor *supervisor, struct ph_worker_snapshot *workers, size_t most, uint32_t *capacity);

#endif
