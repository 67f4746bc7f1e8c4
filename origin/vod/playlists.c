#include "origin/vod/playlists.h"

#include <inttypes.h>

#include "origin/playlist_lines.h"

enum { most_run = 32 }; /* of segments in 1.5 targets */

static uint64_t size_of(const struct ph_manifest_segment *segment, bool key_frames) {
    return key_frames ? segment->key_bytes : segment->bytes;
}

/* Bit/s, rounded up. */
static uint32_t rate_of(uint64_t bytes, uint64_t ticks, uint32_t timescale) {
    if (!ticks)
        return 0;
    uint64_t rate = (bytes * 8 * timescale + ticks - 1) / ticks;
    return rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
}

struct ph_vod_rates ph_vod_measure(const struct ph_manifest *manifest, uint32_t index, bool key_frames) {
    const struct ph_manifest_track *track = &manifest->tracks[index];
    const struct ph_publication *publication = &manifest->publication;
    uint32_t timescale = publication->tracks[index].timescale;
    uint64_t target = (uint64_t)publication->target_duration_s * timescale;
    struct ph_vod_rates rates = {0};
    uint64_t all_bytes = 0, all_ticks = 0;
    for (uint32_t i = 0; i < track->count; i++) {
        uint64_t bytes = 0, ticks = 0;
        all_bytes += size_of(&track->segments[i], key_frames);
        all_ticks += track->segments[i].duration_ticks;
        for (uint32_t j = i; j < track->count && j < i + most_run; j++) {
            bytes += size_of(&track->segments[j], key_frames);
            ticks += track->segments[j].duration_ticks;
            if (2 * ticks > 3 * target)
                break;
            uint32_t rate = 2 * ticks >= target ? rate_of(bytes, ticks, timescale) : 0;
            if (rate > rates.peak)
                rates.peak = rate;
        }
    }
    rates.average = rate_of(all_bytes, all_ticks, timescale);
    if (rates.peak < rates.average) /* all of it is shorter than such a run */
        rates.peak = rates.average;
    return rates;
}

struct ph_publication ph_vod_publication(const struct ph_manifest *manifest) {
    struct ph_publication publication = manifest->publication;
    publication.is_private = true;
    for (uint32_t i = 0; i < publication.track_count; i++) {
        struct ph_vod_rates rates = ph_vod_measure(manifest, i, false);
        publication.tracks[i].bandwidth = rates.peak;
        publication.tracks[i].average_bandwidth = rates.average;
    }
    return publication;
}

void ph_vod_write_multivariant(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication) {
    ph_playlist_write_multivariant(builder, publication, false);
    for (uint32_t i = 0; i < publication->track_count; i++) {
        const struct ph_track *track = &publication->tracks[i];
        if (track->kind != PH_TRACK_VIDEO)
            continue;
        struct ph_vod_rates rates = ph_vod_measure(manifest, i, true);
        ph_builder_format(builder,
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=%" PRIu32 ",AVERAGE-BANDWIDTH=%" PRIu32
            ",CODECS=\"%s\",RESOLUTION=%" PRIu32 "x%" PRIu32 ",URI=\"%s/iframes.m3u8%s\"\n",
            rates.peak, rates.average, track->codecs, track->width, track->height, track->name,
            ph_playlist_query(publication));
    }
}

/* `extra`: a line of the head more, or "". */
static void write_head(struct ph_builder *builder, const struct ph_publication *publication,
    const struct ph_manifest_track *track, const char *extra) {
    ph_playlist_write_version(builder, publication);
    ph_builder_format(builder,
        "#EXT-X-TARGETDURATION:%" PRIu32 "\n#EXT-X-PLAYLIST-TYPE:VOD\n%s#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n",
        publication->target_duration_s, extra, track->count ? track->segments[0].number : 0);
    ph_playlist_write_map(builder, publication);
}

/* What stands before a segment: whether its times go on from the last one, and when it is. */
static void write_place(struct ph_builder *builder, const struct ph_publication *publication, uint32_t index,
    const struct ph_manifest_segment *segment) {
    if (segment->flags & PH_MANIFEST_DISCONTINUITY)
        ph_builder_text(builder, "#EXT-X-DISCONTINUITY\n");
    ph_playlist_write_date(builder, publication, &publication->tracks[index], segment->start_ticks);
}

void ph_vod_write_media(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication, uint32_t index) {
    const struct ph_manifest_track *track = &manifest->tracks[index];
    write_head(builder, publication, track, "");
    for (uint32_t i = 0; i < track->count; i++) {
        const struct ph_manifest_segment *segment = &track->segments[i];
        write_place(builder, publication, index, segment);
        ph_playlist_write_uri(builder, publication, &publication->tracks[index], segment->number,
            segment->duration_ticks, segment->flags & PH_MANIFEST_GAP);
    }
    ph_builder_text(builder, "#EXT-X-ENDLIST\n");
}

void ph_vod_write_key_frames(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication, uint32_t index) {
    const struct ph_manifest_track *track = &manifest->tracks[index];
    write_head(builder, publication, track, "#EXT-X-I-FRAMES-ONLY\n");
    for (uint32_t i = 0; i < track->count; i++) {
        const struct ph_manifest_segment *segment = &track->segments[i];
        write_place(builder, publication, index, segment);
        if (segment->key_bytes)
            ph_builder_format(builder, "#EXT-X-BYTERANGE:%" PRIu32 "@0\n", segment->key_bytes);
        ph_playlist_write_uri(builder, publication, &publication->tracks[index], segment->number,
            segment->duration_ticks, !segment->key_bytes);
    }
    ph_builder_text(builder, "#EXT-X-ENDLIST\n");
}
