#include "origin/playlist.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    protocol_version = 9,
    protocol_version_private = 11, /* for EXT-X-DEFINE:QUERYPARAM */
    skip_targets = 6,
    hold_back_targets = 3,
};

/* The playlists of a private session are the same for every viewer: each player puts in the token that the
 * playlist's own URL carries (RFC 8216bis 4.4.2.3). */
static const char *query_of(const struct ph_publication *publication) {
    return publication->is_private ? "?token={$token}" : "";
}

static void write_version(struct ph_builder *builder, const struct ph_publication *publication) {
    ph_builder_format(builder, "#EXTM3U\n#EXT-X-VERSION:%d\n",
        publication->is_private ? protocol_version_private : protocol_version);
    if (publication->is_private)
        ph_builder_text(builder, "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n");
}

/* Seconds with up to six decimals, at least one, rounded to the nearest microsecond: what does not exceed a
 * limit in whole microseconds does not exceed it in print either. */
static void write_seconds(struct ph_builder *builder, uint64_t ticks, uint32_t timescale) {
    uint64_t seconds = ticks / timescale;
    uint64_t micros = ((ticks % timescale) * 1000000 + timescale / 2) / timescale;
    seconds += micros / 1000000;
    micros %= 1000000;
    int digits = 6;
    while (digits > 1 && micros % 10 == 0) {
        micros /= 10;
        digits--;
    }
    ph_builder_format(builder, "%" PRIu64 ".%0*" PRIu64, seconds, digits, micros);
}

