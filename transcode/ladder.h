/* The ladder: which renditions a source is turned into. Pure.
 *
 * Text form (PORTHOLE_LADDER): entries `<height>p<fps>@<kbit/s>k`, comma-separated, for instance
 * `1080p30@4500k,720p30@2500k`. An entry's height counts along the picture's shorter side, so that a portrait
 * source is 1080 wide under `1080p30`. */
#ifndef PH_TRANSCODE_LADDER_H
#define PH_TRANSCODE_LADDER_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/media/track.h"
#include "transcode/grid_plan.h"
#include "transcode/source.h"

/* One track of a publication is left for audio. */
enum { PH_MOST_RENDITIONS = PH_MOST_TRACKS - 1, PH_AUDIO_BITRATE = 128000 };

struct ph_ladder_entry {
    uint32_t height; /* 64 … 2304 */
    uint32_t fps;    /* 1 … 60 */
    uint32_t kbps;   /* 50 … 100000 */
};

/* Highest first; no height twice. */
struct ph_ladder {
    uint32_t count;
    struct ph_ladder_entry entries[PH_MOST_RENDITIONS];
};

/* 0, or -EINVAL with a sentence that names the entry and the form. */
int ph_ladder_parse(const char *text, struct ph_ladder *ladder, struct ph_error *error) PH_NODISCARD;
/* The highest frame rate any entry asks for. */
uint32_t ph_ladder_most_fps(const struct ph_ladder *ladder);

struct ph_rendition {
    char name[PH_TRACK_NAME_BYTES]; /* "v" and the entry's height, whatever the size became */
    uint32_t width, height;         /* even */
    uint32_t step;                  /* takes every step-th grid frame */
    struct ph_rational rate;        /* of the rendition: the grid's / step */
    uint32_t bitrate;               /* bit/s aimed at */
    uint32_t most_bitrate;          /* bit/s, VBV */
    uint32_t buffer_bits;           /* VBV */
};

struct ph_ladder_plan {
    /* The source's grid with parts widened to whole frames of every rendition; what all tracks are cut by. */
    struct ph_grid_plan grid;
    uint32_t count;
    struct ph_rendition renditions[PH_MOST_RENDITIONS];
};

/* A rendition's size is the smaller of source and entry, aspect ratio kept; an entry whose size would equal
 * that of the entry below it is dropped (a 720p source has v720 alone; a 900p source has v1080, 900 high, and
 * v720). The bitrate falls with the area, to half the entry's at the least. Never empty. */
void ph_ladder_plan_make(
    const struct ph_ladder *ladder, const struct ph_source_description *source, struct ph_ladder_plan *plan);

#endif
