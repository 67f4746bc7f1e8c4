#include "transcode/storyboard_canvas.h"

#include <string.h>

#include "core/base/clock.h"
#include "transcode/jpeg.h"

enum { tile_width = 160, most_tile_height = 320, columns = 5, rows = 5, black = 0, grey = 128 };

static const int64_t interval_us = PH_STORYBOARD_INTERVAL_MS * PH_MILLISECOND_US;
static const int64_t late_us = PH_SECOND_US;

int64_t ph_storyboard_tile_time_us(uint64_t tile) {
    return (int64_t)tile * interval_us;
}

uint64_t ph_storyboard_tile_at(int64_t time_us) {
    return time_us > 0 ? (uint64_t)(time_us / interval_us) : 0;
}

uint64_t ph_storyboard_first_tile(int64_t time_us, bool resumed) {
    uint64_t tile = ph_storyboard_tile_at(time_us);
    return tile + (resumed && time_us - ph_storyboard_tile_time_us(tile) > late_us);
}

static uint32_t tile_height(uint32_t width, uint32_t height) {
    uint32_t high = width ? (uint32_t)((double)tile_width * height / width / 2 + 0.5) * 2 : 0;
    return high < 2 ? 2 : high > most_tile_height ? most_tile_height : high;
}

int ph_storyboard_canvas_init(struct ph_storyboard_canvas *canvas, uint32_t width, uint32_t height) {
    canvas->sheet = (struct ph_storyboard_sheet){
        .columns = columns,
        .rows = rows,
        .width = tile_width,
        .height = tile_height(width, height),
        .interval_ms = PH_STORYBOARD_INTERVAL_MS,
    };
    canvas->frame = av_frame_alloc();
    if (!canvas->frame)
        return -ENOMEM;
    canvas->frame->format = AV_PIX_FMT_YUV420P;
    canvas->frame->color_range = AVCOL_RANGE_JPEG;
    canvas->frame->width = tile_width * columns;
    canvas->frame->height = (int)canvas->sheet.height * rows;
    int code = av_frame_get_buffer(canvas->frame, 0);
    if (code < 0)
        return code;
    ph_storyboard_canvas_clear(canvas, 0);
    return ph_scaler_create(&canvas->scaler, tile_width, canvas->sheet.height, PH_COLOURS_JPEG);
}

void ph_storyboard_canvas_finish(struct ph_storyboard_canvas *canvas) {
    ph_scaler_destroy(canvas->scaler);
    av_frame_free(&canvas->frame);
}

bool ph_storyboard_canvas_is_full(const struct ph_storyboard_canvas *canvas) {
    return canvas->sheet.tiles == canvas->sheet.columns * canvas->sheet.rows;
}

/* Rows of a plane: the chroma has half of them. */
static int plane_size(int size, int plane) {
    return plane ? size / 2 : size;
}

void ph_storyboard_canvas_clear(struct ph_storyboard_canvas *canvas, uint64_t first_tile) {
    AVFrame *frame = canvas->frame;
    canvas->sheet.first_tile = first_tile;
    canvas->sheet.tiles = 0;
    for (int plane = 0; plane < 3; plane++)
        memset(frame->data[plane], plane ? grey : black,
            (size_t)frame->linesize[plane] * (size_t)plane_size(frame->height, plane));
}

int ph_storyboard_canvas_add(struct ph_storyboard_canvas *canvas, const AVFrame *picture) {
    const AVFrame *tile;
    int code = ph_scaler_run(canvas->scaler, picture, &tile);
    if (code < 0)
        return code;
    int x = (int)(canvas->sheet.tiles % columns * canvas->sheet.width);
    int y = (int)(canvas->sheet.tiles / columns * canvas->sheet.height);
    for (int plane = 0; plane < 3; plane++) {
        uint8_t *to = canvas->frame->data[plane] + plane_size(x, plane) +
                      (ptrdiff_t)plane_size(y, plane) * canvas->frame->linesize[plane];
        for (int row = 0; row < plane_size((int)canvas->sheet.height, plane); row++)
            memcpy(to + (ptrdiff_t)row * canvas->frame->linesize[plane],
                tile->data[plane] + (ptrdiff_t)row * tile->linesize[plane],
                (size_t)plane_size(tile_width, plane));
    }
    canvas->sheet.tiles++;
    return 0;
}

int ph_storyboard_canvas_draw(struct ph_storyboard_canvas *canvas, uint64_t tile, const AVFrame *picture,
    ph_storyboard_note *note, void *opaque) {
    uint64_t next = canvas->sheet.first_tile + canvas->sheet.tiles;
    if (!canvas->sheet.tiles)
        ph_storyboard_canvas_clear(canvas, next = tile);
    for (; next <= tile; next++) {
        if (ph_storyboard_canvas_is_full(canvas))
            ph_storyboard_canvas_clear(canvas, next);
        int code = ph_storyboard_canvas_add(canvas, picture);
        if (code < 0)
            return code;
        if (next == tile || ph_storyboard_canvas_is_full(canvas))
            note(opaque, canvas);
    }
    return 0;
}

struct ph_bytes *ph_storyboard_canvas_jpeg(const struct ph_storyboard_canvas *canvas) {
    static const int qualities[] = {6, 12, 31};
    struct ph_bytes *jpeg = NULL;
    for (size_t i = 0; i < sizeof(qualities) / sizeof(qualities[0]); i++) {
        ph_bytes_unref(&jpeg);
        jpeg = ph_jpeg_make(canvas->frame, qualities[i]);
        if (jpeg && ph_bytes_size(jpeg) <= PH_MOST_STORYBOARD_BYTES)
            return jpeg;
    }
    ph_bytes_unref(&jpeg);
    return NULL;
}
