/* Trickled candidates and ICE restarts: application/trickle-ice-sdpfrag (RFC 8840 section 9, RFC 9725 section
 * 4.3). Pure; a plain value. */
#ifndef PH_INGEST_WEBRTC_SDPFRAG_H
#define PH_INGEST_WEBRTC_SDPFRAG_H

#include "core/base/error.h"
#include "ingest/webrtc/ice_candidate.h"
#include "ingest/webrtc/negotiation.h"

enum { PH_SDPFRAG_MOST_BYTES = 16 * 1024 };

struct ph_sdpfrag {
    char ufrag[PH_ICE_MOST_TEXT + 1]; /* "" when the fragment names none; other than before: an ICE restart */
    char pwd[PH_ICE_MOST_TEXT + 1];   /* "" exactly when ufrag is "" */
    struct ph_ice_candidate candidates[PH_ICE_MOST_CANDIDATES];
    size_t candidate_count; /* those above the limit, malformed or of an unknown kind are left out */
    bool end_of_candidates;
};

/* Parses a PATCH's body. 0; PH_INVALID_DATA with a sentence in `error`: too long, not made of SDP lines, two
 * different ufrags, a ufrag without a password or one of a wrong length. */
int ph_sdpfrag_parse(struct ph_slice text, struct ph_sdpfrag *fragment, struct ph_error *error) PH_NODISCARD;

/* Writes the body that answers an ICE restart: our new ufrag and password, and all candidates, for the
 * transport that the negotiated m-lines share. Of `local`, ufrag, pwd and the candidates are used. */
void ph_sdpfrag_answer_write(struct ph_builder *builder, const struct ph_negotiation *negotiation,
    const struct ph_local_transport *local);

#endif
