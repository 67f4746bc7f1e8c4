/* A published session: its window, its waiters, its rendered playlists. Reference-counted.
 *
 *   phase     begins with                       viewers get             publisher gets
 *   live      ph_session_create                 playlists, media        201/202
 *   ended     ph_session_end                    ENDLIST, media          410
 *   given up  ph_session_give_up                the same                410
 *   retired   ph_origin_sessions_retire                410 (by the registry)   410
 *
 * Any thread may call; the lock guards what says so. Nothing is answered while it is held. */
#ifndef PH_ORIGIN_SESSION_H
#define PH_ORIGIN_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "core/http/server.h"
#include "origin/access.h"
#include "origin/origin_metrics.h"
#include "origin/rendering.h"
#include "origin/waiters.h"
#include "origin/window.h"

enum { PH_SESSION_NAME_BYTES = 65 };

struct ph_pending_sheet; /* storyboard.h */
struct ph_spool_session; /* the spool's own; touched by its thread only */

/* What players told with their requests for media since it was taken last: how many told, how many of them
 * that their buffer ran dry, and the figures' sums and counts. */
struct ph_session_told {
    _Atomic(uint64_t) requests, starved;
    _Atomic(uint64_t) bitrates, bitrates_kbps;
    _Atomic(uint64_t) throughputs, throughputs_kbps;
};

struct ph_session {
    /* constant */
    char id[PH_SESSION_NAME_BYTES];
    struct ph_publication publication;
    char *publication_json;
    struct ph_http_response *multivariant, *past_multivariant;
    struct ph_origin_metrics *metrics; /* borrowed */
    struct ph_http_tally *playlists_sent, *media_sent;
    struct ph_session_told told;

    atomic_uint references;
    atomic_bool spool_queued; /* it stands in the spool's queue */
    struct ph_rendering renderings[PH_MOST_TRACKS];
    struct ph_rendering past_renderings[PH_MOST_TRACKS]; /* of the playlists that reach back to the start */
    struct ph_access access;                             /* of a private session */

    pthread_mutex_t lock;
    struct ph_window window;                   /* guarded by lock */
    struct ph_waiters viewers;                 /* guarded by lock */
    struct ph_waiters publishers;              /* guarded by lock: until something is durable */
    uint64_t durable_segments[PH_MOST_TRACKS]; /* guarded by lock: the first that is not on disk */
    bool ended;                                /* guarded by lock */
    bool end_durable;                          /* guarded by lock: the end is on disk */
    bool retired;                              /* guarded by lock */
    bool given_up;                             /* guarded by lock: a take of a file that does not count */
    bool cleared;                              /* guarded by lock: nothing of what was given up is kept */
    int64_t last_put_us;                       /* guarded by lock, monotonic */
    int64_t ended_us;                          /* guarded by lock, monotonic */
    struct ph_http_response *thumb;            /* guarded by lock; NULL until one came */
    struct ph_bytes *picture;                  /* guarded by lock: the thumb's bytes */
    struct ph_pending_sheet *sheets;           /* guarded by lock: of the storyboard, on their way to disk */

    struct ph_spool_session *spool; /* of the spool's thread */
    UT_hash_handle hh;              /* guarded by the registry's lock */
};

/* [A-Za-z0-9_-]{1,64}: also a folder's name. */
bool ph_session_name_is_valid(const char *name);
/* The session with one reference. NULL when out of memory. */
struct ph_session *ph_session_create(const char *id, const struct ph_publication *publication,
    struct ph_origin_metrics *metrics, int64_t now_us);
struct ph_session *ph_session_ref(struct ph_session *session);
/* Drops the reference and sets the pointer to NULL; NULL is fine. */
void ph_session_unref(struct ph_session **session);

/* Adds the part and answers who waited for it. Borrows the part. On PH_WINDOW_OUT_OF_ORDER `next` is what is
 * expected. */
enum ph_window_verdict ph_session_add_part(struct ph_session *session, uint32_t track, struct ph_part *part,
    int64_t now_us, struct ph_part_position *next, struct ph_error *error) PH_NODISCARD;
/* As ph_window_set_init. Answers who waited for it. -EPIPE when the session has ended. */
int ph_session_set_init(
    struct ph_session *session, uint32_t track, struct ph_bytes *bytes, int64_t now_us) PH_NODISCARD;
/* Takes the answer over; references its bytes. */
void ph_session_set_thumb(
    struct ph_session *session, struct ph_http_response *thumb, struct ph_bytes *picture, int64_t now_us);
/* Closes what is open, ends every playlist, answers everybody. Ending again does nothing. */
void ph_session_end(struct ph_session *session, int64_t now_us);
/* Ends a take of a file that did not reach its end, or that another take counts instead of: nothing of it is
 * kept, on disk or in the archive. */
void ph_session_give_up(struct ph_session *session, int64_t now_us);
/* Answers all held requests with the failure (borrowed), for the drain. */
void ph_session_release_all(struct ph_session *session, struct ph_http_response *failure);
/* Frees what has expired, forgets holds that are over, and adds what is held to `held`, by kind. */
void ph_session_tick(struct ph_session *session, int64_t now_us, size_t held[PH_WAIT_KINDS]);
void ph_session_standings(struct ph_session *session, struct ph_track_standing standings[PH_MOST_TRACKS]);

/* The forms of one playlist. */
struct ph_playlist_form {
    enum ph_skip skip;
    bool blocking;
    bool with_past; /* back to the session's start */
};
enum ph_wait_kind ph_wait_kind_of(struct ph_playlist_form form);
/* The current playlist; a reference. NULL when out of memory. */
struct ph_http_response *ph_session_playlist(
    struct ph_session *session, uint32_t track, struct ph_playlist_form form);

/* Ends the access of some; who of them waits is answered at once. -ENOMEM. */
int ph_session_revoke(
    struct ph_session *session, const struct ph_revocation *list, size_t count) PH_NODISCARD;
/* Waits until the track's playlist contains `until` (for PH_WAIT_MULTIVARIANT: until there is something to
 * play), or answers at once when it does. Takes the hold over. `claims` are the viewer's; NULL when the
 * session is not private. */
void ph_session_hold_viewer(struct ph_session *session, enum ph_wait_kind kind, uint32_t track,
    struct ph_part_position until, struct ph_http_hold *hold, const struct ph_playback_claims *claims);
/* Waits until the segment is durable, or with track PH_MOST_TRACKS until the session's end is. Takes the hold
 * over. */
void ph_session_hold_publisher(
    struct ph_session *session, uint32_t track, uint64_t segment, struct ph_http_hold *hold);
/* Answers detached groups; without the lock. */
void ph_session_release_viewers(struct ph_session *session, struct ph_waiter_group *groups);

/* Disk, told by the spool: segments below `segment` are durable; the end is; nothing can be written. */
void ph_session_mark_durable(struct ph_session *session, uint32_t track, uint64_t segment);
void ph_session_mark_end_durable(struct ph_session *session);
void ph_session_fail_durability(struct ph_session *session);

#endif
