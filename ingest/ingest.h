/* The ingest role: takes publishers in, carries what they send to workers.
 *
 *   phase      what may be called
 *   created    start, destroy
 *   started    end_session, sessions, drain
 *   drained    end_session, sessions, destroy
 *
 * One thread creates, starts, drains and destroys; end_session and sessions may be called from any. */
#ifndef PH_INGEST_INGEST_H
#define PH_INGEST_INGEST_H

#include "ingest/relays.h"

struct ph_ingest;

struct ph_ingest_options {
    const char *srt_listen; /* "host:port" or "[IPv6]:port"; "[::]:port" takes both families */
    uint32_t srt_latency_ms;
    struct ph_relays_options relays;
};

/* 0, or a negative code with a sentence for the operator. Strings are copied; control, metrics and secrets
 * are borrowed for ingest's life. */
int ph_ingest_create(
    struct ph_ingest **ingest, const struct ph_ingest_options *options, struct ph_error *error) PH_NODISCARD;
/* Opens the ports and starts the threads. -EADDRINUSE and others with a sentence naming the setting. */
int ph_ingest_start(struct ph_ingest *ingest, struct ph_error *error) PH_NODISCARD;

/* Ends a session, whether a publisher ever came or not: the publisher is disconnected, the worker finishes
 * what there is, then ph_ingest_control's `ended` is called from ingest's thread. Idempotent, never blocks.
 */
void ph_ingest_end_session(struct ph_ingest *ingest, const char *session, const char *reason);

/* Takes no publisher any more, ends all sessions with "shutdown" and waits until they are finished. 0, or
 * -ETIMEDOUT when some were not by the deadline (ph_now_us() time). */
int ph_ingest_drain(struct ph_ingest *ingest, int64_t deadline_us) PH_NODISCARD;
/* NULL is fine. */
void ph_ingest_destroy(struct ph_ingest *ingest);

/* For the protocols that live beside ingest: what ph_publisher_admit() and ph_publishing_begin() take.
 * Borrowed. */
struct ph_relays *ph_ingest_relays(struct ph_ingest *ingest);

/* Fills at most `most`; returns how many sessions there are. */
size_t ph_ingest_sessions(struct ph_ingest *ingest, struct ph_ingest_session *sessions, size_t most);

#endif
