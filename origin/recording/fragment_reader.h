/* Reads CMAF (ISO/IEC 14496-12, 23000-19): what an init segment says of its track, and the samples of a media
 * segment. Pure. Nothing is believed: the bytes come from a worker that a stranger's bitstream may have taken
 * over, and back from a store. */
#ifndef PH_ORIGIN_RECORDING_FRAGMENT_READER_H
#define PH_ORIGIN_RECORDING_FRAGMENT_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/media/track.h"

enum {
    PH_MOST_SAMPLE_DESCRIPTION_BYTES = 64 * 1024,
    PH_MOST_SEGMENT_SAMPLES = 16384,
};

struct ph_init_segment {
    enum ph_track_kind kind;
    uint32_t track_id;
    uint32_t timescale;          /* ticks a second */
    struct ph_slice description; /* the stsd box, whole; points into the bytes that were read */
    uint32_t width, height;      /* video */
    uint32_t channels, rate;     /* audio */
    uint32_t sample_ticks;       /* trex: of samples whose run does not say otherwise */
    uint32_t sample_bytes;
    uint32_t sample_flags;
};
/* 0, or PH_INVALID_DATA: broken, or not one video or audio track with one sample description. */
int ph_init_segment_read(struct ph_slice bytes, struct ph_init_segment *init) PH_NODISCARD;

struct ph_media_sample {
    uint32_t offset; /* from the segment's first byte */
    uint32_t bytes;
    uint32_t duration_ticks; /* to the next sample: a missing part lengthens the sample before it */
    bool sync;
};

/* Ends with ph_media_segment_finish(). */
struct ph_media_segment {
    struct ph_media_sample *samples; /* at least one */
    uint32_t count;
    int64_t start_ticks; /* since t = 0 (tfdt) */
    int64_t duration_ticks;
    uint64_t media_bytes; /* of all samples */
    uint32_t
        key_bytes; /* video: from the segment's start to the end of its first sync sample; 0: there is none */
};
/* 0, -ENOMEM, or PH_INVALID_DATA: broken, without a sample, or samples in an order of their own (composition
 * offsets). On failure there is nothing to finish. */
int ph_media_segment_read(
    struct ph_slice bytes, const struct ph_init_segment *init, struct ph_media_segment *segment) PH_NODISCARD;
void ph_media_segment_finish(struct ph_media_segment *segment);

#endif
