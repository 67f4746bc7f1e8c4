#include "origin/recording/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/sha256.h"
#include "origin/recording/fragment_reader.h"

static const uint64_t most_number = UINT64_C(1) << 53;

static bool id_is_valid(const char *id) {
    size_t size = strlen(id);
    return size > 0 && size < PH_RECORDING_ID_BYTES &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == size;
}

int ph_manifest_init(struct ph_manifest *manifest, const char *id, const struct ph_publication *publication) {
    *manifest = (struct ph_manifest){.publication = *publication};
    if (!id_is_valid(id))
        return -EINVAL;
    memcpy(manifest->id, id, strlen(id) + 1);
    return 0;
}

void ph_manifest_finish(struct ph_manifest *manifest) {
    for (uint32_t i = 0; i < PH_MOST_TRACKS; i++)
        free(manifest->tracks[i].segments);
    free(manifest->storyboard.sheets);
    *manifest = (struct ph_manifest){0};
}

int ph_manifest_set_init(struct ph_manifest *manifest, uint32_t index, struct ph_slice init) {
    struct ph_manifest_track *track = &manifest->tracks[index];
    track->init_bytes = (uint32_t)init.size;
    return ph_sha256(init, track->init_hash);
}

static int take_picture(struct ph_manifest_picture *picture, struct ph_slice jpeg) {
    picture->bytes = (uint32_t)jpeg.size;
    return ph_sha256(jpeg, picture->hash);
}

int ph_manifest_set_poster(struct ph_manifest *manifest, struct ph_slice jpeg) {
    manifest->has_poster = true;
    return take_picture(&manifest->poster, jpeg);
}

static int push(struct ph_manifest_track *track, const struct ph_manifest_segment *segment) {
    if (track->count == PH_MOST_MANIFEST_SEGMENTS)
        return -EINVAL;
    if (track->count == track->capacity) {
        uint32_t capacity = track->capacity ? track->capacity * 2 : 64;
        struct ph_manifest_segment *segments = realloc(track->segments, capacity * sizeof(*segments));
        if (!segments)
            return -ENOMEM;
        track->segments = segments;
        track->capacity = capacity;
    }
    track->segments[track->count++] = *segment;
    return 0;
}

/* Gaps for the numbers between, each with its share of the time. */
static int fill(struct ph_manifest_track *track, uint64_t missing, int64_t until_ticks) {
    struct ph_manifest_segment last = track->segments[track->count - 1];
    int64_t start = last.start_ticks + last.duration_ticks;
    uint64_t number = last.number;
    int code = 0;
    for (; missing && !code; missing--) {
        int64_t share = (until_ticks - start) / (int64_t)missing;
        if (share < 1 || share > UINT32_MAX)
            return -EINVAL;
        const struct ph_manifest_segment gap = {.number = ++number,
            .start_ticks = start,
            .duration_ticks = (uint32_t)share,
            .flags = PH_MANIFEST_GAP};
        code = push(track, &gap);
        start += share;
    }
    return code;
}

static int check(const struct ph_manifest_track *track, const struct ph_manifest_segment *segment) {
    if (segment->number > most_number || segment->start_ticks < 0 ||
        segment->start_ticks > (int64_t)most_number || !segment->duration_ticks ||
        segment->key_bytes > segment->bytes)
        return -EINVAL;
    if (!track->count)
        return 0;
    const struct ph_manifest_segment *last = &track->segments[track->count - 1];
    if (segment->number <= last->number)
        return -EALREADY;
    uint64_t missing = segment->number - last->number - 1;
    return segment->start_ticks >= last->start_ticks + (int64_t)last->duration_ticks &&
                   missing < PH_MOST_MANIFEST_SEGMENTS - track->count
               ? 0
               : -EINVAL;
}

int ph_manifest_add_segment(
    struct ph_manifest *manifest, uint32_t index, const struct ph_manifest_segment *segment) {
    struct ph_manifest_track *track = &manifest->tracks[index];
    uint32_t before = track->count;
    int code = check(track, segment);
    if (!code && before)
        code = fill(track, segment->number - track->segments[before - 1].number - 1, segment->start_ticks);
    if (!code)
        code = push(track, segment);
    if (code)
        track->count = before;
    return code;
}

