/* Viewers in the database. A viewer is one time of watching: who comes back after its beats stopped is a new
 * one. Every call is a transaction of its own and may wait for the database. */
#ifndef PH_API_VIEWERS_STORE_H
#define PH_API_VIEWERS_STORE_H

#include "api/events.h"
#include "api/qoe.h"
#include "core/db/db.h"

enum { PH_VIEWER_BEAT_S = 30, PH_VIEWER_DEVICE_BYTES = 16, PH_COUNTRY_BYTES = 3 };
/* Without a beat for so long a viewer has left. */
#define PH_VIEWER_PATIENCE_MS (INT64_C(75) * 1000)

struct ph_viewer {
    char id[PH_SESSION_ID_BYTES];
    char session[PH_SESSION_ID_BYTES];
    char subject[PH_SUBJECT_BYTES]; /* "": anonymous */
    char name[PH_TITLE_BYTES];      /* of its profile; "" without one. Not for joining */
    char device[PH_VIEWER_DEVICE_BYTES], browser[PH_VIEWER_DEVICE_BYTES];
    char country[PH_COUNTRY_BYTES]; /* ISO 3166-1 alpha-2, or "" */
    int64_t joined_ms, seen_ms;
    int64_t left_ms; /* 0: still watching */
};

/* A place in the list of viewers, newest first: what follows (joined_ms, id). */
struct ph_viewer_cursor {
    int64_t joined_ms;
    char id[PH_SESSION_ID_BYTES];
};

/* Fills in the id. */
int ph_viewers_join(struct ph_db *db, struct ph_viewer *viewer) PH_NODISCARD;
/* Keeps what it tells of its watching (NULL: nothing). -ENOENT when there is no such viewer, or it has left.
 */
int ph_viewers_beat(struct ph_db *db, const char *session, const char *id, const struct ph_qoe *qoe,
    int64_t now_ms) PH_NODISCARD;
/* Idempotent. -ENOENT when there never was such a viewer. */
int ph_viewers_leave(struct ph_db *db, const char *session, const char *id, int64_t now_ms) PH_NODISCARD;
/* Up to `most` of a session's viewers; `after` NULL: from the newest. */
int ph_viewers_list(struct ph_db *db, const char *session, const struct ph_viewer_cursor *after, size_t most,
    struct ph_viewer *list, size_t *count) PH_NODISCARD;
/* All who did not beat lately have left, with their last beat; so have those whose last beat lies ahead, by a
 * clock that was set back since. Calls `take` with the session of each. */
int ph_viewers_expire(struct ph_db *db, int64_t now_ms, void (*take)(void *opaque, const char *session),
    void *opaque) PH_NODISCARD;
/* All of a session that is over have left. */
int ph_viewers_end(struct ph_db_transaction *transaction, const char *session, int64_t now_ms) PH_NODISCARD;
/* Counts who watches, and keeps and tells the number if it is another than before. */
int ph_viewers_count(struct ph_db *db, const char *session, int64_t now_ms) PH_NODISCARD;

#endif
