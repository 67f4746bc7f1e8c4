/* A WHIP request, kept while its connection is held. */
#ifndef PH_INGEST_WEBRTC_WHIP_REQUEST_H
#define PH_INGEST_WEBRTC_WHIP_REQUEST_H

#include "core/http/server.h"
#include "ingest/streamid.h"
#include "ingest/webrtc/endpoint.h"

enum ph_whip_kind { PH_WHIP_POST, PH_WHIP_PATCH, PH_WHIP_DELETE };

enum { PH_WHIP_MOST_IF_MATCH_BYTES = 256, PH_WHIP_PEER_BYTES = 64 };

struct ph_whip_request {
    enum ph_whip_kind kind;
    char key[PH_STREAM_KEY_MOST_CHARACTERS + 1];
    char id[PH_WEBRTC_ID_CHARACTERS + 1]; /* PATCH, DELETE; "" when it cannot be one */
    bool has_if_match;
    char if_match[PH_WHIP_MOST_IF_MATCH_BYTES];
    char peer[PH_WHIP_PEER_BYTES]; /* for logs */
    struct ph_bytes *body;         /* a reference; NULL when there is none */
};

/* Copies what is needed. NULL; or, when the head alone shows that the request is wrong, the answer to it (and
 * *whip needs no finish). */
struct ph_http_response *ph_whip_request_read(
    struct ph_whip_request *whip, struct ph_http_request *request, enum ph_whip_kind kind);
/* Wipes the key, drops the body. */
void ph_whip_request_finish(struct ph_whip_request *whip);
struct ph_slice ph_whip_request_body(const struct ph_whip_request *whip);

#endif
