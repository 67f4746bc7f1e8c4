/* Poster and storyboard of a clip: of its own pictures, from its beginning on. */
#include <inttypes.h>
#include <stdio.h>

#include "core/base/log.h"
#include "origin/recording/clip_private.h"

enum { poster_side = 640 };

static const int64_t interval_us = PH_STORYBOARD_INTERVAL_MS * PH_MILLISECOND_US;

struct board {
    struct ph_clip_making *making;
    struct ph_manifest *manifest;
    uint32_t track; /* whose pictures are drawn */
    struct ph_bytes *init;
    struct ph_storyboard_drawn drawn; /* the newest sheet, which is not put yet */
};

/* The smallest rendition that is large enough for a poster, or else the largest. */
static bool choose_track(struct board *board) {
    const struct ph_manifest *manifest = board->manifest;
    uint32_t best = 0;
    for (uint32_t i = 0; i < manifest->publication.track_count; i++) {
        const struct ph_track *track = &manifest->publication.tracks[i];
        uint32_t side = track->width > track->height ? track->width : track->height;
        bool is_better = best < poster_side ? side > best : side >= poster_side && side < best;
        if (track->kind != PH_TRACK_VIDEO || !manifest->tracks[i].count || !is_better)
            continue;
        best = side;
        board->track = i;
    }
    return best > 0;
}

/* The segment that holds a time, or the first one behind it where there is a gap. */
static const struct ph_manifest_segment *segment_at(const struct board *board, int64_t at_us) {
    const struct ph_manifest_track *track = &board->manifest->tracks[board->track];
    uint32_t timescale = board->manifest->publication.tracks[board->track].timescale;
    int64_t ticks = (int64_t)((__int128)at_us * timescale / PH_SECOND_US);
    for (uint32_t i = 0; i < track->count; i++) {
        const struct ph_manifest_segment *segment = &track->segments[i];
        if (!(segment->flags & PH_MANIFEST_GAP) && segment->start_ticks + segment->duration_ticks > ticks)
            return segment;
    }
    return NULL;
}

static int put_sheet(struct board *board) {
    char name[48];
    if (!board->drawn.jpeg)
        return 0;
    snprintf(name, sizeof(name), "storyboard-%" PRIu64 ".jpg", board->drawn.sheet.first_tile);
    int code = ph_clip_put(board->making, "", name, ph_bytes_slice(board->drawn.jpeg), "image/jpeg");
    if (!code)
        code = ph_manifest_add_sheet(board->manifest, &board->drawn.sheet, ph_bytes_slice(board->drawn.jpeg));
    return code == -EINVAL ? PH_INVALID_DATA : code;
}

static int put_poster(struct board *board, struct ph_slice jpeg) {
    int code = ph_clip_put(board->making, "", "poster.jpg", jpeg, "image/jpeg");
    return code ? code : ph_manifest_set_poster(board->manifest, jpeg);
}

/* What was drawn is kept; a sheet before it has all of its tiles. */
static int take_drawn(struct board *board, struct ph_storyboard_drawn *drawn) {
    int code = 0;
    if (board->drawn.jpeg && board->drawn.sheet.first_tile != drawn->sheet.first_tile)
        code = put_sheet(board);
    if (!code && drawn->poster)
        code = put_poster(board, ph_bytes_slice(drawn->poster));
    ph_storyboard_drawn_finish(&board->drawn);
    board->drawn = *drawn;
    return code;
}

static int draw_tile(struct board *board, uint64_t tile, int64_t at_us) {
    struct ph_clip_making *making = board->making;
    struct ph_clip_cutter *cutter = making->clip->cutter;
    const char *folder = board->manifest->publication.tracks[board->track].name;
    const struct ph_manifest_segment *segment = segment_at(board, at_us);
    struct ph_storyboard_drawn drawn = {0};
    struct ph_bytes *bytes = NULL;
    char name[32];
    if (!segment)
        return -ENODATA;
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", segment->number);
    int code = cutter->keep_on(cutter);
    if (!code)
        code = ph_clip_get(making, making->work, folder, name, &bytes);
    if (!code)
        code = cutter->draw(cutter, at_us, tile, ph_bytes_slice(board->init), ph_bytes_slice(bytes), &drawn);
    if (!code)
        code = take_drawn(board, &drawn);
    ph_bytes_unref(&bytes);
    return code;
}

static int draw_all(struct board *board) {
    const struct ph_manifest *manifest = board->manifest;
    int64_t start_us = manifest->started_utc_us - manifest->publication.epoch_utc_us;
    uint64_t tile = 0;
    int code = 0;
    for (; !code && (int64_t)tile * interval_us < manifest->duration_us; tile++)
        code = draw_tile(board, tile, start_us + (int64_t)tile * interval_us);
    if (code == PH_INVALID_DATA)
        ph_log_warning("a clip's pictures cannot all be drawn", ph_str("recording", board->making->clip->id),
            ph_int("tile", (int64_t)tile - 1));
    return !code || code == -ENODATA || code == PH_INVALID_DATA ? put_sheet(board) : code;
}

static int put_cues(struct board *board) {
    if (!board->manifest->storyboard.sheet_count)
        return 0;
    struct ph_bytes *text = ph_storyboard_to_vtt(&board->manifest->storyboard, board->manifest->duration_us);
    int code =
        text ? ph_clip_put(board->making, "", "storyboard.vtt", ph_bytes_slice(text), "text/vtt") : -ENOMEM;
    ph_bytes_unref(&text);
    return code;
}

int ph_clip_draw(struct ph_clip_making *making, struct ph_manifest *manifest) {
    struct board board = {.making = making, .manifest = manifest};
    if (!choose_track(&board))
        return 0;
    int code = ph_clip_get(
        making, making->work, manifest->publication.tracks[board.track].name, "init.mp4", &board.init);
    if (!code)
        code = draw_all(&board);
    if (!code)
        code = put_cues(&board);
    ph_storyboard_drawn_finish(&board.drawn);
    ph_bytes_unref(&board.init);
    return code;
}
