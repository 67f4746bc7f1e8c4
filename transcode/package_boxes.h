/* CMAF boxes (ISO/IEC 14496-12, -15, 23000-19): an init segment for each track, and a part's moof + mdat.
 * Pure. */
#ifndef PH_TRANSCODE_PACKAGE_BOXES_H
#define PH_TRANSCODE_PACKAGE_BOXES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"

struct ph_video_header {
    uint32_t width, height;
    uint32_t timescale;
    struct ph_slice sps, pps; /* NAL units without start code or length */
};
struct ph_audio_header {
    uint32_t bitrate;
    struct ph_slice config; /* AudioSpecificConfig, ISO/IEC 14496-3 */
};

/* ftyp + moov. PH_INVALID_DATA for parameter sets or a config no decoder would take. */
int ph_package_video_init(struct ph_builder *builder, const struct ph_video_header *header) PH_NODISCARD;
int ph_package_audio_init(struct ph_builder *builder, const struct ph_audio_header *header) PH_NODISCARD;

/* RFC 6381: "avc1.64001f" from the SPS, "mp4a.40.2" from the AudioSpecificConfig. PH_INVALID_DATA when too
 * short. */
int ph_package_video_codecs(struct ph_slice sps, char *codecs, size_t codecs_bytes) PH_NODISCARD;
int ph_package_audio_codecs(struct ph_slice config, char *codecs, size_t codecs_bytes) PH_NODISCARD;

struct ph_sample {
    uint32_t bytes;
    uint32_t duration_ticks;
    bool sync;
};

/* moof + mdat of one part. `payload` is the samples' bytes in order. */
void ph_package_fragment(struct ph_builder *builder, uint32_t sequence, int64_t start_ticks,
    const struct ph_sample *samples, uint32_t count, struct ph_slice payload);
/* What ph_package_fragment() adds to the payload. */
uint32_t ph_package_fragment_overhead(uint32_t count);

#endif
