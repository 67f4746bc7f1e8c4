/* What ingest tells the control plane, and what the control plane knows of a live session beside the
 * database.
 *
 * Events go through a bounded queue, in order, to one thread that writes them to the database and tries again
 * while it does not answer: ingest never waits for it. Figures of live sessions stay in memory. The same
 * thread sweeps: it ends sessions that waited too long, and tells ingest of carried sessions that were ended
 * elsewhere.
 *
 * Lifetime: create → (any call, from any thread) → stop → destroy. Stop writes what is queued. */
#ifndef PH_API_SESSION_FEED_H
#define PH_API_SESSION_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "api/runtime.h"
#include "api/sessions_store.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/media/source_link.h"

struct ph_session_feed;

struct ph_session_feed_options {
    struct ph_sessions *sessions; /* all borrowed */
    struct ph_db *db;             /* where workers' events are written */
    struct ph_metrics *metrics;
    struct ph_clock *clock;
    struct ph_api_runtime *runtime; /* told of sessions that were ended elsewhere */
    uint32_t reconnect_window_s;
};

/* The last figures of a session that is carried here. */
struct ph_session_health {
    char protocol[8]; /* "srt" or "whip" */
    bool has_stats;
    struct ph_link_stats stats;
    int64_t stats_ms; /* UTC of the figures */
};

int ph_session_feed_create(
    struct ph_session_feed **feed, const struct ph_session_feed_options *options) PH_NODISCARD;
/* Writes what is queued, for 3 s at most, and ends the thread. Calls that follow are ignored. */
void ph_session_feed_stop(struct ph_session_feed *feed);
/* NULL is fine. */
void ph_session_feed_destroy(struct ph_session_feed *feed);

/* Reads the database by one index: for SRT's listen callback. As ph_sessions_admit(). */
int ph_session_feed_admit(struct ph_session_feed *feed, const char *stream_key,
    struct ph_session_admission *admission) PH_NODISCARD;

/* None of these waits. Connections of a session have ascending numbers: what is told of one after a later one
 * was told of says nothing any more. */
void ph_session_feed_connected(
    struct ph_session_feed *feed, const char *session, uint64_t connection, const char *protocol);
void ph_session_feed_disconnected(struct ph_session_feed *feed, const char *session, uint64_t connection);
void ph_session_feed_live(struct ph_session_feed *feed, const char *session);
void ph_session_feed_stats(
    struct ph_session_feed *feed, const char *session, const struct ph_link_stats *stats);
void ph_session_feed_ended(struct ph_session_feed *feed, const char *session, const char *reason);
void ph_session_feed_failed(struct ph_session_feed *feed, const char *session, const char *reason);
/* A worker died under the session, which takes another. */
void ph_session_feed_worker_died(struct ph_session_feed *feed, const char *session, const char *worker);

/* False when the session is not carried by this process. */
bool ph_session_feed_health(
    struct ph_session_feed *feed, const char *session, struct ph_session_health *health);
/* A carried session and its figures. */
struct ph_carried_health {
    char session[PH_SESSION_ID_BYTES];
    struct ph_session_health health;
};
/* Those with figures from after `since_ms`, as a malloc'ed array; their number. Without memory there are
 * none. */
size_t ph_session_feed_healths(
    struct ph_session_feed *feed, int64_t since_ms, struct ph_carried_health **list);
/* Whether the database answered last. */
bool ph_session_feed_is_healthy(struct ph_session_feed *feed);

#endif
