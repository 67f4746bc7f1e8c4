/* One session's relay, for the files that implement it.
 *
 * Lifetime: made by the first publisher (or by an end for a session that has none), kept in the table until
 * finished or failed, freed with its last reference (the table's, a publishing's). Fields marked L are
 * guarded by relays->lock; fields marked T belong to the relays' thread; the others do not change. */
#ifndef PH_INGEST_RELAY_H
#define PH_INGEST_RELAY_H

#include <pthread.h>
#include <stdatomic.h>

#include <uthash.h>

#include "ingest/crash_history.h"
#include "ingest/link_socket.h"
#include "ingest/relays.h"
#include "ingest/worker_pool.h"

enum ph_relay_state {
    PH_RELAY_WAITING,        /* for its next try to reach a worker */
    PH_RELAY_CONNECTING,     /* the socket's connect */
    PH_RELAY_AUTHENTICATING, /* TCP: for CHALLENGE */
    PH_RELAY_PROVING,        /* TCP: for AUTH_OK */
    PH_RELAY_HELLO,          /* for ACCEPT or REFUSE */
    PH_RELAY_REPLAYING,      /* sends what the ring holds, faster than it arrived */
    PH_RELAY_STREAMING,      /* sends what arrives */
    PH_RELAY_ENDING,         /* END is sent: for FINISHED */
    PH_RELAY_FINISHED,
    PH_RELAY_FAILED,
};

struct ph_publishing {
    struct ph_relay *relay; /* a reference */
    uint64_t number;
    int wake_fd;
    unsigned requests; /* L */
};

struct ph_relay_checkpoint {
    uint64_t replay_from;
    struct ph_bytes *state; /* NULL: none */
};

struct ph_relay {
    struct ph_relays *relays;
    char session[PH_SESSION_ID_BYTES];
    char *ladder;
    bool is_private, is_recorded;
    int references;    /* L */
    UT_hash_handle hh; /* L; in relays->table */

    struct ph_ring *ring;            /* L */
    struct ph_publishing *publisher; /* L; NULL while none is attached */
    uint64_t connections;            /* L */
    int64_t epoch_time_us;           /* L until the first CONNECTION is in the ring */
    int64_t epoch_utc_us;            /* L, the same */
    int64_t last_media_us;           /* L; when the publisher last sent media */
    int64_t last_entry_us;           /* L; times in the ring and of ticks never fall */
    bool end_wanted;                 /* L; END is in the ring, or nothing ever was */
    bool over;                       /* L; finished or failed: takes nothing more */
    char end_reason[64];             /* L until end_wanted */
    int64_t end_us;                  /* L; when end_wanted was set */
    const char *state_name;          /* L; for snapshots */
    uint64_t deaths;                 /* L */

    enum ph_relay_state state;              /* T */
    struct ph_link_socket socket;           /* T */
    struct ph_link_address worker;          /* T; that of `socket` */
    uint8_t nonce[PH_LINK_NONCE_BYTES];     /* T; ours */
    uint8_t challenge[PH_LINK_NONCE_BYTES]; /* T; the worker's */
    uint64_t position;                      /* T; the next entry to send */
    uint64_t replay_point;                  /* T; what this worker replays from */
    struct ph_relay_checkpoint durable;     /* T */
    struct ph_relay_checkpoint published;   /* T */
    bool live;                              /* T; published anything */
    int64_t deadline_us;                    /* T; of the present state */
    int64_t heard_us, sent_us;              /* T; last frame from, last entry or tick to the worker */
    int attempts;                           /* T; since the last ACCEPT */
    int64_t died_us;                 /* T; of the worker before, until its successor publishes; else 0 */
    struct ph_link_stats counted;    /* T; this worker's figures that the counters hold */
    struct ph_crash_history crashes; /* T */
};

struct ph_relays {
    struct ph_ingest_control *control;
    struct ph_metrics *metrics;
    struct ph_slice publish_secret, cluster_secret;
    char *origins[PH_LINK_MOST_ORIGINS + 1];
    char *ladder, *preset, *encoder;
    uint32_t part_ms, segment_ms, reconnect_window_s;
    struct ph_ring_limits ring_limits;
    bool (*has_capacity)(void *opaque);
    void *capacity_opaque;
    struct ph_worker_pool *workers;
    int epoll, wake_fd;
    bool started;
    pthread_t thread;
    atomic_bool stopping;

    pthread_mutex_t lock;
    pthread_cond_t emptied; /* with `lock` */
    struct ph_relay *table; /* L */
    bool closed;            /* L; takes no publisher any more */
};

/* With the lock held. */
struct ph_relay *ph_relay_find(struct ph_relays *relays, const char *session);
/* The relay of an admitted session, in the table. NULL when out of memory. */
struct ph_relay *ph_relay_create(struct ph_relays *relays, const struct ph_admission *admission);
/* Drops one reference. */
void ph_relay_unref(struct ph_relay *relay);
/* Appends an entry, at a time that never falls. */
int ph_relay_append(struct ph_relay *relay, enum ph_link_type type, struct ph_slice bytes) PH_NODISCARD;
/* Asks the attached publisher, if there is one. */
void ph_relay_request(struct ph_relay *relay, unsigned request);
/* Appends END and asks the publisher to close; the first reason stays. 0 or -ENOMEM: call again. */
int ph_relay_end(struct ph_relay *relay, const char *reason) PH_NODISCARD;

/* By the relays' thread, without the lock: moves the relay on. Returns when it wants to be called again at
 * the latest. */
int64_t ph_relay_service(struct ph_relay *relay, int64_t now_us);
/* What a frame from the worker does. 0, or why the link must be given up (PH_INVALID_DATA: it broke the
 * protocol). */
int ph_relay_handle_frame(
    struct ph_relay *relay, const struct ph_link_frame *frame, int64_t now_us) PH_NODISCARD;
/* The same thread: changes state. */
void ph_relay_enter(struct ph_relay *relay, enum ph_relay_state state, int64_t deadline_us);
/* Writes HELLO and enters PH_RELAY_HELLO. */
int ph_relay_greet(struct ph_relay *relay, int64_t now_us) PH_NODISCARD;
/* The session cannot be carried. */
void ph_relay_fail(struct ph_relay *relay, const struct ph_link_reason *reason);
/* The session is over. */
void ph_relay_finish(struct ph_relay *relay);

void ph_relays_wake(struct ph_relays *relays);

#endif
