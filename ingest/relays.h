/* All relays of a node: the sessions being carried from their publishers to workers, and the thread that
 * moves them. */
#ifndef PH_INGEST_RELAYS_H
#define PH_INGEST_RELAYS_H

#include "core/base/metrics.h"
#include "ingest/publisher.h"
#include "ingest/ring.h"

struct ph_relays_options {
    struct ph_ingest_control *control; /* borrowed */
    struct ph_metrics *metrics;        /* borrowed */
    struct ph_slice publish_secret;    /* borrowed; makes the workers' publish tokens */
    struct ph_slice cluster_secret;    /* borrowed; proves both ends of a TCP link to each other */
    const char *workers;               /* comma-separated endpoints */
    const char *origins;               /* comma-separated base URLs, 1 to PH_LINK_MOST_ORIGINS */
    const char *ladder, *preset, *encoder;
    uint32_t part_ms, segment_ms;
    uint32_t reconnect_window_s;
    struct ph_ring_limits ring; /* zeros: 64 MiB and 60 s */
    /* Whether this process's own workers have room for one session more; NULL when there are none. */
    bool (*has_capacity)(void *opaque);
    void *capacity_opaque;
};

/* 0, -ENOMEM, or -EINVAL with a sentence naming the setting. Strings are copied. */
int ph_relays_create(
    struct ph_relays **relays, const struct ph_relays_options *options, struct ph_error *error) PH_NODISCARD;
int ph_relays_start(struct ph_relays *relays) PH_NODISCARD;
/* All publishings must have ended. Ends the thread; sessions not finished stay unfinished. NULL is fine. */
void ph_relays_destroy(struct ph_relays *relays);

/* Ends one session, known or not: ph_ingest_control's `ended` follows. Idempotent. 0 or -ENOMEM. */
int ph_relays_end(struct ph_relays *relays, const char *session, const char *reason) PH_NODISCARD;
/* Takes no publisher any more and ends all sessions. */
void ph_relays_end_all(struct ph_relays *relays, const char *reason);
/* Waits until no session is left. 0 or -ETIMEDOUT. */
int ph_relays_wait_empty(struct ph_relays *relays, int64_t deadline_us) PH_NODISCARD;

struct ph_ingest_session {
    char session[PH_SESSION_ID_BYTES];
    const char *state; /* static: "connecting", "streaming" … */
    bool has_publisher;
    int64_t silent_us; /* since its last media */
    size_t ring_bytes;
    uint64_t worker_deaths;
};
/* Fills at most `most`; returns how many sessions there are. */
size_t ph_relays_snapshot(struct ph_relays *relays, struct ph_ingest_session *sessions, size_t most);

struct ph_metrics *ph_relays_metrics(struct ph_relays *relays);

#endif
