/* Which payload type of an m-line is taken, and which others belong to it. Pure. */
#ifndef PH_INGEST_WEBRTC_CODEC_CHOICE_H
#define PH_INGEST_WEBRTC_CODEC_CHOICE_H

#include "ingest/webrtc/negotiation.h"
#include "ingest/webrtc/sdp_section.h"

/* Chooses among those in `codecs` (an or of PH_CODEC_BIT()), as ph_negotiation_parse() says, and fills what
 * `media` says of codec and payload types; is_video is set already. false: none is there. */
bool ph_codec_choose(
    const struct ph_sdp_section *section, unsigned codecs, struct ph_negotiated_media *media);

#endif
