#include "origin/playlist_lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
    protocol_version = 9,
    protocol_version_private = 11, /* for EXT-X-DEFINE:QUERYPARAM */
};

const char *ph_playlist_query(const struct ph_publication *publication) {
    return publication->is_private ? "?token={$token}" : "";
}

const char *ph_playlist_list_query(const struct ph_publication *publication, bool with_past) {
    if (!with_past)
        return ph_playlist_query(publication);
    return publication->is_private ? "?dvr=1&token={$token}" : "?dvr=1";
}

void ph_playlist_write_version(struct ph_builder *builder, const struct ph_publication *publication) {
    ph_builder_format(builder, "#EXTM3U\n#EXT-X-VERSION:%d\n",
        publication->is_private ? protocol_version_private : protocol_version);
    if (publication->is_private)
        ph_builder_text(builder, "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n");
}

void ph_playlist_write_seconds(struct ph_builder *builder, uint64_t ticks, uint32_t timescale) {
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

void ph_playlist_write_map(struct ph_builder *builder, const struct ph_publication *publication) {
    ph_builder_format(builder, "#EXT-X-MAP:URI=\"init.mp4%s\"\n", ph_playlist_query(publication));
}

void ph_playlist_write_date(struct ph_builder *builder, const struct ph_publication *publication,
    const struct ph_track *track, int64_t ticks) {
    uint32_t timescale = track->timescale;
    int64_t since_us =
        ticks / timescale * 1000000 + (ticks % timescale * 1000000 + timescale / 2) / timescale;
    write_date_time(builder, publication->epoch_utc_us + since_us);
}

void ph_playlist_write_uri(struct ph_builder *builder, const struct ph_publication *publication,
    const struct ph_track *track, uint64_t number, int64_t duration_ticks, bool gap) {
    if (gap)
        ph_builder_text(builder, "#EXT-X-GAP\n");
    ph_builder_text(builder, "#EXTINF:");
    ph_playlist_write_seconds(builder, (uint64_t)duration_ticks, track->timescale);
    ph_builder_format(builder, ",\n%" PRIu64 ".m4s%s\n", number, ph_playlist_query(publication));
}