int ph_manifest_describe_segment(
    struct ph_slice init_bytes, uint64_t number, struct ph_slice bytes, struct ph_manifest_segment *segment) {
    struct ph_init_segment init;
    struct ph_media_segment media;
    int code = ph_init_segment_read(init_bytes, &init);
    if (!code)
        code = ph_media_segment_read(bytes, &init, &media);
    if (code)
        return code;
    bool fits = media.duration_ticks <= UINT32_MAX;
    *segment = (struct ph_manifest_segment){.number = number,
        .start_ticks = media.start_ticks,
        .duration_ticks = (uint32_t)media.duration_ticks,
        .bytes = bytes.size,
        .key_bytes = media.key_bytes};
    ph_media_segment_finish(&media);
    return fits ? ph_sha256(bytes, segment->hash) : PH_INVALID_DATA;
}

/* Sheets of one form alone make a storyboard: that of the first. */
static bool has_form_of(const struct ph_storyboard *board, const struct ph_storyboard_sheet *sheet) {
    return board->interval_us == (int64_t)sheet->interval_ms * PH_MILLISECOND_US &&
           board->width == sheet->width && board->height == sheet->height &&
           board->columns == sheet->columns && board->rows == sheet->rows;
}

int ph_manifest_add_sheet(
    struct ph_manifest *manifest, const struct ph_storyboard_sheet *sheet, struct ph_slice jpeg) {
    struct ph_storyboard *board = &manifest->storyboard;
    struct ph_manifest_sheet added = {.first_tile = (uint32_t)sheet->first_tile, .tiles = sheet->tiles};
    if (!board->sheet_count) {
        board->interval_us = (int64_t)sheet->interval_ms * PH_MILLISECOND_US;
        board->width = sheet->width;
        board->height = sheet->height;
        board->columns = sheet->columns;
        board->rows = sheet->rows;
    }
    if (!has_form_of(board, sheet) || sheet->first_tile > INT32_MAX)
        return -EINVAL;
    int code = take_picture(&added.picture, jpeg);
    return code ? code : ph_storyboard_push(board, &added);
}

int ph_storyboard_push(struct ph_storyboard *board, const struct ph_manifest_sheet *sheet) {
    if (board->sheet_count == PH_MOST_MANIFEST_SHEETS)
        return -EINVAL;
    struct ph_manifest_sheet *sheets =
        realloc(board->sheets, (board->sheet_count + (size_t)1) * sizeof(*sheets));
    if (!sheets)
        return -ENOMEM;
    board->sheets = sheets;
    sheets[board->sheet_count++] = *sheet;
    return 0;
}

static int64_t to_us(int64_t ticks, uint32_t timescale) {
    return (int64_t)((__int128)ticks * PH_SECOND_US / timescale);
}

void ph_manifest_close(struct ph_manifest *manifest) {
    int64_t start = INT64_MAX, end = INT64_MIN;
    for (uint32_t i = 0; i < manifest->publication.track_count; i++) {
        const struct ph_manifest_track *track = &manifest->tracks[i];
        uint32_t timescale = manifest->publication.tracks[i].timescale;
        if (!track->count)
            continue;
        const struct ph_manifest_segment *last = &track->segments[track->count - 1];
        int64_t first_us = to_us(track->segments[0].start_ticks, timescale);
        int64_t last_us = to_us(last->start_ticks + last->duration_ticks, timescale);
        start = first_us < start ? first_us : start;
        end = last_us > end ? last_us : end;
    }
    bool is_empty = start > end;
    manifest->started_utc_us = manifest->publication.epoch_utc_us + (is_empty ? 0 : start);
    manifest->duration_us = is_empty ? 0 : end - start;
}

uint64_t ph_manifest_media_bytes(const struct ph_manifest *manifest) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < manifest->publication.track_count; i++) {
        bytes += manifest->tracks[i].init_bytes;
        for (uint32_t n = 0; n < manifest->tracks[i].count; n++)
            bytes += manifest->tracks[i].segments[n].bytes;
    }
    return bytes;
}

uint64_t ph_manifest_total_bytes(const struct ph_manifest *manifest) {
    uint64_t bytes = ph_manifest_media_bytes(manifest) + manifest->mp4_bytes + manifest->poster.bytes;
    for (uint32_t i = 0; i < manifest->storyboard.sheet_count; i++)
        bytes += manifest->storyboard.sheets[i].picture.bytes;
    return bytes;
}

void ph_manifest_picture_size(const struct ph_manifest *manifest, uint32_t *width, uint32_t *height) {
    *width = *height = 0;
    for (uint32_t i = 0; i < manifest->publication.track_count; i++) {
        const struct ph_track *track = &manifest->publication.tracks[i];
        if (manifest->tracks[i].count && track->height > *height) {
            *width = track->width;
            *height = track->height;
        }
    }
}
