/* What the spool's files share among themselves. */
#ifndef PH_ORIGIN_SPOOL_PRIVATE_H
#define PH_ORIGIN_SPOOL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/queue.h"
#include "origin/spool.h"
#include "origin/spool_files.h"

struct ph_spool {
    struct ph_spool_options options; /* constant */
    char root[PH_SPOOL_PATH_BYTES];  /* constant */
    struct ph_queue *queue;
    pthread_t thread;
    bool running; /* started and not joined */
    pthread_mutex_t lock;
    pthread_cond_t finish;            /* with lock */
    bool finished;                    /* guarded by lock: the thread has written everything and ends */
    _Atomic int64_t failing_since_us; /* 0: all is well */
    _Atomic int64_t step_since_us;    /* since when the disk is at one step; 0: there is nothing to do */
    atomic_bool is_losing;            /* memory had no room, and nothing was written since */
    _Atomic double fill;              /* how full it is, 0 to 1 */
    /* of the spool's thread */
    struct ph_spool_budget budget;
    int64_t retry_at_us;
    int64_t log_next_us;
    int64_t fill_log_next_us;
    bool is_slow; /* the last sync was */
    /* of who calls ph_spool_watch */
    bool standstill_told;
    int64_t standstill_since_us; /* 0: the disk goes on */
    int64_t standstill_log_next_us;
};

/* The spool's thread begins with the disk's next step, or has nothing more to do. */
void ph_spool_note_step(struct ph_spool *spool, bool goes_on);
/* What became of writing a session: logged once, and when it changes. */
void ph_spool_note_failure(struct ph_spool *spool, const struct ph_session *session, int code);
void ph_spool_note_success(struct ph_spool *spool, const struct ph_session *session, bool is_whole);
/* From the part to be written next on, so many of the track's segments are no longer there to be written. */
void ph_spool_note_loss(
    struct ph_spool *spool, const struct ph_session *session, uint32_t track, uint64_t segments);

/* Writes what the disk has not of the session, and makes it durable: all of it, or some when others wait for
 * their turn; then it has another one. `is_whole`: nothing of its tracks is left. */
int ph_spool_write_session(struct ph_spool *spool, struct ph_session *session, bool *is_whole) PH_NODISCARD;
/* Gives the session another turn when others wait for theirs; false when none does. */
bool ph_spool_put_back(struct ph_spool *spool, struct ph_session *session);
/* Frees space for the budget. Returns whether it freed any. */
bool ph_spool_make_room(struct ph_spool *spool);
/* Measures how full it is, and says so when that is nearly all. */
void ph_spool_watch_fill(struct ph_spool *spool);
/* Tells the archive of the session, where there is one and it was not told yet. */
void ph_spool_tell_archive(struct ph_spool *spool, struct ph_session *session);
/* Gives an ended session's folder, which nobody is served from any more, to the archive, or removes it. */
void ph_spool_hand_over(struct ph_spool *spool, const char *id, const char *dir);
/* A retired session's folder goes, at once or by the archive. */
void ph_spool_let_go(struct ph_spool *spool, struct ph_session *session);
/* The last picture, for the recording: now and then, and at the end. */
int ph_spool_write_poster(struct ph_session *session, bool ended) PH_NODISCARD;

/* What the end marker says, or -ENOENT. */
struct ph_spool_end {
    int64_t utc_us;
    uint32_t take; /* of what ended; 0: of a session */
};
int ph_spool_read_end(const char *dir, struct ph_spool_end *end) PH_NODISCARD;
/* Whether more is in the folder than a tombstone: the archive is not done with it. */
bool ph_spool_has_publication(const char *dir);
/* A session that was given up: its folder is marked, so that nothing of it comes back, and goes with what is
 * in the store. To be called until it says of itself that it is cleared. */
void ph_spool_clear(struct ph_spool *spool, struct ph_session *session);
/* Its folder, when nothing of it is in the store. */
void ph_spool_remove_given_up(const char *dir);
/* Whether the folder is of a session that was given up; then it is seen to that it goes. */
bool ph_spool_restore_given_up(struct ph_spool *spool, const char *id, const char *dir);
/* Removes the folders of sessions whose end marker is older than a tombstone lives. */
void ph_spool_sweep_tombstones(struct ph_spool *spool);

#endif
