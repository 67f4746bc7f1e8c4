/* What the payload formats of H.264 and H.265 share: units of the network abstraction layer, behind start
 * codes (ITU-T H.264 annex B). */
#ifndef PH_TRANSCODE_RTP_NAL_H
#define PH_TRANSCODE_RTP_NAL_H

#include "transcode/rtp_format.h"

/* Appends a start code and the unit. */
int ph_rtp_nal_append(struct ph_rtp_frame *frame, struct ph_slice unit) PH_NODISCARD;
/* Appends the units of an aggregation packet, each behind its size of 16 bits; `note` sees each one. */
int ph_rtp_nal_append_aggregated(struct ph_rtp_frame *frame, struct ph_slice payload,
    void (*note)(struct ph_rtp_frame *frame, struct ph_slice unit)) PH_NODISCARD;
/* Appends a fragment; `header` is the whole unit's, taken with its first fragment (`starts`). */
int ph_rtp_nal_append_fragment(struct ph_rtp_frame *frame, struct ph_slice header, struct ph_slice fragment,
    bool starts, bool ends) PH_NODISCARD;

#endif
