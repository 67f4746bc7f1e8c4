/* What the files of the SRT listener share. */
#ifndef PH_INGEST_SRT_INTERNAL_H
#define PH_INGEST_SRT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <srt/srt.h>
#include <uthash.h>

#include "ingest/srt_listener.h"

enum { PH_SRT_MOST_PENDING = 64, PH_PEER_BYTES = 64 };

/* A caller that was admitted and whose handshake goes on. */
struct ph_srt_pending {
    SRTSOCKET socket; /* 0: free */
    int64_t since_us;
    char peer[PH_PEER_BYTES];
    struct ph_admission admission;
};

/* A publisher's connection; owned by the listener's thread. */
struct ph_srt_connection {
    SRTSOCKET socket;
    struct ph_publishing *publishing;
    char peer[PH_PEER_BYTES];
    uint64_t bytes;
    UT_hash_handle hh;
};

struct ph_srt_listener {
    struct ph_relays *relays;
    struct ph_metrics *metrics;
    char host[256], port[8];
    int latency_ms;
    SRTSOCKET socket;
    int epoll;
    bool started;
    pthread_t thread;
    atomic_bool stopping;
    struct ph_srt_connection *connections; /* the thread's */
    struct ph_metric *publishers;
    struct ph_metric *received_bytes;

    pthread_mutex_t lock;
    struct ph_srt_pending pending[PH_SRT_MOST_PENDING]; /* guarded by lock */
    double log_tokens;                                  /* guarded by lock */
    int64_t log_tokens_us;                              /* guarded by lock */
    uint64_t logs_suppressed;                           /* guarded by lock */
};

/* libsrt's listen callback: 0 lets the handshake go on. */
int ph_srt_admit(
    void *opaque, SRTSOCKET socket, int version, const struct sockaddr *peer, const char *streamid);
/* What was admitted for an accepted socket. False when nothing was. */
bool ph_srt_take_pending(struct ph_srt_listener *listener, SRTSOCKET socket, struct ph_srt_pending *pending);
/* Forgets callers whose handshake did not end, and says so. */
void ph_srt_expire_pending(struct ph_srt_listener *listener, int64_t now_us);
/* One line for each rejected caller, within a rate. */
void ph_srt_log_rejected(
    struct ph_srt_listener *listener, const char *session, const char *peer, const char *reason, int code);

/* Takes an accepted socket over, on failure too: then it is closed. */
void ph_srt_connection_open(
    struct ph_srt_listener *listener, SRTSOCKET socket, const struct ph_srt_pending *pending);
/* Reads all that is there. False when the connection is over: close it. */
bool ph_srt_connection_read(struct ph_srt_listener *listener, struct ph_srt_connection *connection);
void ph_srt_connection_close(
    struct ph_srt_listener *listener, struct ph_srt_connection *connection, const char *reason);
/* Once a second. */
void ph_srt_connection_measure(struct ph_srt_listener *listener, struct ph_srt_connection *connection);

#endif
