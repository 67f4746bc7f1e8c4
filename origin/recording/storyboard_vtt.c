#include <inttypes.h>

#include "core/base/builder.h"
#include "core/base/clock.h"
#include "origin/recording/manifest.h"

static void write_time(struct ph_builder *builder, int64_t time_us) {
    int64_t ms = time_us / PH_MILLISECOND_US;
    ph_builder_format(builder, "%02" PRId64 ":%02d:%02d.%03d", ms / 3600000, (int)(ms / 60000 % 60),
        (int)(ms / 1000 % 60), (int)(ms % 1000));
}

static void write_cue(struct ph_builder *builder, const struct ph_storyboard *board,
    const struct ph_manifest_sheet *sheet, uint32_t tile, int64_t end_us) {
    int64_t start_us = ((int64_t)sheet->first_tile + tile) * board->interval_us;
    if (start_us >= end_us)
        return;
    ph_builder_text(builder, "\n");
    write_time(builder, start_us);
    ph_builder_text(builder, " --> ");
    write_time(builder, start_us + board->interval_us < end_us ? start_us + board->interval_us : end_us);
    ph_builder_format(builder,
        "\nstoryboard-%" PRIu32 ".jpg#xywh=%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 "\n",
        sheet->first_tile, tile % board->columns * board->width, tile / board->columns * board->height,
        board->width, board->height);
}

struct ph_bytes *ph_storyboard_to_vtt(const struct ph_storyboard *storyboard, int64_t duration_us) {
    struct ph_builder builder = {0};
    ph_builder_text(&builder, "WEBVTT\n");
    for (uint32_t i = 0; i < storyboard->sheet_count; i++) {
        for (uint32_t tile = 0; tile < storyboard->sheets[i].tiles; tile++)
            write_cue(&builder, storyboard, &storyboard->sheets[i], tile, duration_us);
    }
    return ph_builder_finish(&builder);
}
