/* The sample tables of an MP4 while it grows, kept in the form they have in the file (ISO/IEC 14496-12 8.6,
 * 8.7): six hours of video and audio take about 8 MB. Pure. */
#ifndef PH_ORIGIN_RECORDING_MP4_TABLES_H
#define PH_ORIGIN_RECORDING_MP4_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"
#include "origin/recording/fragment_reader.h"

/* Ends with ph_mp4_track_finish(). */
struct ph_mp4_track {
    enum ph_track_kind kind;
    uint32_t timescale;
    uint32_t width, height;
    struct ph_bytes *description; /* stsd */
    int64_t start_ticks, end_ticks;
    uint32_t sample_count;
    uint32_t chunk_count;
    struct ph_builder sizes;       /* stsz: u32 of each sample */
    struct ph_builder durations;   /* stts: u32 count, u32 ticks; without the open run and the last sample */
    struct ph_builder syncs;       /* stss: u32 of each sync sample */
    struct ph_builder chunks;      /* co64: u64 of each chunk, from the media's first byte */
    struct ph_builder runs;        /* stsc: u32 first chunk, u32 samples, u32 1 */
    uint32_t run_count, run_ticks; /* the open run of stts */
    uint32_t last_ticks;           /* of the last sample: it may yet be lengthened */
    uint32_t chunk_samples;        /* of the last entry in `runs` */
};

/* 0 or -ENOMEM. Copies. */
int ph_mp4_track_init(struct ph_mp4_track *track, const struct ph_init_segment *init) PH_NODISCARD;
void ph_mp4_track_finish(struct ph_mp4_track *track);

/* Whether the segment may follow: it does not overlap what is there, and nothing grows beyond its bound. */
bool ph_mp4_track_accepts(const struct ph_mp4_track *track, const struct ph_media_segment *segment);
/* An accepted segment becomes a chunk whose bytes lie at `offset` of the media. Time between lengthens the
 * sample before it. 0, or -ENOMEM: then the track is of no use any more. */
int ph_mp4_track_add(
    struct ph_mp4_track *track, const struct ph_media_segment *segment, uint64_t offset) PH_NODISCARD;

/* The whole stts table: how many entries, and where they are written. */
uint32_t ph_mp4_track_duration_entries(const struct ph_mp4_track *track);
void ph_mp4_track_write_durations(const struct ph_mp4_track *track, struct ph_builder *builder);
/* Of all tables. */
uint64_t ph_mp4_track_table_bytes(const struct ph_mp4_track *track);

#endif
