/* The live window of a session: the parts and segments of each track that viewers may still fetch.
 *
 * A window has no lock of its own: every call, and every pointer it lends, is guarded by the session's lock
 * (ph_session.lock). Parts are reference-counted and may be kept beyond it.
 *
 * Lifetime of a segment:
 *   open      the newest segment of its track; parts are added            ph_window_add_part
 *   closed    listed with EXTINF; by its last part or ph_window_end
 *   removed   left the playlist; still fetchable until keep_until_us      close of a newer segment
 *   reserved  waits for the disk, as far as the reserve has room          ph_window_expire
 *   freed     by ph_window_expire; parts die with their last reference */
#ifndef PH_ORIGIN_WINDOW_H
#define PH_ORIGIN_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "origin/edge.h"
#include "origin/history.h"
#include "origin/part.h"
#include "origin/playlist.h"

enum { PH_WINDOW_LISTED_SEGMENTS = 10 };

/* Memory for segments that nobody fetches any more and that are not on disk yet, of all sessions. Any
 * thread. */
struct ph_reserve {
    uint64_t most_bytes; /* constant */
    _Atomic(uint64_t) used_bytes;
};

struct ph_segment {
    struct ph_segment *prev, *next;
    uint64_t number;
    int64_t start_ticks;
    int64_t duration_ticks;
    bool closed;
    bool gap;
    bool removed;
    int64_t keep_until_us;             /* of a removed segment, monotonic */
    uint64_t reserved_bytes;           /* what it takes of the reserve */
    struct ph_http_response *response; /* of a closed segment, made when first asked for */
    struct ph_part **parts;            /* room for parts_per_segment */
    uint32_t part_count;
};

struct ph_window_track {
    const struct ph_track *track;
    struct ph_segment *segments; /* oldest first */
    struct ph_history history;   /* of segments before those that are listed */
    struct ph_edge edge;
    int64_t end_ticks;             /* where the next part starts */
    int64_t longest_list_ticks;    /* the longest playlist so far */
    uint64_t version;              /* counts the changes of the playlist; 0: nothing to list */
    struct ph_http_response *init; /* NULL until published */
    struct ph_bytes *init_bytes;
};

struct ph_window {
    const struct ph_publication *publication; /* borrowed */
    struct ph_reserve *reserve;               /* borrowed; NULL: what expires is freed, on disk or not */
    struct ph_window_track tracks[PH_MOST_TRACKS];
};

void ph_window_init(struct ph_window *window, const struct ph_publication *publication);
void ph_window_finish(struct ph_window *window);
/* The track's index, or -1. */
int ph_window_find_track(const struct ph_window *window, const char *name);

enum ph_window_verdict {
    PH_WINDOW_ADDED,
    PH_WINDOW_REPEATED,     /* there already, or older than that */
    PH_WINDOW_OUT_OF_ORDER, /* the next part is ph_edge_next(&track->edge) */
    PH_WINDOW_ENDED,
    PH_WINDOW_REFUSED, /* breaks a rule; `error` says which */
    PH_WINDOW_NO_MEMORY,
};
/* Takes a reference on success. A track without parts begins with part 0 of any segment. */
enum ph_window_verdict ph_window_add_part(struct ph_window *window, uint32_t track, struct ph_part *part,
    int64_t now_us, struct ph_error *error) PH_NODISCARD;
/* The init segment, once. Borrows. 0; -EALREADY when the same bytes are there; -EEXIST when others are;
 * -ENOMEM. */
int ph_window_set_init(struct ph_window *window, uint32_t track, struct ph_bytes *bytes) PH_NODISCARD;
/* Closes what is open and lets every playlist end. */
void ph_window_end(struct ph_window *window);
/* Forgets the parts of a track, which its history tells of: a restored track goes on after a hole. */
void ph_window_reset_track(struct ph_window *window, uint32_t track);
/* Frees removed segments whose time has come; those that are not on disk (`durable_below`: for each track,
 * what lies before it is) only when the reserve has no room for them, the track's oldest first. */
void ph_window_expire(struct ph_window *window, const uint64_t durable_below[PH_MOST_TRACKS], int64_t now_us);

/* Lends the part, or NULL when it is not there. */
struct ph_part *ph_window_find_part(
    const struct ph_window *window, uint32_t track, struct ph_part_position position);
/* Lends the response of a whole segment; NULL when there is none (or no memory for it: -ENOMEM in `code`). */
struct ph_http_response *ph_window_segment_response(
    struct ph_window *window, uint32_t track, uint64_t number, int *code);
/* Whether the multivariant playlist may be shown: every track has something to play, or one has a whole
 * segment. */
bool ph_window_is_ready(const struct ph_window *window);

/* The number of the oldest segment in the playlist, or 0. */
uint64_t ph_window_first_listed(const struct ph_window *window, uint32_t track);

/* An immutable copy of what the track's playlist shows, in one block; free() ends it. It borrows the
 * publication. NULL when out of memory. */
struct ph_playlist *ph_window_snapshot(const struct ph_window *window, uint32_t track);
/* The same with the past: of its segments those that follow the `count` from number `first`, which the caller
 * knows as they were at that revision of the history. */
struct ph_playlist *ph_window_snapshot_with_past(
    const struct ph_window *window, uint32_t track, uint64_t first, uint64_t count, uint64_t revision);

/* References to the parts of a track's segment that follow `from`, for the spool. */
struct ph_window_run {
    struct ph_part *parts[16];
    uint32_t count;
    struct ph_part_position next; /* where the following run begins */
    bool closes;                  /* with these parts the segment `from` is in is complete */
    uint64_t first;               /* the first segment the track ever had here */
    uint64_t oldest;              /* the oldest segment the window holds */
    bool lost;                    /* `from` has left the window; nothing was taken */
};
void ph_window_take_run(
    const struct ph_window *window, uint32_t track, struct ph_part_position from, struct ph_window_run *run);

#endif
