/* Playlists of a recording: pure functions from its manifest to text (RFC 8216bis 4.4). Every URI takes the
 * viewer's token, so that they are the same bytes for every viewer.
 *
 * They borrow a publication made by ph_vod_publication(): it says private, and its bandwidths are what the
 * segments really have. */
#ifndef PH_ORIGIN_VOD_PLAYLISTS_H
#define PH_ORIGIN_VOD_PLAYLISTS_H

#include "core/base/builder.h"
#include "origin/recording/manifest.h"

/* Bit/s of a track, rounded up: on average, and at its peak, the largest of any run of segments that lasts
 * between 0.5 and 1.5 target durations (4.4.6.2). */
struct ph_vod_rates {
    uint32_t peak, average;
};
/* Of whole segments, or with `key_frames` of their first pictures alone. */
struct ph_vod_rates ph_vod_measure(const struct ph_manifest *manifest, uint32_t track, bool key_frames);

struct ph_publication ph_vod_publication(const struct ph_manifest *manifest);

/* With EXT-X-I-FRAME-STREAM-INF for each video track. */
void ph_vod_write_multivariant(
    struct ph_builder *builder, const struct ph_manifest *manifest, const struct ph_publication *publication);
void ph_vod_write_media(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication, uint32_t track);
/* Of a video track: the first picture of each segment, as a range of its bytes. */
void ph_vod_write_key_frames(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication, uint32_t track);

#endif
