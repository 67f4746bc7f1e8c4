/* The ingest end of a source link for tests, and a worker session at the other end in a thread. */
#ifndef PH_TEST_INGEST_DOUBLE_H
#define PH_TEST_INGEST_DOUBLE_H

#include <pthread.h>

#include "core/media/source_link.h"
#include "transcode/link.h"

struct ingest_double {
    struct ph_link *link;
    pthread_t worker, reader;
    bool worker_is_thread;
    int link_fd, worker_fd;
    int verdict; /* of ph_session_serve() */

    pthread_mutex_t lock; /* guards what follows */
    bool accepted, finished, failed;
    bool has_checkpoint; /* behind the first unit */
    bool is_left;        /* the worker hung up */
    uint64_t replay_from;
    uint32_t acks, stats;
    struct ph_link_stats last_stats;
    struct ph_link_reason reason;
    /* The newest acknowledgement; states are ours. */
    uint64_t durable_from, published_from;
    struct ph_bytes *durable_state, *published_state;
};

/* Sends HELLO with the states of `before` (NULL: a new session) to a worker: a thread of this process, or
 * with `control` (else -1) the process at the other end of that socket, which is given the link's descriptor.
 * `hello` is borrowed. */
void ingest_double_start(struct ingest_double *ingest, const struct ph_link_hello *hello,
    const struct ingest_double *before, int control);
void ingest_double_send(struct ingest_double *ingest, const struct ph_link_entry *entry);
/* Waits for the flag; false after thirty seconds. */
bool ingest_double_wait(struct ingest_double *ingest, const bool *flag);
/* Hangs up and waits for the worker; its verdict. The acknowledgement stays until finish. */
int ingest_double_hang_up(struct ingest_double *ingest);
void ingest_double_finish(struct ingest_double *ingest);

#endif
