#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "origin/window.h"

enum { parts_targets = 3 };

/* The block of a snapshot: the playlist first, so that free() of it ends all. */
struct snapshot {
    struct ph_playlist playlist;
    struct ph_playlist_segment *next_segment;
    struct ph_playlist_part *next_part;
};

/* Part tags older than three targets from the end go, by whole segments: within a segment players count parts
 * by their place, so that a segment has all its part tags or none. */
static bool shows_parts(
    const struct ph_window *window, const struct ph_window_track *track, const struct ph_segment *segment) {
    int64_t reach = (int64_t)parts_targets * window->publication->target_duration_s * track->track->timescale;
    return track->end_ticks - segment->start_ticks <= reach;
}

static void copy_segment(struct snapshot *snapshot, const struct ph_segment *segment, bool with_parts) {
    struct ph_playlist_segment *copy = snapshot->next_segment++;
    *copy = (struct ph_playlist_segment){
        .number = segment->number,
        .start_ticks = segment->start_ticks,
        .duration_ticks = segment->duration_ticks,
        .closed = segment->closed,
        .gap = segment->gap,
        .parts = snapshot->next_part,
        .part_count = with_parts ? segment->part_count : 0,
    };
    for (uint32_t i = 0; i < copy->part_count; i++) {
        const struct ph_part_head *head = &segment->parts[i]->head;
        *snapshot->next_part++ = (struct ph_playlist_part){
            .duration_ticks = head->duration_ticks,
            .independent = head->independent,
            .gap = head->gap,
        };
    }
}

static void copy_reports(const struct ph_window *window, uint32_t self, struct ph_playlist *playlist) {
    for (uint32_t i = 0; i < window->publication->track_count; i++) {
        const struct ph_window_track *other = &window->tracks[i];
        if (i == self || !other->edge.any)
            continue;
        playlist->reports[playlist->report_count++] =
            (struct ph_playlist_report){other->track->name, other->edge.newest};
    }
}

/* What of the history follows what is known. */
static struct ph_playlist_past past_news(
    const struct ph_history *history, uint64_t first, uint64_t known, uint64_t revision) {
    bool goes_on =
        known > 0 && first == history->first && known <= history->count && revision == history->revision;
    uint64_t from = goes_on ? known : 0;
    return (struct ph_playlist_past){
        .first = history->first,
        .start_ticks = history->start_ticks,
        .revision = history->revision,
        .from = from,
        .count = history->count - from,
    };
}

/* `past`: what is told of the history; NULL: nothing. */
static struct ph_playlist *snapshot(
    const struct ph_window *window, uint32_t index, const struct ph_playlist_past *past) {
    const struct ph_window_track *track = &window->tracks[index];
    const struct ph_segment *segment;
    uint32_t segment_count = 0;
    uint64_t past_count = past ? past->count : 0;
    size_t part_count = 0;
    DL_FOREACH(track->segments, segment) {
        if (segment->removed)
            continue;
        segment_count++;
        part_count += shows_parts(window, track, segment) ? segment->part_count : 0;
    }

    struct snapshot *copy =
        calloc(1, sizeof(*copy) + segment_count * sizeof(struct ph_playlist_segment) +
                      part_count * sizeof(struct ph_playlist_part) + past_count * sizeof(uint32_t));
    if (!copy)
        return NULL;
    copy->next_segment = (struct ph_playlist_segment *)(copy + 1);
    copy->next_part = (struct ph_playlist_part *)(copy->next_segment + segment_count);
    uint32_t *lengths = (uint32_t *)(copy->next_part + part_count);
    copy->playlist = (struct ph_playlist){
        .publication = window->publication,
        .track = track->track,
        .edge = track->edge,
        .segments = copy->next_segment,
        .segment_count = segment_count,
    };
    DL_FOREACH(track->segments, segment) {
        if (!segment->removed)
            copy_segment(copy, segment, shows_parts(window, track, segment));
    }
    copy_reports(window, index, &copy->playlist);
    if (!past)
        return &copy->playlist;
    copy->playlist.with_past = true;
    copy->playlist.past_count = track->history.count;
    copy->playlist.past_news = *past;
    copy->playlist.past_news.lengths = lengths;
    if (past_count)
        memcpy(lengths, track->history.lengths + past->from, past_count * sizeof(uint32_t));
    return &copy->playlist;
}

struct ph_playlist *ph_window_snapshot(const struct ph_window *window, uint32_t index) {
    return snapshot(window, index, NULL);
}

struct ph_playlist *ph_window_snapshot_with_past(
    const struct ph_window *window, uint32_t index, uint64_t first, uint64_t count, uint64_t revision) {
    const struct ph_playlist_past past = past_news(&window->tracks[index].history, first, count, revision);
    return snapshot(window, index, &past);
}
