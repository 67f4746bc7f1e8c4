/* A worker's end of source links, scripted: accepts on a unix socket or TCP, records every entry, and does as
 * told. */
#ifndef PH_TEST_WORKER_DOUBLE_H
#define PH_TEST_WORKER_DOUBLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/media/source_link.h"

enum { WORKER_MOST_LIVES = 64, WORKER_MOST_ENTRIES = 20000 };

/* One link's life. */
struct worker_life {
    uint64_t accepted_from;                /* what ACCEPT asked for */
    uint64_t durable_from, published_from; /* of HELLO */
    bool had_state;
    char publish_token[64];
    int ticks;
    int entry_count;
    struct {
        enum ph_link_type type;
        uint64_t index;
        int64_t time_us;
        uint32_t checksum;
    } entries[WORKER_MOST_ENTRIES];
};

struct worker_double {
    /* Set before start; the atomics also later. */
    struct ph_slice secret;    /* TCP: authenticates with it */
    bool bad_proof;            /* TCP: AUTH_OK is wrong */
    atomic_int refuse;         /* links to refuse as busy */
    atomic_int die_least;      /* entries a life handles before it ends … */
    atomic_int die_spread;     /* … and at most this many more, at random */
    atomic_int lives_that_die; /* how many lives end so; then they stay */
    atomic_int ack_every;      /* entries between acknowledgements; 0: none */
    atomic_int replay_back;    /* how far behind the newest entry an acknowledgement's replay point is */
    atomic_int pause_us;       /* between reads: a slow worker */
    atomic_bool fail;          /* FAILED on the first unit */
    atomic_bool mute;          /* says nothing after ACCEPT */
    const char *path;          /* unix socket to listen on; NULL: TCP on 127.0.0.1 */

    char endpoint[160]; /* for the `workers` setting */
    int listener;
    atomic_bool stopping;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int life_count;                               /* guarded by lock */
    bool finished;                                /* guarded by lock: END was handled */
    int proofs_failed;                            /* guarded by lock */
    struct worker_life *lives[WORKER_MOST_LIVES]; /* guarded by lock */
};

void worker_double_start(struct worker_double *worker);
void worker_double_stop(struct worker_double *worker);
/* Waits until the condition holds, called with the lock held; false after `seconds`. */
bool worker_double_wait(struct worker_double *worker,
    bool (*condition)(struct worker_double *worker, int number), int number, int seconds);
uint32_t worker_double_checksum(struct ph_slice bytes);

#endif
