/* Init segments and media segments as a worker makes them, with bytes that tell what they are. */
#ifndef PH_TEST_EXAMPLE_MEDIA_H
#define PH_TEST_EXAMPLE_MEDIA_H

#include "core/base/bytes.h"
#include "core/media/track.h"
#include "transcode/package_boxes.h"

enum {
    EXAMPLE_VIDEO_TIMESCALE = 30000,
    EXAMPLE_VIDEO_TICKS = 1000,
    EXAMPLE_VIDEO_SAMPLES = 60, /* of a segment: two seconds */
    EXAMPLE_PARTS = 10,
};

/* v1080, v720 and audio, at 30 frames a second, two seconds a segment. */
void example_media_publication(struct ph_publication *publication);

/* NULL when out of memory. */
struct ph_bytes *example_media_init(enum ph_track_kind kind);
/* Segment n: ten parts that begin at 2 n seconds; each sample has `sample_bytes` or a few more, and
 * at most 65535. */
struct ph_bytes *example_media_segment(enum ph_track_kind kind, uint64_t number, uint32_t sample_bytes);
/* Samples in audio segment n: 93 or 94. */
uint32_t example_media_audio_samples(uint64_t number);

#endif
