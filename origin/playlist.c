#include "origin/playlist.h"

#include <inttypes.h>

#include "origin/playlist_lines.h"

enum { skip_targets = 6, hold_back_targets = 3 };

static void write_head(struct ph_builder *builder, const struct ph_playlist *playlist) {
    const struct ph_publication *publication = playlist->publication;
    uint32_t target_s = publication->target_duration_s;
    uint32_t part_target_us = publication->part_target_us;
    uint64_t first = playlist->segment_count ? playlist->segments[0].number - playlist->past_count : 0;
    ph_playlist_write_version(builder, publication);
    ph_builder_format(builder, "#EXT-X-TARGETDURATION:%" PRIu32 "\n", target_s);
    ph_builder_format(builder,
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%" PRIu32 ".0,HOLD-BACK=%" PRIu32
        ".0,PART-HOLD-BACK=",
        skip_targets * target_s, hold_back_targets * target_s);
    ph_playlist_write_seconds(builder, (uint64_t)part_target_us * hold_back_targets, 1000000);
    ph_builder_text(builder, "\n#EXT-X-PART-INF:PART-TARGET=");
    ph_playlist_write_seconds(builder, part_target_us, 1000000);
    ph_builder_format(builder, "\n#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n", first);
}

static void write_parts(struct ph_builder *builder, const struct ph_playlist *playlist,
    const struct ph_playlist_segment *segment) {
    for (uint32_t i = 0; i < segment->part_count; i++) {
        const struct ph_playlist_part *part = &segment->parts[i];
        ph_builder_text(builder, "#EXT-X-PART:DURATION=");
        ph_playlist_write_seconds(builder, part->duration_ticks, playlist->track->timescale);
        ph_builder_format(builder, ",URI=\"%" PRIu64 ".%" PRIu32 ".m4s%s\"%s%s\n", segment->number, i,
            ph_playlist_query(playlist->publication),
            part->independent && !part->gap ? ",INDEPENDENT=YES" : "", part->gap ? ",GAP=YES" : "");
    }
}

static void write_segment(struct ph_builder *builder, const struct ph_playlist *playlist,
    const struct ph_playlist_segment *segment) {
    ph_playlist_write_date(builder, playlist->publication, playlist->track, segment->start_ticks);
    write_parts(builder, playlist, segment);
    if (segment->closed)
        ph_playlist_write_uri(builder, playlist->publication, playlist->track, segment->number,
            segment->duration_ticks, segment->gap);
}

static void write_tail(struct ph_builder *builder, const struct ph_playlist *playlist) {
    if (playlist->edge.ended) {
        ph_builder_text(builder, "#EXT-X-ENDLIST\n");
        return;
    }
    struct ph_part_position next = ph_edge_next(&playlist->edge);
    ph_builder_format(builder, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%" PRIu64 ".%" PRIu32 ".m4s%s\"\n",
        next.segment, next.part, ph_playlist_query(playlist->publication));
    for (uint32_t i = 0; i < playlist->report_count; i++) {
        const struct ph_playlist_report *report = &playlist->reports[i];
        ph_builder_format(builder,
            "#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8%s\",LAST-MSN=%" PRIu64 ",LAST-PART=%" PRIu32 "\n",
            report->track, ph_playlist_list_query(playlist->publication, playlist->with_past),
            report->newest.segment, report->newest.part);
    }
}

uint64_t ph_playlist_skippable(const struct ph_playlist *playlist) {
    int64_t boundary =
        (int64_t)skip_targets * playlist->publication->target_duration_s * playlist->track->timescale;
    int64_t after = 0;
    uint32_t count = playlist->segment_count;
    if (playlist->edge.ended)
        return 0;
    while (count > 0 && after < boundary) {
        const struct ph_playlist_segment *segment = &playlist->segments[--count];
        if (segment->closed)
            after += segment->duration_ticks;
    }
    return after < boundary ? 0 : playlist->past_count + count;
}

void ph_playlist_write_front(struct ph_builder *builder, const struct ph_playlist *playlist) {
    write_head(builder, playlist);
    ph_playlist_write_map(builder, playlist->publication);
}

void ph_playlist_write_rest(struct ph_builder *builder, const struct ph_playlist *playlist) {
    for (uint32_t i = 0; i < playlist->segment_count; i++)
        write_segment(builder, playlist, &playlist->segments[i]);
    write_tail(builder, playlist);
}

bool ph_playlist_write_delta(struct ph_builder *builder, const struct ph_playlist *playlist) {
    uint64_t skipped = ph_playlist_skippable(playlist);
    if (skipped < playlist->past_count || skipped == 0)
        return false;
    write_head(builder, playlist);
    ph_builder_format(builder, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%" PRIu64 "\n", skipped);
    for (uint64_t i = skipped - playlist->past_count; i < playlist->segment_count; i++)
        write_segment(builder, playlist, &playlist->segments[i]);
    write_tail(builder, playlist);
    return true;
}

void ph_playlist_write_media(
    struct ph_builder *builder, const struct ph_playlist *playlist, enum ph_skip skip) {
    if (skip == PH_SKIP_SEGMENTS && ph_playlist_write_delta(builder, playlist))
        return;
    ph_playlist_write_front(builder, playlist);
    ph_playlist_write_rest(builder, playlist);
}
