/* What the spool's files share among themselves. */
#ifndef PH_ORIGIN_SPOOL_PRIVATE_H
#define PH_ORIGIN_SPOOL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/queue.h"
#include "origin/spool.h"
#include "origin/spool_files.h"

struct ph_spool {
    struct ph_spool_options options; /* constant */
    char root[PH_SPOOL_PATH_BYTES];  /* constant */
    struct ph_queue *queue;
    pthread_t thread;
    bool running; /* started and not joined */
    pthread_mutex_t lock;
    pthread_cond_t finish;            /* with lock */
    bool finished;                    /* guarded by lock: the thread has written everything and ends */
    _Atomic int64_t failing_since_us; /* 0: all is well */
    /* of the spool's thread */
    struct ph_spool_budget budget;
    int64_t retry_at_us;
    int64_t log_next_us;
};

/* Removes the folders of sessions whose end marker is older than a tombstone lives. */
void ph_spool_sweep_tombstones(struct ph_spool *spool);

#endif
