/* One section of an SDP, its session level or an m-line with what follows, read in one pass into views of the
 * text. Judges nothing; what it does not know it skips (RFC 8866 section 5). */
#ifndef PH_INGEST_WEBRTC_SDP_SECTION_H
#define PH_INGEST_WEBRTC_SDP_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "ingest/webrtc/negotiation.h"

enum { PH_SDP_PAYLOAD_TYPES = 128, PH_SDP_MOST_RIDS = 16, PH_SDP_MOST_SSRCS = 16 };

enum ph_sdp_direction {
    PH_SDP_SENDRECV, /* the default (RFC 8866 section 6.7) */
    PH_SDP_SENDONLY,
    PH_SDP_RECVONLY,
    PH_SDP_INACTIVE
};

enum ph_sdp_setup { PH_SDP_SETUP_UNSET, PH_SDP_ACTPASS, PH_SDP_ACTIVE, PH_SDP_PASSIVE };

/* One payload type. */
struct ph_sdp_format {
    struct ph_slice encoding; /* empty: no rtpmap */
    struct ph_slice fmtp;
    uint32_t clock_rate, channels;
    unsigned feedback; /* of PH_FEEDBACK_… */
};

struct ph_sdp_rid {
    struct ph_slice id;
    struct ph_slice formats; /* payload types it is sent as, with commas; empty: any of the m-line's */
    uint32_t size;           /* the greatest of its restrictions, to compare with others; 0: none */
};

struct ph_sdp_section {
    /* Of the m-line; empty at session level. */
    struct ph_slice type, protocol, formats;
    uint32_t port;

    struct ph_slice mid, simulcast;
    struct ph_slice bundled; /* mids of a=group:BUNDLE (RFC 9143) */
    struct ph_slice ufrag, pwd;
    struct ph_fingerprint fingerprints[PH_SDP_MOST_FINGERPRINTS];
    size_t fingerprint_count;
    enum ph_sdp_setup setup;
    enum ph_sdp_direction direction;
    bool bundle, ice_lite, rtcp_mux, reduced_size, bundle_only, extmap_mixed;
    struct ph_extension_ids extensions;
    unsigned any_feedback; /* a=rtcp-fb:* */

    struct ph_sdp_format payload_types[PH_SDP_PAYLOAD_TYPES];
    struct ph_sdp_rid rids[PH_SDP_MOST_RIDS]; /* those sent */
    size_t rid_count;
    uint32_t ssrcs[PH_SDP_MOST_SSRCS]; /* in order, each once */
    size_t ssrc_count;
    struct {
        uint32_t primary, rtx;
    } pairs[PH_SDP_MOST_SSRCS]; /* a=ssrc-group:FID (RFC 5576, RFC 4588) */
    size_t pair_count;
    uint32_t last_simulcast_ssrc; /* of a=ssrc-group:SIM; 0: none */
};

void ph_sdp_section_init(struct ph_sdp_section *section);
/* Begins an m-section by its line's value; false when it is malformed. */
bool ph_sdp_section_begin(struct ph_sdp_section *section, struct ph_slice media_line);
/* Takes the value of an a= line. */
void ph_sdp_section_attribute(struct ph_sdp_section *section, struct ph_slice attribute);

#endif
