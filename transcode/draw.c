#include "transcode/draw.h"

#include "transcode/decode.h"
#include "transcode/file_reader.h"
#include "transcode/thumbnail.h"

enum { ticks_per_ms = 90 };

struct search {
    struct ph_file *file;
    struct ph_decoder decoder;
    AVPacket *packet;
    AVFrame *picture, *found; /* scratch; the last one that has begun by then, or else the first */
    int64_t at_ticks;
    bool is_over;
};

/* What the decoder has: up to the first picture that begins too late. */
static int take_pictures(struct search *search) {
    int code = 0;
    while (!search->is_over && (code = ph_decoder_receive(&search->decoder, search->picture)) == 0) {
        search->is_over = search->picture->pts > search->at_ticks;
        if (!search->is_over || !search->found->buf[0]) {
            av_frame_unref(search->found);
            av_frame_move_ref(search->found, search->picture);
        }
        av_frame_unref(search->picture);
    }
    return code == -EAGAIN || code == PH_EOF ? 0 : code;
}

static int decode(struct search *search) {
    enum ph_track_kind kind;
    int code = 0;
    while (!search->is_over && (code = ph_file_read(search->file, search->packet, &kind)) == 0) {
        code = kind == PH_TRACK_VIDEO ? ph_decoder_send(&search->decoder, search->packet) : PH_INVALID_DATA;
        av_packet_unref(search->packet);
        if (code == 0)
            code = take_pictures(search);
        if (code < 0)
            return code;
    }
    if (code == PH_EOF)
        code = ph_decoder_send(&search->decoder, NULL);
    if (code == 0)
        code = take_pictures(search);
    return code == 0 && !search->found->buf[0] ? -ENODATA : code;
}

static int open_piece(struct search *search, int fd) {
    struct ph_link_reason reason;
    search->packet = av_packet_alloc();
    search->picture = av_frame_alloc();
    search->found = av_frame_alloc();
    if (!search->packet || !search->picture || !search->found)
        return -ENOMEM;
    int code = ph_file_open_piece(&search->file, fd);
    if (code < 0)
        return code;
    const AVCodecParameters *parameters = ph_file_parameters(search->file, PH_TRACK_VIDEO);
    code = parameters ? ph_decoder_open(&search->decoder, parameters, 1, &reason) : PH_INVALID_DATA;
    if (code == 0)
        ph_decoder_trust_packets(&search->decoder);
    return code == 0 || code == -ENOMEM ? code : PH_INVALID_DATA;
}

static void close_search(struct search *search) {
    ph_decoder_finish(&search->decoder);
    ph_file_close(search->file);
    av_packet_free(&search->packet);
    av_frame_free(&search->picture);
    av_frame_free(&search->found);
}

static void note_sheet(void *opaque, const struct ph_storyboard_canvas *canvas) {
    struct ph_storyboard_drawn *drawn = opaque;
    ph_bytes_unref(&drawn->jpeg);
    drawn->sheet = canvas->sheet;
    drawn->jpeg = ph_storyboard_canvas_jpeg(canvas);
}

static int draw(
    struct ph_drawing *drawing, uint64_t tile, const AVFrame *picture, struct ph_storyboard_drawn *drawn) {
    bool is_first = !drawing->is_open;
    if (is_first) {
        int code =
            ph_storyboard_canvas_init(&drawing->canvas, (uint32_t)picture->width, (uint32_t)picture->height);
        drawing->is_open = true;
        if (code < 0)
            return code;
        drawn->poster = ph_thumbnail_make(picture);
    }
    int code = ph_storyboard_canvas_draw(&drawing->canvas, tile, picture, note_sheet, drawn);
    if (code == 0 && (!drawn->jpeg || (is_first && !drawn->poster)))
        code = -ENOMEM;
    return code;
}

int ph_drawing_add(
    struct ph_drawing *drawing, const struct ph_draw *wanted, int fd, struct ph_storyboard_drawn *drawn) {
    /* Half a millisecond for times that were rounded. */
    struct search search = {.at_ticks = wanted->at_us / 1000 * ticks_per_ms +
                                        wanted->at_us % 1000 * ticks_per_ms / 1000 + ticks_per_ms / 2};
    *drawn = (struct ph_storyboard_drawn){0};
    int code = open_piece(&search, fd);
    if (code == 0)
        code = decode(&search);
    if (code == 0)
        code = draw(drawing, wanted->tile, search.found, drawn);
    close_search(&search);
    if (code < 0)
        ph_storyboard_drawn_finish(drawn);
    return code;
}

void ph_drawing_finish(struct ph_drawing *drawing) {
    ph_storyboard_canvas_finish(&drawing->canvas);
    *drawing = (struct ph_drawing){0};
}
