/* Playlists: pure functions from an immutable snapshot to text (RFC 8216bis 4). */
#ifndef PH_ORIGIN_PLAYLIST_H
#define PH_ORIGIN_PLAYLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/media/track.h"
#include "origin/directives.h"
#include "origin/edge.h"

struct ph_playlist_part {
    uint32_t duration_ticks;
    bool independent;
    bool gap;
};

struct ph_playlist_segment {
    uint64_t number;
    int64_t start_ticks; /* since t = 0 */
    int64_t duration_ticks;
    bool closed; /* listed with EXTINF; only the last may be open */
    bool gap;    /* something in it is missing */
    const struct ph_playlist_part *parts;
    uint32_t part_count; /* 0 where the part tags are gone */
};

/* Where another rendition stands. */
struct ph_playlist_report {
    const char *track;
    struct ph_part_position newest;
};

/* Of the segments before those of a playlist: what its reader has not heard of yet (past_text.h). */
struct ph_playlist_past {
    uint64_t first; /* the oldest's number, and where it starts */
    int64_t start_ticks;
    uint64_t revision;
    uint64_t from;           /* so many were heard of; 0: of none, or of another past */
    const uint32_t *lengths; /* of those after them, as in history.h */
    uint64_t count;
};

struct ph_playlist {
    const struct ph_publication *publication;
    const struct ph_track *track;
    struct ph_edge edge;
    const struct ph_playlist_segment *segments;
    uint32_t segment_count;
    /* A playlist that reaches back to the session's start: segments before these, right up to them, whose
     * lines are kept elsewhere (past_text.h). 0 otherwise. */
    uint64_t past_count;
    struct ph_playlist_past past_news;
    bool with_past;
    struct ph_playlist_report reports[PH_MOST_TRACKS];
    uint32_t report_count;
};

/* The whole playlist, or with PH_SKIP_SEGMENTS a delta update where one is smaller. Not of one that has a
 * past: its whole is front, past and rest. */
void ph_playlist_write_media(
    struct ph_builder *builder, const struct ph_playlist *playlist, enum ph_skip skip);
/* What stands before the first segment, and from the first of `segments` to the end. */
void ph_playlist_write_front(struct ph_builder *builder, const struct ph_playlist *playlist);
void ph_playlist_write_rest(struct ph_builder *builder, const struct ph_playlist *playlist);
/* False, and nothing written, when there is none. */
bool ph_playlist_write_delta(struct ph_builder *builder, const struct ph_playlist *playlist);
/* How many of the oldest segments a delta update leaves out: those with at least 6 × TARGETDURATION of whole
 * segments after them (CAN-SKIP-UNTIL). 0: there is no delta update. */
uint64_t ph_playlist_skippable(const struct ph_playlist *playlist);

#endif
