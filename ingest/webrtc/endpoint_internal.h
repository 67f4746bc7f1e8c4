/* What the files of the WebRTC endpoint share. Everything belongs to the endpoint's thread, unless it says
 * otherwise.
 *
 * Lifetime of a connection: made by ph_webrtc_connection_open() and in `connections` from then on; whoever
 * finds that it is over notes the reason (ph_webrtc_connection_end()); ph_webrtc_connection_service() alone
 * frees it, at the end of a round, so that nobody below holds what is gone.
 *
 *   phase       has                              until
 *   waiting     credentials                      a valid check
 *   handshake   + paths, dtls                    20 s after the offer at the latest
 *   connected   + srtp, rtp                      the first packet of media, within 30 s
 *   publishing  + publishing                     goodbye, DELETE, 30 s of silence, the relay's CLOSE */
#ifndef PH_INGEST_WEBRTC_ENDPOINT_INTERNAL_H
#define PH_INGEST_WEBRTC_ENDPOINT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <uthash.h>

#include "core/base/metrics.h"
#include "ingest/webrtc/dtls.h"
#include "ingest/webrtc/endpoint.h"
#include "ingest/webrtc/rtp_session.h"
#include "ingest/webrtc/srtp.h"
#include "ingest/webrtc/tcp_port.h"
#include "ingest/webrtc/udp_port.h"

enum ph_webrtc_drop {
    PH_WEBRTC_DROP_STRANGER, /* from an address that nothing authentic came from */
    PH_WEBRTC_DROP_STUN,     /* malformed, of no connection, or with a wrong signature */
    PH_WEBRTC_DROP_EARLY,    /* media before the keys */
    PH_WEBRTC_DROP_FORGED,   /* SRTP that does not authenticate */
    PH_WEBRTC_DROP_REPLAYED, /* SRTP seen before */
    PH_WEBRTC_DROP_STREAMS,  /* one SSRC too many */
    PH_WEBRTC_DROP_OTHER,    /* of no protocol that is spoken here */
    PH_WEBRTC_DROP_COUNT,
};

struct ph_webrtc_connection;

struct ph_webrtc_ufrag {
    char ufrag[PH_ICE_UFRAG_CHARACTERS + 1]; /* "": not in the table */
    struct ph_webrtc_connection *connection;
    UT_hash_handle hh;
};

enum { PH_WEBRTC_PATH_KEY_BYTES = sizeof(uint64_t) + sizeof(struct ph_net_address) };
struct ph_webrtc_path {
    uint8_t key[PH_WEBRTC_PATH_KEY_BYTES]; /* the TCP connection's number and the remote address */
    bool is_listed;
    uint64_t tcp;
    int place; /* in the agent */
    struct ph_webrtc_connection *connection;
    UT_hash_handle hh;
};

/* SSRCs that a publisher was heard by, or announced, for when its address changes. */
enum { PH_WEBRTC_MOST_SSRCS = 8 };
struct ph_webrtc_ssrc {
    uint32_t ssrc;
    struct ph_webrtc_connection *connection; /* NULL: not in the table */
    UT_hash_handle hh;
};

struct ph_webrtc_connection {
    struct ph_webrtc_endpoint *endpoint;
    char id[PH_WEBRTC_ID_CHARACTERS + 1];
    uint8_t key_hash[PH_WEBRTC_KEY_HASH_BYTES];
    struct ph_admission admission;
    struct ph_negotiation negotiation;
    char *worker_sdp;
    uint32_t ceiling_bps;

    struct ph_ice_agent ice;
    struct ph_webrtc_ufrag ufrags[2]; /* of the present credentials, and of the next */
    struct ph_webrtc_path paths[PH_ICE_MOST_PATHS];
    struct ph_webrtc_ssrc ssrcs[PH_WEBRTC_MOST_SSRCS];
    unsigned ssrc_turn; /* which of them gives way next */
    unsigned tries;     /* to open strangers' packets, in the second that began then: */
    int64_t tries_since_us;

    struct ph_dtls *dtls;             /* NULL until the first path is valid */
    struct ph_srtp *srtp;             /* NULL until connected */
    struct ph_rtp_session *rtp;       /* the same */
    struct ph_publishing *publishing; /* NULL until media came */
    struct ph_rtp_figures counted;    /* what the metrics hold of it */

    int64_t opened_us, handshake_us, connected_us;
    int64_t next_us;  /* when it wants to be serviced */
    bool touched;     /* in this round */
    bool has_units;   /* forwarded in this round */
    uint64_t bytes;   /* received */
    const char *over; /* why; static. NULL while it lives */
    UT_hash_handle hh;
};

/* A function run by the endpoint's thread for another that waits. */
struct ph_webrtc_call {
    int (*run)(struct ph_webrtc_endpoint *endpoint, void *argument);
    void *argument;
    int result;
    bool done; /* guarded by calls_lock */
    struct ph_webrtc_call *next;
};

struct ph_webrtc_endpoint {
    struct ph_relays *relays;
    struct ph_metrics *metrics;
    char *announce;
    int64_t connect_us, first_media_us;
    struct ph_dtls_identity *identity;
    size_t candidate_count;
    struct ph_udp_port *udp;
    struct ph_tcp_port *tcp;
    pthread_t thread;

    struct ph_webrtc_connection *connections; /* by id */
    struct ph_webrtc_ufrag *ufrags;
    struct ph_webrtc_path *paths;
    struct ph_webrtc_ssrc *ssrcs; /* an SSRC that two publishers use is in it twice */
    struct ph_metric *publishers, *received_bytes, *connections_gauge, *tcp_links;
    struct ph_metric *drops[PH_WEBRTC_DROP_COUNT];

