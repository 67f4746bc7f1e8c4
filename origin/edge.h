/* The edge of a track's playlist: how far it reaches. Pure. */
#ifndef PH_ORIGIN_EDGE_H
#define PH_ORIGIN_EDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/media/track.h"

/* As a part number: the whole segment, closed and listed with its EXTINF. */
#define PH_WHOLE_SEGMENT UINT32_MAX

struct ph_edge {
    bool any;                       /* at least one part is there */
    bool ended;                     /* the playlist carries EXT-X-ENDLIST */
    bool closed;                    /* the newest part is the last of its segment */
    struct ph_part_position newest; /* the newest part */
};

/* Whether a playlist with this edge contains the part, or the whole segment, or something later. */
bool ph_edge_contains(const struct ph_edge *edge, struct ph_part_position wanted);
/* The part that follows: the one that is hinted. */
struct ph_part_position ph_edge_next(const struct ph_edge *edge);

#endif
