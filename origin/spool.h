/* The spool: what was published, on disk, so that a restarted origin loses nothing that it acknowledged.
 *
 *   <data_dir>/spool/<session>/publication.json
 *                              <track>/init.mp4
 *                              <track>/<segment>.m4s    part after part as they come
 *                              <track>/index            a line for each part (spool_index.h)
 *                              storyboard/              core/media/storyboard.h
 *                              end                      UTC microseconds of the end, and the take; stays as
 *                                                       the session's tombstone
 *
 * One thread writes. It is told which session has news (at most once each in its queue) and takes the parts
 * it has not written from the session's window: what waits for the disk is bounded by the window, which
 * keeps it for as long as viewers may fetch it (about 40 s), and by the reserve of all windows beyond that. A
 * disk that fails or stands still for less costs nothing; then the oldest are lost, counted and logged. Parts
 * are written as they come; at the end of a segment file, index and folder are synced, and the publisher gets
 * its 201, or learns it from the standing. Nothing of what is live waits for this thread.
 *
 * Lifetime: create → restore → start → poke … → drain → destroy. */
#ifndef PH_ORIGIN_SPOOL_H
#define PH_ORIGIN_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "origin/archive/archive.h"
#include "origin/sessions.h"

struct ph_spool;

struct ph_spool_options {
    const char *data_dir;
    uint64_t most_bytes;
    int64_t keep_ended_us;  /* how long an ended session is served */
    struct ph_clock *clock; /* borrowed, as all that follow */
    struct ph_origin_sessions *sessions;
    struct ph_origin_metrics *metrics;
    struct ph_archive *archive; /* NULL: nothing is kept for longer than it is served */
};

/* Makes the folder. On failure `error` says what to do. */
int ph_spool_create(
    struct ph_spool **spool, const struct ph_spool_options *options, struct ph_error *error) PH_NODISCARD;
/* Reads the folder into the sessions: before start. A session that cannot be read is logged and left out; its
 * folder stays, aside if it is published again. */
int ph_spool_restore(struct ph_spool *spool, struct ph_error *error) PH_NODISCARD;
int ph_spool_start(struct ph_spool *spool) PH_NODISCARD;
/* From any thread: the session has something to write. Never blocks. */
void ph_spool_poke(struct ph_spool *spool, struct ph_session *session);
/* The folder, for the spool's life. */
const char *ph_spool_root(const struct ph_spool *spool);
/* What the disk does with what it is given. */
enum ph_spool_state { PH_SPOOL_WELL, PH_SPOOL_FAILS, PH_SPOOL_STANDS_STILL };
enum ph_spool_state ph_spool_state(const struct ph_spool *spool);
/* Whether it takes nothing for so long that memory has no more room for what waits. */
bool ph_spool_is_losing(const struct ph_spool *spool);
/* Says when the disk stands still, and when it goes on: about once a second, from one thread. */
void ph_spool_watch(struct ph_spool *spool);
/* How full it is, 0 to 1; from the alarming fill on somebody is to look. */
#define PH_SPOOL_ALARMING_FILL 0.75
double ph_spool_fill(const struct ph_spool *spool);
/* Writes what is queued and stops; returns at the deadline (ph_now_us() time) at the latest. */
void ph_spool_drain(struct ph_spool *spool, int64_t deadline_us);
/* Joins the thread. NULL is fine. */
void ph_spool_destroy(struct ph_spool *spool);

#endif
