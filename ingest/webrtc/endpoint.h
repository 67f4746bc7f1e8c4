/* The network end of all publishers over WebRTC: one port, one thread.
 *
 *   phase      what may be called
 *   created    start, destroy
 *   started    open, patch, close, count, destroy
 *
 * One thread creates, starts and destroys; the rest may be called from any, and waits for the endpoint's
 * thread: well under a millisecond, or as long as a batch of packets takes. None of them may run while
 * destroy does. */
#ifndef PH_INGEST_WEBRTC_ENDPOINT_H
#define PH_INGEST_WEBRTC_ENDPOINT_H

#include "ingest/publisher.h"
#include "ingest/webrtc/ice_agent.h"
#include "ingest/webrtc/negotiation.h"
#include "ingest/webrtc/sdpfrag.h"

struct ph_webrtc_endpoint;

struct ph_webrtc_options {
    const char *listen;       /* "host:port"; port 0 takes a free one */
    const char *announce;     /* addresses for candidates, comma-separated; "": this host's */
    struct ph_relays *relays; /* borrowed; outlives the endpoint */
    /* 0 takes what is usual: 256 connections, 20 s, 30 s. */
    unsigned most_connections;
    int64_t connect_us;     /* from the offer to the end of the handshake */
    int64_t first_media_us; /* from there to the first packet of media */
};

enum {
    PH_WEBRTC_ID_CHARACTERS = 32,
    PH_WEBRTC_KEY_HASH_BYTES = 32,
};

/* A publisher who was admitted and whose offer was understood. */
struct ph_webrtc_publisher {
    struct ph_admission admission;
    struct ph_negotiation negotiation;
    uint8_t key_hash[PH_WEBRTC_KEY_HASH_BYTES]; /* SHA-256 of the stream key; who may change the connection */
    uint32_t ceiling_bps;
};

/* What the answer says of our end; plain values. */
struct ph_webrtc_local {
    char id[PH_WEBRTC_ID_CHARACTERS + 1]; /* the connection's, a capability */
    struct ph_ice_credentials credentials;
    uint8_t fingerprint[32];
    struct ph_ice_candidate candidates[PH_ICE_MOST_CANDIDATES];
    size_t candidate_count;
};

/* 0; -ENOMEM; -EINVAL, -EADDRINUSE and others with a sentence naming the setting. Strings are copied. */
int ph_webrtc_endpoint_create(struct ph_webrtc_endpoint **endpoint, const struct ph_webrtc_options *options,
    struct ph_error *error) PH_NODISCARD;
/* Opens the port and starts the thread. */
int ph_webrtc_endpoint_start(struct ph_webrtc_endpoint *endpoint, struct ph_error *error) PH_NODISCARD;
/* Ends every connection, telling the publishers, and the thread. NULL is fine. */
void ph_webrtc_endpoint_destroy(struct ph_webrtc_endpoint *endpoint);
/* The port in use, once started. */
uint16_t ph_webrtc_endpoint_port(const struct ph_webrtc_endpoint *endpoint);
/* For /health: whether it runs, and a sentence. */
bool ph_webrtc_endpoint_health(void *endpoint, char *text, size_t text_bytes);

/* Waits for the publisher to connect. `worker_sdp` (malloc'ed) is taken over on success and on failure. A
 * connection of the same session that has sent nothing yet gives way. 0; -EMFILE when there are too
 * many; -ENOMEM; -ESHUTDOWN. */
int ph_webrtc_open(struct ph_webrtc_endpoint *endpoint, const struct ph_webrtc_publisher *publisher,
    char *worker_sdp, struct ph_webrtc_local *local) PH_NODISCARD;

/* How a change of a connection went, beside the negative codes. */
enum ph_webrtc_patched { PH_WEBRTC_TRICKLED, PH_WEBRTC_RESTARTED };
struct ph_webrtc_patch {
    const char *id;
    const uint8_t *key_hash;
    const struct ph_sdpfrag *fragment;
    const char *if_match; /* the header's value; NULL without one */
    /* Filled for a restart. */
    struct ph_webrtc_local local;
    struct ph_negotiation negotiation;
};
/* A value of ph_webrtc_patched; -ENOENT: no such connection; -EACCES: another key's; -ESTALE: If-Match names
 * other credentials than the latest; -EINVAL: a restart without If-Match. */
int ph_webrtc_patch(struct ph_webrtc_endpoint *endpoint, struct ph_webrtc_patch *patch) PH_NODISCARD;
/* The publisher ends its connection. 0, -ENOENT, -EACCES, -ESHUTDOWN. */
int ph_webrtc_close(
    struct ph_webrtc_endpoint *endpoint, const char *id, const uint8_t *key_hash) PH_NODISCARD;

#endif
