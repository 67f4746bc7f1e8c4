/* The head of a progressive MP4 (ISO/IEC 14496-12): all that stands before the media. Pure. */
#ifndef PH_ORIGIN_RECORDING_MP4_WRITER_H
#define PH_ORIGIN_RECORDING_MP4_WRITER_H

#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/error.h"
#include "origin/recording/mp4_tables.h"

enum { PH_MOST_MP4_TRACKS = 2, PH_MOST_MP4_TITLE_BYTES = 256, PH_LEAST_MP4_PADDING = 8 };

struct ph_mp4 {
    const struct ph_mp4_track *tracks[PH_MOST_MP4_TRACKS]; /* each with at least one sample */
    uint32_t track_count;
    uint64_t media_bytes; /* that follow the head */
    int64_t created_utc_us;
    const char *title; /* UTF-8, cut where it is too long; NULL: none */
};

/* ftyp, moov, `padding` bytes of free (0, or at least PH_LEAST_MP4_PADDING), and the header of mdat. Tracks
 * begin as they do in the source: the later one behind an empty edit. The builder is empty before. 0 or
 * -ENOMEM. */
int ph_mp4_write_head(const struct ph_mp4 *mp4, uint32_t padding, struct ph_builder *builder) PH_NODISCARD;
/* Less than the head will take, and not much less. */
uint64_t ph_mp4_least_head_bytes(const struct ph_mp4 *mp4);
/* Of the first sample of all, since t = 0, and from there to the end of the last. */
int64_t ph_mp4_start_us(const struct ph_mp4 *mp4);
int64_t ph_mp4_duration_us(const struct ph_mp4 *mp4);

#endif
