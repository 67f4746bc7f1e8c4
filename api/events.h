/* What happens to sessions, told to everybody who listens, on every node.
 *
 * An event is put inside the transaction that makes it happen and is heard after the commit, once and in
 * order. A numbered event is kept, so that who was away can catch up; an event without a number is of the
 * moment, and the next of its type replaces it. Two nodes never give one number twice: the transaction is
 * PH_DB_WRITE, or keyed by ph_events_key() of the session. */
#ifndef PH_API_EVENTS_H
#define PH_API_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/sessions_store.h"
#include "core/db/db.h"

enum ph_event_type {
    PH_EVENT_STATE,
    PH_EVENT_VIEWERS,
    PH_EVENT_CHAT,
    PH_EVENT_HEALTH,
    PH_EVENT_RECORDING,
    PH_EVENT_TYPES
};

enum {
    PH_EVENTS_KEPT = 1000, /* of one session, the newest */
    PH_EVENTS_KEY_BYTES = PH_SESSION_ID_BYTES + 8,
    PH_MOST_EVENT_BODY_BYTES = 4096,
};
/* How long an event is kept at most. */
#define PH_EVENTS_KEPT_MS (INT64_C(24) * 3600 * 1000)

struct ph_event {
    char session[PH_SESSION_ID_BYTES];
    int64_t sequence; /* 0: without a number */
    enum ph_event_type type;
    const char *body; /* a JSON object in one line; borrowed */
    int64_t at_ms;
};

/* The key of ph_db_begin_keyed() for whoever puts events of the session. */
void ph_events_key(const char *session, char key[PH_EVENTS_KEY_BYTES]);
/* Takes the session's next number. */
int ph_events_number(
    struct ph_db_transaction *transaction, const char *session, int64_t *sequence) PH_NODISCARD;
/* Keeps it if it has a number, and tells everybody once the transaction commits. -EINVAL for too long a body.
 */
int ph_events_put(struct ph_db_transaction *transaction, const struct ph_event *event) PH_NODISCARD;
/* Takes back what a kept event says. */
int ph_events_replace(struct ph_db_transaction *transaction, const char *session, int64_t sequence,
    const char *body) PH_NODISCARD;

/* The newest and the oldest number that is kept; both 0 without any, `oldest` alone when all have gone. */
int ph_events_range(struct ph_db *db, const char *session, int64_t *oldest, int64_t *newest) PH_NODISCARD;
/* Calls `take` for each kept event after `after`, in order, `most` at most. Its number, or a failure. */
typedef void ph_events_take(void *opaque, const struct ph_event *event);
int ph_events_read(struct ph_db *db, const char *session, int64_t after, size_t most, ph_events_take *take,
    void *opaque) PH_NODISCARD;
/* The same for all sessions' events since a time; their bodies are "". */
int ph_events_since(
    struct ph_db *db, int64_t since_ms, size_t most, ph_events_take *take, void *opaque) PH_NODISCARD;
/* Drops what is older than PH_EVENTS_KEPT_MS. */
int ph_events_prune(struct ph_db *db, int64_t now_ms) PH_NODISCARD;

/* A notification of `ph_events_channel`: what was put, with the body of an event without a number alone.
 * False when the text is none. Borrows the text. */
extern const char ph_events_channel[];
bool ph_events_parse(const char *payload, struct ph_event *event);

/* "state", "viewers", "chat", "health", "recording" */
const char *ph_event_type_name(enum ph_event_type type);

/* Puts an event of each change of a session's state. Embedded; pass it to ph_sessions_observe(). */
struct ph_state_events {
    struct ph_session_observer observer;
};
void ph_state_events_init(struct ph_state_events *events);
/* The body of a state event, malloc'ed; NULL when out of memory. */
char *ph_state_event_body(const struct ph_session *session);

#endif
