/* What sessions_store.c (rows) and session_transitions.c (states) share, and recordings ask for. */
#ifndef PH_API_SESSIONS_STORE_INTERNAL_H
#define PH_API_SESSIONS_STORE_INTERNAL_H

#include "api/sessions_store.h"
#include "core/db/sql.h"

enum { PH_MOST_SESSION_OBSERVERS = 4 };

struct ph_sessions {
    struct ph_db *db;
    char ladder[PH_LADDER_BYTES];
    struct ph_session_observer *observers[PH_MOST_SESSION_OBSERVERS]; /* borrowed */
    size_t observer_count;
};

enum { PH_STREAM_KEY_HASH_BYTES = 65 };
int ph_stream_key_hash(const char *stream_key, char text[PH_STREAM_KEY_HASH_BYTES]) PH_NODISCARD;
/* Takes the first column into an array of ids. */
ph_sql_take ph_sessions_take_id;
/* As ph_sessions_find(), inside a transaction. */
int ph_sessions_find_in(
    struct ph_db_transaction *transaction, const char *id, struct ph_session *session) PH_NODISCARD;
/* As ph_sessions_apply(), inside a transaction. */
int ph_sessions_apply_in(struct ph_sessions *sessions, struct ph_db_transaction *transaction, const char *id,
    enum ph_session_event event, const char *reason, int64_t now_ms) PH_NODISCARD;
/* Tells the observers. */
int ph_sessions_announce(struct ph_sessions *sessions, struct ph_db_transaction *transaction,
    const struct ph_session_change *change) PH_NODISCARD;

#endif
