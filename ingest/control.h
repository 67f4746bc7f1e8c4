/* What ingest asks of the control plane. Implemented by the wiring over the sessions store; ingest has no
 * database.
 *
 * `admit` runs inside SRT's listen callback and must answer within a few milliseconds. The rest may be called
 * from any ingest thread and must not block longer. */
#ifndef PH_INGEST_CONTROL_H
#define PH_INGEST_CONTROL_H

#include <stdint.h>

#include "core/base/random.h"
#include "core/media/source_link.h"

enum ph_admission_result {
    PH_ADMIT_OK,
    PH_ADMIT_UNAUTHORIZED, /* no such key, revoked, or none given: SRT 1401 */
    PH_ADMIT_ENDED,        /* the key's session is over: SRT 1403 */
    PH_ADMIT_UNAVAILABLE,  /* the store does not answer: SRT 1503 */
};

struct ph_admission {
    char session[PH_SESSION_ID_BYTES];
    char passphrase[80]; /* "" without encryption; 10 to 79 characters (SRT) */
    char ladder[256];    /* "" for the node's */
    bool is_private;     /* viewers need a playback token */
    bool is_recorded;    /* it becomes a recording at its end */
};

struct ph_ingest_control;
struct ph_ingest_control_impl {
    enum ph_admission_result (*admit)(
        struct ph_ingest_control *control, const char *stream_key, struct ph_admission *admission);
    /* A publisher's connection came or went; `protocol` is "srt" or "whip". `connection` is higher for each
     * one of a session; of two at a time either may be told of first. */
    void (*connected)(struct ph_ingest_control *control, const char *session, uint64_t connection,
        const char *protocol, const char *peer);
    void (*disconnected)(struct ph_ingest_control *control, const char *session, uint64_t connection);
    /* The first part of the session was published: it is live. */
    void (*live)(struct ph_ingest_control *control, const char *session);
    /* About once a second. */
    void (*stats)(struct ph_ingest_control *control, const char *session, const struct ph_link_stats *stats);
    /* The session is over: ended by its owner, by the reconnect window, or at shutdown. */
    void (*ended)(struct ph_ingest_control *control, const char *session, const char *reason);
    /* The source cannot be carried. */
    void (*failed)(
        struct ph_ingest_control *control, const char *session, const struct ph_link_reason *reason);
    /* A worker died under a session, which takes another; `worker` is its address. */
    void (*worker_died)(struct ph_ingest_control *control, const char *session, const char *worker);
};
struct ph_ingest_control {
    const struct ph_ingest_control_impl *impl;
};

#endif
