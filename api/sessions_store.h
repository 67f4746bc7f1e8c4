/* Sessions in the database. Every call is a transaction of its own and may wait for the database: never call
 * it from a thread of the HTTP server or of ingest, but ph_sessions_admit(), which only reads by an index. */
#ifndef PH_API_SESSIONS_STORE_H
#define PH_API_SESSIONS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/policy.h"
#include "api/session_state.h"
#include "core/base/random.h"
#include "core/db/db.h"

enum {
    PH_MOST_TITLE_CHARACTERS = 120,
    PH_TITLE_BYTES = 4 * PH_MOST_TITLE_CHARACTERS + 1,
    PH_MOST_METADATA_CHARACTERS = 64,
    PH_METADATA_BYTES = 4 * PH_MOST_METADATA_CHARACTERS + 1,
    PH_REASON_BYTES = 256,
    PH_LADDER_BYTES = 256,
    PH_STREAM_KEY_CHARACTERS = 32,
    PH_STREAM_KEY_BYTES = PH_STREAM_KEY_CHARACTERS + 1,
    PH_PASSPHRASE_CHARACTERS = 32,
    PH_PASSPHRASE_BYTES = 80,
    /* Of one owner, not over. A start beyond it ends the oldest that never was live. */
    PH_MOST_OPEN_SESSIONS = 16,
};
/* How long a session waits for its first media. */
#define PH_SESSION_UNUSED_MS (INT64_C(24) * 3600 * 1000)

struct ph_sessions;

/* What a streamer asks for. */
struct ph_session_wish {
    char title[PH_TITLE_BYTES];
    enum ph_visibility visibility;
    bool record;
    bool encryption;
    char platform[PH_METADATA_BYTES], version[PH_METADATA_BYTES], device[PH_METADATA_BYTES];
};

struct ph_session {
    char id[PH_SESSION_ID_BYTES];
    char owner[PH_SUBJECT_BYTES];
    char title[PH_TITLE_BYTES];
    enum ph_visibility visibility;
    enum ph_session_state state;
    char reason[PH_REASON_BYTES]; /* why it is over, for people */
    char ladder[PH_LADDER_BYTES];
    bool record;
    bool is_guarded; /* who asks is a guardian of the owner */
    int64_t created_ms;
    int64_t started_ms; /* 0: never live */
    int64_t ended_ms;   /* 0: not over */
    int64_t viewers;    /* who watch, as counted last */
};

/* What is told once. `displaced` is the session that was ended to make room, or "". */
struct ph_session_birth {
    char id[PH_SESSION_ID_BYTES];
    char stream_key[PH_STREAM_KEY_BYTES];
    char passphrase[PH_PASSPHRASE_BYTES]; /* "" without encryption */
    char displaced[PH_SESSION_ID_BYTES];
};

struct ph_session_admission {
    char session[PH_SESSION_ID_BYTES];
    char passphrase[PH_PASSPHRASE_BYTES];
    char ladder[PH_LADDER_BYTES];
    enum ph_visibility visibility;
    bool record;
};

/* A place in the list of active sessions, newest first: what follows (created_ms, id). */
struct ph_session_cursor {
    int64_t created_ms;
    char id[PH_SESSION_ID_BYTES];
};

/* A session's new state. */
struct ph_session_change {
    const struct ph_session *session; /* as it is by the change */
    bool is_new;                      /* it was just started; `before` means nothing */
    enum ph_session_state before;
    bool is_first_live; /* its first picture */
    int64_t at_ms;
};

/* Hears of every change of a session's state inside the transaction that makes it: what it writes there is
 * kept or lost with the change. Must be quick, and write nothing to the sessions. A negative code undoes the
 * change.
 */
struct ph_session_observer;
struct ph_session_observer_impl {
    int (*changed)(struct ph_session_observer *observer, struct ph_db_transaction *transaction,
        const struct ph_session_change *change);
};
struct ph_session_observer {
    const struct ph_session_observer_impl *impl;
};

/* Borrows the database and copies the rest. */
int ph_sessions_create(struct ph_sessions **sessions, struct ph_db *db, const char *ladder) PH_NODISCARD;
void ph_sessions_destroy(struct ph_sessions *sessions);
/* Borrows the observer. Before any other call; 4 at most. */
void ph_sessions_observe(struct ph_sessions *sessions, struct ph_session_observer *observer);

/* -EDQUOT when the owner has PH_MOST_OPEN_SESSIONS that were live. */
int ph_sessions_start(struct ph_sessions *sessions, const char *owner, const struct ph_session_wish *wish,
    int64_t now_ms, struct ph_session_birth *birth) PH_NODISCARD;
/* -ENOENT when there is none. */
int ph_sessions_find(struct ph_sessions *sessions, const char *id, struct ph_session *session) PH_NODISCARD;
/* The same, and whether `subject` is a guardian of its owner. */
int ph_sessions_find_for(struct ph_sessions *sessions, const char *id, const char *subject,
    struct ph_session *session) PH_NODISCARD;
/* Up to `most` live or reconnecting sessions that the caller may see listed; `after` NULL: from the newest.
 * The array is malloc'ed (NULL when empty). */
int ph_sessions_list(struct ph_sessions *sessions, const struct ph_caller *caller,
    const struct ph_session_cursor *after, size_t most, struct ph_session **list, size_t *count) PH_NODISCARD;
/* Moves the session by the table of session_state. `reason` is kept when it is over by this. Idempotent.
 * -ENOENT. */
int ph_sessions_apply(struct ph_sessions *sessions, const char *id, enum ph_session_event event,
    const char *reason, int64_t now_ms) PH_NODISCARD;
/* Another stream key in the place of the session's, and another passphrase where it has one; with `birth`
 * NULL none: nobody can publish any more. -ENOENT when the session is over. */
int ph_sessions_rekey(
    struct ph_sessions *sessions, const char *id, struct ph_session_birth *birth) PH_NODISCARD;
/* A streamer is still there: the session waits for its first media from now on. */
int ph_sessions_beat(struct ph_sessions *sessions, const char *id, int64_t now_ms) PH_NODISCARD;
/* By the stream key's hash. -ENOENT: no such key; -ESHUTDOWN: its session is over; -EAGAIN and others: no
 * answer. */
int ph_sessions_admit(struct ph_sessions *sessions, const char *stream_key,
    struct ph_session_admission *admission) PH_NODISCARD;
/* Ends what waited too long: for its first media, or (`lost_before_ms`) for its publisher to come back. */
int ph_sessions_sweep(struct ph_sessions *sessions, int64_t now_ms, int64_t lost_before_ms) PH_NODISCARD;
/* This process has these sessions' publishers. */
int ph_sessions_carry(struct ph_sessions *sessions, char (*ids)[PH_SESSION_ID_BYTES], size_t count,
    int64_t now_ms) PH_NODISCARD;
/* Live sessions that no process said to carry since `carried_before_ms` wait for their publisher. */
int ph_sessions_miss(struct ph_sessions *sessions, int64_t now_ms, int64_t carried_before_ms) PH_NODISCARD;
/* The time of those that wait for their publisher begins anew. */
int ph_sessions_wait_anew(struct ph_sessions *sessions, int64_t now_ms) PH_NODISCARD;
/* At the start of a process with ingest: what was live waits for its publisher. */
int ph_sessions_recover(struct ph_sessions *sessions, int64_t now_ms) PH_NODISCARD;
/* How many there are in each state that is not over. */
int ph_sessions_count(struct ph_sessions *sessions, int64_t counts[PH_SESSION_STATES]) PH_NODISCARD;

#endif
