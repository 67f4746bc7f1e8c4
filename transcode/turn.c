#include "transcode/turn.h"

#include <string.h>

/* Transposing goes by blocks, so that the lines of either side stay in the cache. */
enum { block = 8 };

/* Nobody's pixels are longer than this many times their other side. */
enum { most_stretch = 100 };

static int64_t magnitude(int32_t value) {
    return value < 0 ? -(int64_t)value : value;
}

/* Of the eight matrices of zeros and ones, signs aside, the nearest is the one whose entries meet the most of
 * what is there; the entry in column x, row y moves a step along x by so much along y. */
struct ph_turn ph_turn_of_matrix(const int32_t matrix[9]) {
    int32_t x_to_x = matrix[0], x_to_y = matrix[1], y_to_x = matrix[3], y_to_y = matrix[4];
    if (magnitude(x_to_y) + magnitude(y_to_x) > magnitude(x_to_x) + magnitude(y_to_y))
        return (struct ph_turn){.flips_x = x_to_y < 0, .flips_y = y_to_x < 0, .transposes = true};
    return (struct ph_turn){.flips_x = x_to_x < 0, .flips_y = y_to_y < 0};
}

struct ph_turn ph_turn_of(const AVFrame *picture) {
    const AVFrameSideData *note = av_frame_get_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX);
    int32_t matrix[9];
    if (!note || note->size < sizeof(matrix))
        return (struct ph_turn){0};
    memcpy(matrix, note->data, sizeof(matrix));
    return ph_turn_of_matrix(matrix);
}

bool ph_turn_is_none(struct ph_turn turn) {
    return !turn.flips_x && !turn.flips_y && !turn.transposes;
}

static AVRational sane(AVRational aspect) {
    int64_t wide = aspect.num, high = aspect.den;
    if (wide <= 0 || high <= 0 || wide >= high * most_stretch || high >= wide * most_stretch)
        return (AVRational){1, 1};
    return aspect;
}

struct ph_shown ph_turn_shown(const AVFrame *picture) {
    struct ph_shown shown = {picture->width, picture->height, sane(picture->sample_aspect_ratio)};
    if (!ph_turn_of(picture).transposes)
        return shown;
    return (struct ph_shown){shown.height, shown.width, {shown.aspect.den, shown.aspect.num}};
}

static void transpose_block(struct ph_plane from, int width, int height, struct ph_plane to) {
    for (int x = 0; x < width; x++) {
        for (int y = 0; y < height; y++)
            to.bytes[x * to.stride + y] = from.bytes[y * from.stride + x];
    }
}

static void transpose(struct ph_plane from, int width, int height, struct ph_plane to) {
    for (int y = 0; y < height; y += block) {
        int rows = height - y < block ? height - y : block;
        for (int x = 0; x < width; x += block) {
            int columns = width - x < block ? width - x : block;
            struct ph_plane source = {from.bytes + y * from.stride + x, from.stride};
            struct ph_plane target = {to.bytes + x * to.stride + y, to.stride};
            /* Constant bounds are what the compiler makes fast code of. */
            if (rows == block && columns == block)
                transpose_block(source, block, block, target);
            else
                transpose_block(source, columns, rows, target);
        }
    }
}

static struct ph_plane upside_down(struct ph_plane plane, int rows) {
    return (struct ph_plane){plane.bytes + (rows - 1) * plane.stride, -plane.stride};
}

static void copy_row(uint8_t *to, const uint8_t *from, int width, bool flips) {
    if (!flips) {
        memcpy(to, from, (size_t)width);
        return;
    }
    for (int x = 0; x < width; x++)
        to[x] = from[width - 1 - x];
}

void ph_turn_plane(struct ph_turn turn, struct ph_plane from, int width, int height, struct ph_plane to) {
    if (width <= 0 || height <= 0)
        return;
    if (turn.flips_y)
        from = upside_down(from, height);
    if (turn.transposes) {
        transpose(from, width, height, turn.flips_x ? upside_down(to, width) : to);
        return;
    }
    for (int y = 0; y < height; y++)
        copy_row(to.bytes + y * to.stride, from.bytes + y * from.stride, width, turn.flips_x);
}
