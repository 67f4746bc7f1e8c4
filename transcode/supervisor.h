/* The worker role: takes source links from ingest and gives each to a process of its own (`porthole
 * transcode`).
 *
 * One thread owns everything: listening sockets, links that wait, processes. A warm spare process always
 * stands ready, so that a link waits for no start. Processes are watched by their heartbeat and by pidfd, and
 * are ended by pid only. The other functions may be called from any thread.
 *
 *   phase     from                            what is allowed
 *   created   ph_supervisor_create()          the addresses are bound; start, destroy
 *   running   ph_supervisor_start()           all but start
 *   draining  ph_supervisor_drain()           links are refused as "draining"; sessions go on to the deadline
 *   ended     the drain's return              destroy */
#ifndef PH_TRANSCODE_SUPERVISOR_H
#define PH_TRANSCODE_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/media/source_link.h"

struct ph_supervisor;

/* Strings and the secret are copied; `metrics` is borrowed and outlives the supervisor. */
struct ph_supervisor_options {
    const char *listen;     /* "unix:/path" or "tcp:host:port"; several are separated by commas */
    struct ph_slice secret; /* the cluster's: TCP links prove it */
    const char *executable; /* NULL: /proc/self/exe */
    const char *encoder;    /* PORTHOLE_ENCODER of the processes; NULL leaves it as it is here */
    uint32_t most_sessions; /* 0: by measured speed */
    struct ph_metrics *metrics;
};

/* Binds the addresses. On failure a sentence that names PORTHOLE_WORKER_LISTEN, and -EINVAL, -EADDRINUSE,
 * -ENOMEM or another -errno. A unix socket's file that nobody listens at is replaced. */
int ph_supervisor_create(struct ph_supervisor **supervisor, const struct ph_supervisor_options *options,
    struct ph_error *error) PH_NODISCARD;
/* Starts the thread and with it the first spare. 0 or -errno. */
int ph_supervisor_start(struct ph_supervisor *supervisor) PH_NODISCARD;
/* Takes no new session, waits until the running ones ended or until the deadline (ph_now_us()'s clock), then
 * ends what is left: SIGTERM, after a second SIGKILL, reaped. Returns when no process is left. */
void ph_supervisor_drain(struct ph_supervisor *supervisor, int64_t deadline_us);
/* Drains with a deadline that is over, unless it was drained; frees. NULL is accepted. */
void ph_supervisor_destroy(struct ph_supervisor *supervisor);

/* Whether one more session would be taken at this moment; `opaque` is the supervisor. Reads one atomic. */
bool ph_supervisor_has_capacity(void *opaque);
/* A struct ph_feature's check: false with a sentence in `text` when no process can be started. Does not
 * block. */
bool ph_supervisor_health(void *opaque, char *text, size_t text_bytes);

/* No new session from now on; those that are here go on, and one whose process crashed comes back. */
void ph_supervisor_stop_taking(struct ph_supervisor *supervisor);
/* How many sessions it carries at most, as of the last measurement. */
uint32_t ph_supervisor_capacity(struct ph_supervisor *supervisor);

enum ph_worker_state {
    PH_WORKER_STARTING, /* warms up */
    PH_WORKER_SPARE,    /* ready, waits for a link */
    PH_WORKER_BUSY,     /* carries a session */
    PH_WORKER_ENDING,   /* was told to end */
};
const char *ph_worker_state_name(enum ph_worker_state state);

/* A process as it is at one moment. */
struct ph_worker_view {
    pid_t pid;
    enum ph_worker_state state;
    int64_t since_utc_us; /* in this state */
    bool has_stats;
    struct ph_link_stats stats; /* the last heartbeat's */
};

enum { PH_SUPERVISOR_MOST_WORKERS = 256 };

/* Copies at most `most` views; the count copied. */
size_t ph_supervisor_snapshot(struct ph_supervisor *supervisor, struct ph_worker_view *views, size_t most);

#endif
