/* The archive: takes what the spool has made durable to the store, and makes recordings of it.
 *
 *   <spool>/<session>/<track>/archived    a line for each segment that is in the store (journal.h)
 *   <spool>/<session>/recording…          the recorder's (recorder.h)
 *   <spool>/<session>/complete            the recording is whole: only the catalogue's word may be missing
 *
 * What it knows of a session it finds again in that folder alone. Threads of its own: some put segments, the
 * oldest first across sessions; others feed each session's recorder and finish it. While the store is away
 * everything waits in the spool.
 *
 *   a session    begins with           the spool may
 *   taken        ph_archive_open       tell of segments, remove files that ph_archive_release lets go
 *   ended        ph_archive_end        remove files
 *   given up     ph_archive_give_up    nothing: folder and objects are the archive's, and go
 *   retired      ph_archive_retire     nothing: the folder is the archive's, and goes when all is in the
 * store
 *
 * Lifetime: create → open … → start → … → drain → (the store is cancelled) → destroy. */
#ifndef PH_ORIGIN_ARCHIVE_ARCHIVE_H
#define PH_ORIGIN_ARCHIVE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/media/track.h"
#include "core/store/store.h"
#include "origin/archive/catalogue.h"

struct ph_archive;
struct ph_archive_session;

enum { PH_ARCHIVE_PATH_BYTES = 512 };
/* In the folder of a session that was given up: written before anything is removed, and removed last. */
#define PH_ARCHIVE_GIVEN_UP "given-up"

struct ph_archive_options {
    struct ph_store *store;                 /* borrowed, as all that follow */
    struct ph_archive_catalogue *catalogue; /* NULL: nobody is told */
    struct ph_clock *clock;
    struct ph_metrics *metrics;
    uint32_t put_threads; /* 0: 4 */
    int64_t retry_us;     /* 0: 1 s; after a failure, doubled with each one more, with jitter */
};

int ph_archive_create(struct ph_archive **archive, const struct ph_archive_options *options) PH_NODISCARD;
int ph_archive_start(struct ph_archive *archive) PH_NODISCARD;
/* Goes on until everything that has ended is in the store, at most until the deadline (ph_now_us() time).
 * What is not stays in the spool for the next start. */
void ph_archive_drain(struct ph_archive *archive, int64_t deadline_us);
/* Joins the threads, which come back soon once the store is cancelled. NULL is fine. */
void ph_archive_destroy(struct ph_archive *archive);
/* Sets the gauges: about once a second. */
void ph_archive_measure(struct ph_archive *archive);

/* Segments of a track. */
struct ph_archive_segment {
    uint64_t number;
    int64_t start_ticks;
    int64_t duration_ticks;
    uint64_t bytes; /* 0: a gap */
};

/* The spool's side: none of these waits for anything but the folder. */

/* Finds the session again in its folder, or begins it. `durable_below`: for each track, segments below it are
 * on disk whole. Borrowed from the archive until it is retired. NULL when out of memory, or when the folder
 * cannot be read: again later. */
struct ph_archive_session *ph_archive_open(struct ph_archive *archive, const char *id, const char *dir,
    const struct ph_publication *publication, const uint64_t durable_below[PH_MOST_TRACKS]);
/* A segment is on disk. */
void ph_archive_take(
    struct ph_archive_session *session, uint32_t track, const struct ph_archive_segment *segment);
/* All segments were told. */
void ph_archive_end(struct ph_archive_session *session);
/* Nobody is served from the folder any more; the session is the archive's, and has ended. */
void ph_archive_retire(struct ph_archive_session *session);
/* Nothing of the session is to be kept: a take of a file that does not count. It is retired by that. */
void ph_archive_give_up(struct ph_archive_session *session);
/* Whether the archive works on a session of this name; when not, there is nothing of it on disk. */
bool ph_archive_has(struct ph_archive *archive, const char *id);
/* Whether a take of a file may begin: there is nothing of an earlier one, which is given up if there is, or
 * of any that was. One that is not retired is the spool's still: it is given up when asked again later. */
bool ph_archive_make_way(struct ph_archive *archive, const char *id, uint32_t take);
/* Whether nobody works on the file of the session any more, or the session's recording was deleted, as far as
 * is known; has the catalogue asked now and then. Never waits. */
bool ph_archive_is_unwanted(struct ph_archive *archive, const char *id);
/* Has the catalogue asked at the next call of that. */
void ph_archive_doubt(struct ph_archive *archive, const char *id);
/* Whether the file of a segment may be removed: it is in the store, and nobody here needs it. When it says so
 * the file counts as gone. */
bool ph_archive_release(struct ph_archive_session *session, uint32_t track, uint64_t segment);
/* Removes the oldest file of a segment that is in the store; with `may_lose`, of one that is not: it is lost
 * to the archive. Bytes that were freed; 0: there is none. */
uint64_t ph_archive_shed(struct ph_archive *archive, bool may_lose);
/* Bytes of retired sessions' files that were removed since it was asked last. */
uint64_t ph_archive_take_freed(struct ph_archive *archive);

/* Viewers' side: where media of a session that the archive knows lies. Any thread. */

struct ph_archive_place {
    char path[PH_ARCHIVE_PATH_BYTES]; /* in the spool; "": no longer. It may go at any time: then see the key
                                       */
    char key[PH_STORE_KEY_BYTES];     /* in the store; "": not yet */
    uint64_t bytes;
};
/* -ENOENT when there is no such segment, or it is a gap. */
int ph_archive_find_segment(struct ph_archive *archive, const char *id, uint32_t track, uint64_t segment,
    struct ph_archive_place *place) PH_NODISCARD;
/* Segments of the track from number `from` on, gaps among them, at most `most`; how many. Numbers that were
 * lost are left out. */
size_t ph_archive_list_segments(struct ph_archive *archive, const char *id, uint32_t track, uint64_t from,
    struct ph_archive_segment *list, size_t most);

#endif
