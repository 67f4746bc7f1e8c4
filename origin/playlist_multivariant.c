/* The multivariant playlist (RFC 8216bis 4.4.6). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "origin/playlist_lines.h"

static const char audio_group[] = "audio";

static void write_audio_group(
    struct ph_builder *builder, const struct ph_publication *publication, const char *query) {
    bool is_first = true;
    for (uint32_t i = 0; i < publication->track_count; i++) {
        const struct ph_track *track = &publication->tracks[i];
        if (track->kind != PH_TRACK_AUDIO)
            continue;
        ph_builder_format(builder,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s\",NAME=\"%s\",LANGUAGE=\"%s\",DEFAULT=%s,AUTOSELECT=YES,"
            "CHANNELS=\"%" PRIu32 "\",URI=\"%s/index.m3u8%s\"\n",
            audio_group, track->name, track->language, is_first ? "YES" : "NO", track->channels, track->name,
            query);
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

void ph_playlist_write_multivariant(
    struct ph_builder *builder, const struct ph_publication *publication, bool with_past) {
    const struct ph_track *sorted[PH_MOST_TRACKS];
    const char *query = ph_playlist_list_query(publication, with_past);
    ph_playlist_write_version(builder, publication);
    ph_builder_text(builder, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    uint32_t count = sort_tracks(publication, PH_TRACK_VIDEO, sorted);
    if (count) {
        struct audio_share audio = share_of_audio(publication);
        write_audio_group(builder, publication, query);
        for (uint32_t i = 0; i < count; i++)
            write_variant(builder, sorted[i], &audio, query);
        return;
    }
    count = sort_tracks(publication, PH_TRACK_AUDIO, sorted);
    for (uint32_t i = 0; i < count; i++)
        write_audio_variant(builder, sorted[i], query);
}