/* RFC 3339 in UTC with milliseconds. */
static void write_date_time(struct ph_builder *builder, int64_t utc_us) {
    int64_t utc_ms = (utc_us + 500) / 1000;
    time_t seconds = (time_t)(utc_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    ph_builder_format(builder, "#EXT-X-PROGRAM-DATE-TIME:%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\n",
        tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(utc_ms % 1000));
}

static void write_head(struct ph_builder *builder, const struct ph_playlist *playlist) {
    const struct ph_publication *publication = playlist->publication;
    uint32_t target_s = publication->target_duration_s;
    uint32_t part_target_us = publication->part_target_us;
    uint64_t first = playlist->segment_count ? playlist->segments[0].number : 0;
    write_version(builder, publication);
    ph_builder_format(builder, "#EXT-X-TARGETDURATION:%" PRIu32 "\n", target_s);
    ph_builder_format(builder,
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%" PRIu32 ".0,HOLD-BACK=%" PRIu32
        ".0,PART-HOLD-BACK=",
        skip_targets * target_s, hold_back_targets * target_s);
    write_seconds(builder, (uint64_t)part_target_us * hold_back_targets, 1000000);
    ph_builder_text(builder, "\n#EXT-X-PART-INF:PART-TARGET=");
    write_seconds(builder, part_target_us, 1000000);
    ph_builder_format(builder, "\n#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n", first);
}

static void write_parts(struct ph_builder *builder, const struct ph_playlist *playlist,
    const struct ph_playlist_segment *segment) {
    for (uint32_t i = 0; i < segment->part_count; i++) {
        const struct ph_playlist_part *part = &segment->parts[i];
        ph_builder_text(builder, "#EXT-X-PART:DURATION=");
        write_seconds(builder, part->duration_ticks, playlist->track->timescale);
        ph_builder_format(builder, ",URI=\"%" PRIu64 ".%" PRIu32 ".m4s%s\"%s%s\n", segment->number, i,
            query_of(playlist->publication), part->independent && !part->gap ? ",INDEPENDENT=YES" : "",
            part->gap ? ",GAP=YES" : "");
    }
}

static void write_segment(struct ph_builder *builder, const struct ph_playlist *playlist,
    const struct ph_playlist_segment *segment) {
    uint32_t timescale = playlist->track->timescale;
    int64_t start_us = segment->start_ticks / timescale * 1000000 +
                       (segment->start_ticks % timescale * 1000000 + timescale / 2) / timescale;
    write_date_time(builder, playlist->publication->epoch_utc_us + start_us);
    write_parts(builder, playlist, segment);
    if (!segment->closed)
        return;
    if (segment->gap)
        ph_builder_text(builder, "#EXT-X-GAP\n");
    ph_builder_text(builder, "#EXTINF:");
    write_seconds(builder, (uint64_t)segment->duration_ticks, timescale);
    ph_builder_format(builder, ",\n%" PRIu64 ".m4s%s\n", segment->number, query_of(playlist->publication));
}

static void write_tail(struct ph_builder *builder, const struct ph_playlist *playlist) {
    if (playlist->edge.ended) {
        ph_builder_text(builder, "#EXT-X-ENDLIST\n");
        return;
    }
    struct ph_part_position next = ph_edge_next(&playlist->edge);
    ph_builder_format(builder, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%" PRIu64 ".%" PRIu32 ".m4s%s\"\n",
        next.segment, next.part, query_of(playlist->publication));
    for (uint32_t i = 0; i < playlist->report_count; i++) {
        const struct ph_playlist_report *report = &playlist->reports[i];
        ph_builder_format(builder,
            "#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8%s\",LAST-MSN=%" PRIu64 ",LAST-PART=%" PRIu32 "\n",
            report->track, query_of(playlist->publication), report->newest.segment, report->newest.part);
    }
}

uint32_t ph_playlist_skippable(const struct ph_playlist *playlist) {
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
    return after < boundary ? 0 : count;
}

void ph_playlist_write_media(
    struct ph_builder *builder, const struct ph_playlist *playlist, enum ph_skip skip) {
    uint32_t skipped = skip == PH_SKIP_SEGMENTS ? ph_playlist_skippable(playlist) : 0;
    write_head(builder, playlist);
    if (skipped)
        ph_builder_format(builder, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%" PRIu32 "\n", skipped);
    else
        ph_builder_format(builder, "#EXT-X-MAP:URI=\"init.mp4%s\"\n", query_of(playlist->publication));
    for (uint32_t i = skipped; i < playlist->segment_count; i++)
        write_segment(builder, playlist, &playlist->segments[i]);
    write_tail(builder, playlist);
}

static const char audio_group[] = "audio";

static void write_audio_group(struct ph_builder *builder, const struct ph_publication *publication) {
    bool is_first = true;
    for (uint32_t i = 0; i < publication->track_count; i++) {
        const struct ph_track *track = &publication->tracks[i];
        if (track->kind != PH_TRACK_AUDIO)
            continue;
        ph_builder_format(builder,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s\",NAME=\"%s\",LANGUAGE=\"%s\",DEFAULT=%s,AUTOSELECT=YES,"
            "CHANNELS=\"%" PRIu32 "\",URI=\"%s/index.m3u8%s\"\n",
            audio_group, track->name, track->language, is_first ? "YES" : "NO", track->channels, track->name,
            query_of(publication));
        is_first = false;
    }
}

/* What a variant's audio adds: the peak of the group, and its codecs. */
struct audio_share {
    uint32_t bandwidth, average_bandwidth;
    char codecs[PH_MOST_TRACKS * 34];
};

/* Whether an earlier audio track has the same codecs. */
static bool is_repeated(const struct ph_publication *publication, uint32_t index) {
    for (uint32_t i = 0; i < index; i++) {
        const struct ph_track *track = &publication->tracks[i];
        if (track->kind == PH_TRACK_AUDIO && strcmp(track->codecs, publication->tracks[index].codecs) == 0)
            return true;
    }
    return false;
}

static struct audio_share share_of_audio(const struct ph_publication *publication) {
    struct audio_share share = {0};
    for (uint32_t i = 0; i < publication->track_count; i++) {
        const struct ph_track *track = &publication->tracks[i];
        if (track->kind != PH_TRACK_AUDIO)
            continue;
        if (track->bandwidth > share.bandwidth)
            share.bandwidth = track->bandwidth;
        if (track->average_bandwidth > share.average_bandwidth)
            share.average_bandwidth = track->average_bandwidth;
        if (is_repeated(publication, i))
            continue;
        size_t size = strlen(share.codecs);
        snprintf(share.codecs + size, sizeof(share.codecs) - size, ",%s", track->codecs);
    }
    return share;
}

static void write_variant(struct ph_builder *builder, const struct ph_track *track,
    const struct audio_share *audio, const char *query) {
    uint64_t bandwidth = (uint64_t)track->bandwidth + audio->bandwidth;
    uint64_t average = (uint64_t)track->average_bandwidth + audio->average_bandwidth;
    uint64_t millihertz =
        ((uint64_t)track->rate.num * 1000 + (uint64_t)track->rate.den / 2) / (uint64_t)track->rate.den;
    ph_builder_format(builder,
        "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64 ",AVERAGE-BANDWIDTH=%" PRIu64
        ",CODECS=\"%s%s\",RESOLUTION=%" PRIu32 "x%" PRIu32 ",FRAME-RATE=%" PRIu64 ".%03" PRIu64,
        bandwidth, average, track->codecs, audio->codecs, track->width, track->height, millihertz / 1000,
        millihertz % 1000);
    if (audio->bandwidth)
        ph_builder_format(builder, ",AUDIO=\"%s\"", audio_group);
    ph_builder_format(builder, ",CLOSED-CAPTIONS=NONE\n%s/index.m3u8%s\n", track->name, query);
}

static void write_audio_variant(struct ph_builder *builder, const struct ph_track *track, const char *query) {
    ph_builder_format(builder,
        "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu32 ",AVERAGE-BANDWIDTH=%" PRIu32
        ",CODECS=\"%s\"\n%s/index.m3u8%s\n",
        track->bandwidth, track->average_bandwidth, track->codecs, track->name, query);
}

/* The tracks of one kind by ascending bandwidth: a player that starts with the first one starts on a slow
 * line too. */
static uint32_t sort_tracks(const struct ph_publication *publication, enum ph_track_kind kind,
    const struct ph_track *sorted[PH_MOST_TRACKS]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < publication->track_count; i++) {
        const struct ph_track *track = &publication->tracks[i];
        if (track->kind != kind)
            continue;
        uint32_t place = count++;
        for (; place > 0 && sorted[place - 1]->bandwidth > track->bandwidth; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = track;
    }
    return count;
}

void ph_playlist_write_multivariant(struct ph_builder *builder, const struct ph_publication *publication) {
    const struct ph_track *sorted[PH_MOST_TRACKS];
    const char *query = query_of(publication);
    write_version(builder, publication);
    ph_builder_text(builder, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    uint32_t count = sort_tracks(publication, PH_TRACK_VIDEO, sorted);
    if (count) {
        struct audio_share audio = share_of_audio(publication);
        write_audio_group(builder, publication);
        for (uint32_t i = 0; i < count; i++)
            write_variant(builder, sorted[i], &audio, query);
        return;
    }
    count = sort_tracks(publication, PH_TRACK_AUDIO, sorted);
    for (uint32_t i = 0; i < count; i++)
        write_audio_variant(builder, sorted[i], query);
}