    struct ph_webrtc_call *calls; /* guarded by calls_lock; the newest first */
    pthread_mutex_t calls_lock;
    pthread_cond_t calls_done; /* with calls_lock */

    unsigned most_connections;
    int epoll, wake_fd;
    atomic_uint connection_count; /* read by health */
    struct ph_ice_candidate candidates[PH_ICE_MOST_CANDIDATES];
    uint16_t port;
    bool started;
    bool woken; /* in this round: publishings may ask for something */
    atomic_bool stopping;
    bool calls_closed; /* guarded by calls_lock */
    char host[256];
};

/* endpoint.c */
void ph_webrtc_send(
    struct ph_webrtc_endpoint *endpoint, const struct ph_ice_path *path, struct ph_slice packet);
void ph_webrtc_drop(struct ph_webrtc_endpoint *endpoint, enum ph_webrtc_drop reason);
/* Runs in the endpoint's thread and returns what it returned; -ESHUTDOWN when that ends. */
int ph_webrtc_run(struct ph_webrtc_endpoint *endpoint,
    int (*run)(struct ph_webrtc_endpoint *endpoint, void *argument), void *argument) PH_NODISCARD;

/* endpoint_tables.c */
void ph_webrtc_list_ufrag(struct ph_webrtc_connection *connection, int which, const char *ufrag);
void ph_webrtc_unlist_ufrag(struct ph_webrtc_connection *connection, int which);
struct ph_webrtc_connection *ph_webrtc_find_ufrag(
    struct ph_webrtc_endpoint *endpoint, struct ph_slice username);
/* Replaces what the place held; a TCP connection that loses its place is dropped. */
void ph_webrtc_list_path(struct ph_webrtc_connection *connection, int place, const struct ph_ice_path *path);
void ph_webrtc_unlist_path(struct ph_webrtc_connection *connection, int place);
struct ph_webrtc_path *ph_webrtc_find_path(
    struct ph_webrtc_endpoint *endpoint, const struct ph_ice_path *path);

/* endpoint_follow.c */
/* The packet, which opened, is of the connection: its SSRC leads to it from here on. */
void ph_webrtc_note_ssrc(struct ph_webrtc_connection *connection, struct ph_slice packet);
/* Those that its offer names lead to it before a packet came. */
void ph_webrtc_note_announced_ssrcs(struct ph_webrtc_connection *connection);
void ph_webrtc_forget_ssrcs(struct ph_webrtc_connection *connection);
/* RTP or RTCP by a path of no connection. When it is authentic, its connection takes it and the path; false
 * when it left nothing behind. */
bool ph_webrtc_follow(struct ph_webrtc_endpoint *endpoint, const struct ph_ice_path *from, uint8_t *packet,
    size_t size, int64_t now_us) PH_NODISCARD;

/* endpoint_receive.c: a packet, from UDP or TCP. */
void ph_webrtc_receive(
    void *endpoint, const struct ph_ice_path *from, uint8_t *bytes, size_t size, int64_t now_us);
/* A TCP connection is gone. */
void ph_webrtc_tcp_closed(void *endpoint, uint64_t number);

/* connection.c. Takes `worker_sdp` over, on failure too. */
int ph_webrtc_connection_open(struct ph_webrtc_endpoint *endpoint,
    const struct ph_webrtc_publisher *publisher, char *worker_sdp,
    struct ph_webrtc_connection **connection) PH_NODISCARD;
/* The first reason stays. `reason` is static. */
void ph_webrtc_connection_end(struct ph_webrtc_connection *connection, const char *reason);
/* Timers, feedback, what the relay asks. False when the connection was over: it is freed. */
bool ph_webrtc_connection_service(struct ph_webrtc_connection *connection, int64_t now_us);
void ph_webrtc_connection_destroy(struct ph_webrtc_connection *connection);

/* connection_media.c */
void ph_webrtc_connection_handshake(
    struct ph_webrtc_connection *connection, struct ph_slice datagram, int64_t now_us);
/* Whether the packet was authentic. */
bool ph_webrtc_connection_media(
    struct ph_webrtc_connection *connection, uint8_t *packet, size_t size, int64_t now_us);
/* RTCP among what comes by the port of both (RFC 5761 section 4). */
bool ph_webrtc_is_rtcp(struct ph_slice packet);
/* In place: 0 and the smaller size, or a code of ph_srtp_open(). Needs keys. */
int ph_webrtc_connection_unseal(
    struct ph_webrtc_connection *connection, uint8_t *packet, size_t *size) PH_NODISCARD;
/* An unsealed packet, of `received` bytes on the way. */
void ph_webrtc_connection_take(
    struct ph_webrtc_connection *connection, struct ph_slice packet, size_t received, int64_t now_us);
/* Begins a handshake that is ours to begin, and sends again what got no answer. Returns when it wants its
 * next turn. */
int64_t ph_webrtc_connection_drive_dtls(struct ph_webrtc_connection *connection, int64_t now_us);

/* connection_figures.c: once a second. */
void ph_webrtc_connection_measure(struct ph_webrtc_connection *connection, int64_t now_us);
/* The last time, while it still publishes: counts what came since, and leaves no figure behind that tells of
 * a publisher who is gone. */
void ph_webrtc_connection_measure_end(struct ph_webrtc_connection *connection, int64_t now_us);
void ph_webrtc_count_handshake(struct ph_webrtc_endpoint *endpoint, const char *result);

#endif
