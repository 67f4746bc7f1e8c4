/* H.264 byte streams as hardware encoders give them: from start codes (Annex B) to lengths, parameter sets
 * apart. */
#ifndef PH_TRANSCODE_ENCODER_NAL_H
#define PH_TRANSCODE_ENCODER_NAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"

/* The next NAL unit of an Annex B stream, without its start code; false at the end. Moves `stream` past it.
 */
bool ph_nal_next(struct ph_slice *stream, struct ph_slice *nal);
/* Writes the stream's NAL units with four-byte lengths, leaving out parameter sets, delimiters and filler.
 * True in `idr` when a slice of an IDR picture is among them. Check the builder afterwards. */
void ph_nal_write_lengths(struct ph_builder *builder, struct ph_slice stream, bool *idr);
/* The first SPS and PPS of an Annex B stream or of an avcC record. PH_INVALID_DATA unless both are there. */
int ph_nal_find_parameter_sets(
    struct ph_slice header, struct ph_slice *sps, struct ph_slice *pps) PH_NODISCARD;

#endif
