/* The lines of a playlist that no longer change, written and compressed once: a playlist that reaches back
 * for hours costs little more than one that does not. */
#ifndef PH_ORIGIN_PAST_TEXT_H
#define PH_ORIGIN_PAST_TEXT_H

#include <stdint.h>

#include "core/base/builder.h"
#include "core/http/response.h"
#include "origin/playlist.h"

struct ph_past_chunk;

/* Of one track; without a lock of its own. */
struct ph_past_text {
    uint64_t first, count; /* the segments whose lines are here */
    uint64_t revision;     /* of the history that they were written from */
    int64_t end_ticks;
    struct ph_past_chunk *chunks; /* of 256 segments each */
    size_t chunk_count, chunk_capacity;
    struct ph_builder open; /* the lines since the last chunk */
    uint32_t open_count;
};

void ph_past_text_finish(struct ph_past_text *past);
/* Adds what the playlist knows of the past that is not here yet; begins anew when its past is another. 0 or
 * -ENOMEM: then nothing is kept. */
int ph_past_text_add(struct ph_past_text *past, const struct ph_playlist *playlist) PH_NODISCARD;

/* A whole playlist in pieces, and its gzip twin. */
struct ph_past_whole {
    struct ph_bytes **blocks;
    size_t block_count;
    size_t bytes;
    uint32_t crc32; /* of the text */
    struct ph_bytes *compressed;
};
/* Front, past and rest of the playlist. 0 or -ENOMEM. */
int ph_past_text_join(const struct ph_past_text *past, const struct ph_playlist *playlist,
    struct ph_past_whole *whole) PH_NODISCARD;
void ph_past_whole_finish(struct ph_past_whole *whole);

#endif
