/* What playlists of all kinds have in common (RFC 8216bis 4.4): live ones, and those of recordings. Pure. */
#ifndef PH_ORIGIN_PLAYLIST_LINES_H
#define PH_ORIGIN_PLAYLIST_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/media/track.h"

/* What the URIs of media end with. The playlists of a private session are the same for every viewer: each
 * player puts in the token that the playlist's own URL carries (4.4.2.3). */
const char *ph_playlist_query(const struct ph_publication *publication);
/* EXTM3U, EXT-X-VERSION, and EXT-X-DEFINE where the URIs take a token. */
void ph_playlist_write_version(struct ph_builder *builder, const struct ph_publication *publication);
/* Seconds with up to six decimals, at least one, rounded to the nearest microsecond: what does not exceed a
 * limit in whole microseconds does not exceed it in print either. */
void ph_playlist_write_seconds(struct ph_builder *builder, uint64_t ticks, uint32_t timescale);
void ph_playlist_write_map(struct ph_builder *builder, const struct ph_publication *publication);
/* EXT-X-PROGRAM-DATE-TIME of a moment of the session, in UTC with milliseconds. */
void ph_playlist_write_date(struct ph_builder *builder, const struct ph_publication *publication,
    const struct ph_track *track, int64_t ticks);
/* EXTINF of a segment and its URI, after EXT-X-GAP where something in it is missing. */
void ph_playlist_write_uri(struct ph_builder *builder, const struct ph_publication *publication,
    const struct ph_track *track, uint64_t number, int64_t duration_ticks, bool gap);

/* The multivariant playlist; one whose media playlists reach back to the session's start `with_past`. */
void ph_playlist_write_multivariant(
    struct ph_builder *builder, const struct ph_publication *publication, bool with_past);
/* The same for the URIs of playlists: "?dvr=1" keeps a player at those that reach back. */
const char *ph_playlist_list_query(const struct ph_publication *publication, bool with_past);

#endif
