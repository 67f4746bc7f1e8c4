#include "core/media/storyboard.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Numbers beyond are no session's: a thousand days at a tile a second. */
static const uint64_t most_tiles = UINT64_C(86400000);
enum { most_side = 1024, most_places = 16, least_interval_ms = 100, most_interval_ms = 3600000 };

void ph_storyboard_drawn_finish(struct ph_storyboard_drawn *drawn) {
    ph_bytes_unref(&drawn->jpeg);
    ph_bytes_unref(&drawn->poster);
}

/* A decimal number without sign or leading zeros, up to `most`. Moves the text past it. */
static bool take_number(const char **text, uint64_t most, uint64_t *number) {
    const char *p = *text;
    *number = 0;
    if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9'))
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        *number = *number * 10 + (uint64_t)(*p - '0');
        if (*number > most)
            return false;
    }
    *text = p;
    return true;
}

void ph_storyboard_header_write(
    const struct ph_storyboard_sheet *sheet, char text[PH_STORYBOARD_TEXT_BYTES]) {
    snprintf(text, PH_STORYBOARD_TEXT_BYTES,
        "%" PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32, sheet->tiles,
        sheet->columns, sheet->rows, sheet->width, sheet->height, sheet->interval_ms);
}

static bool is_sheet(const struct ph_storyboard_sheet *sheet) {
    return sheet->columns && sheet->rows && sheet->width && sheet->height && sheet->tiles &&
           sheet->tiles <= sheet->columns * sheet->rows && sheet->interval_ms >= least_interval_ms;
}

int ph_storyboard_header_parse(const char *text, struct ph_storyboard_sheet *sheet) {
    const struct {
        uint32_t *number, most;
    } fields[] = {
        {&sheet->tiles, most_places * most_places},
        {&sheet->columns, most_places},
        {&sheet->rows, most_places},
        {&sheet->width, most_side},
        {&sheet->height, most_side},
        {&sheet->interval_ms, most_interval_ms},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        uint64_t number;
        if (i > 0 && *text++ != ',')
            return -EINVAL;
        text += i > 0 ? strspn(text, " ") : 0;
        if (!take_number(&text, fields[i].most, &number))
            return -EINVAL;
        *fields[i].number = (uint32_t)number;
    }
    return *text == '\0' && is_sheet(sheet) ? 0 : -EINVAL;
}

int ph_storyboard_file_parse(const char *name, uint64_t *first_tile) {
    return take_number(&name, most_tiles, first_tile) && strcmp(name, ".jpg") == 0 ? 0 : -EINVAL;
}

void ph_storyboard_line_write(const struct ph_storyboard_sheet *sheet, char text[PH_STORYBOARD_TEXT_BYTES]) {
    char header[PH_STORYBOARD_TEXT_BYTES];
    ph_storyboard_header_write(sheet, header);
    snprintf(text, PH_STORYBOARD_TEXT_BYTES, "%" PRIu64 ", %.70s\n", sheet->first_tile, header);
}

static bool parse_line(const uint8_t *line, size_t size, struct ph_storyboard_sheet *sheet) {
    char text[PH_STORYBOARD_TEXT_BYTES];
    if (size >= sizeof(text) || memchr(line, '\0', size))
        return false;
    memcpy(text, line, size);
    text[size] = '\0';
    const char *rest = text;
    if (!take_number(&rest, most_tiles, &sheet->first_tile) || strncmp(rest, ", ", 2) != 0)
        return false;
    return ph_storyboard_header_parse(rest + 2, sheet) == 0;
}

/* Puts a sheet at its place in the order, over an earlier line of the same. */
static size_t insert(
    struct ph_storyboard_sheet *sheets, size_t count, size_t most, const struct ph_storyboard_sheet *sheet) {
    size_t at = count;
    while (at > 0 && sheets[at - 1].first_tile >= sheet->first_tile)
        at--;
    bool known = at < count && sheets[at].first_tile == sheet->first_tile;
    if (!known && count == most)
        return count;
    if (!known)
        memmove(&sheets[at + 1], &sheets[at], (count - at) * sizeof(*sheets));
    sheets[at] = *sheet;
    return known ? count : count + 1;
}

size_t ph_storyboard_index_parse(struct ph_slice index, struct ph_storyboard_sheet *sheets, size_t most) {
    size_t count = 0;
    while (index.size) {
        const uint8_t *end = memchr(index.data, '\n', index.size);
        if (!end) /* torn */
            break;
        size_t size = (size_t)(end - index.data);
        struct ph_storyboard_sheet sheet;
        if (parse_line(index.data, size, &sheet))
            count = insert(sheets, count, most, &sheet);
        index = (struct ph_slice){end + 1, index.size - size - 1};
    }
    return count;
}
