/* The storyboard: small pictures of a session at equal distances, for those who look for a place in it.
 *
 * Tile n shows the session at n * interval. Tiles lie in sheets of rows and columns, row by row; a sheet is
 * known by its first tile, holds those that follow without a hole, and grows until it is full. A worker that
 * takes over begins a new sheet, so sheets need not be full.
 *
 *   PUT /publish/<session>/storyboard/<first tile>.jpg, again whenever a tile was added: the last one counts
 *     X-Storyboard: tiles, columns, rows, width, height, interval     whole numbers; width and height are a
 *                                                                     tile's, the interval is milliseconds
 *   Answers: 202 taken (on disk before the session's end is), 400, 401, 404, 410 (session ended), 507.
 *
 * The spool keeps `storyboard/<first tile>.jpg` and `storyboard/index`, a line for each picture that was
 * taken: the first tile's number and the header's, of which a sheet's last line counts. */
#ifndef PH_MEDIA_STORYBOARD_H
#define PH_MEDIA_STORYBOARD_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

#define PH_HEADER_STORYBOARD "X-Storyboard"

/* As Porthole draws it; what is read may have another. */
enum { PH_STORYBOARD_INTERVAL_MS = 10000 };

enum {
    PH_MOST_STORYBOARD_SHEETS = 4096,
    PH_MOST_STORYBOARD_BYTES = 1 << 20, /* of a sheet's picture */
    PH_STORYBOARD_TEXT_BYTES = 96,
};

struct ph_storyboard_sheet {
    uint64_t first_tile;
    uint32_t tiles; /* that are there, of columns * rows */
    uint32_t columns, rows;
    uint32_t width, height; /* of a tile */
    uint32_t interval_ms;
};

/* A sheet with its picture, after a tile was drawn on it; with the first tile of a recording that is drawn
 * from its segments also the recording's poster, else NULL. */
struct ph_storyboard_drawn {
    struct ph_storyboard_sheet sheet;
    struct ph_bytes *jpeg, *poster;
};
void ph_storyboard_drawn_finish(struct ph_storyboard_drawn *drawn);

/* The header's value. The first tile is not part of it. */
void ph_storyboard_header_write(const struct ph_storyboard_sheet *sheet, char text[PH_STORYBOARD_TEXT_BYTES]);
/* Fills all but the first tile. -EINVAL for what is no sheet's. */
int ph_storyboard_header_parse(const char *text, struct ph_storyboard_sheet *sheet) PH_NODISCARD;
/* "<first tile>.jpg"; -EINVAL for any other name. */
int ph_storyboard_file_parse(const char *name, uint64_t *first_tile) PH_NODISCARD;

/* A line of the index, with its newline. */
void ph_storyboard_line_write(const struct ph_storyboard_sheet *sheet, char text[PH_STORYBOARD_TEXT_BYTES]);
/* The sheets of an index by their first tiles, at most `most`; how many. Lines that are none, as a torn one,
 * are passed over. */
size_t ph_storyboard_index_parse(struct ph_slice index, struct ph_storyboard_sheet *sheets, size_t most);

#endif
