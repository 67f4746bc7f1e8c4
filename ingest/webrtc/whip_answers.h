/* WHIP's answers (RFC 9725). New references; NULL when out of memory, which ph_http_respond() takes. */
#ifndef PH_INGEST_WEBRTC_WHIP_ANSWERS_H
#define PH_INGEST_WEBRTC_WHIP_ANSWERS_H

#include "core/http/response.h"
#include "core/media/ice_servers.h"
#include "ingest/publisher.h"
#include "ingest/webrtc/endpoint.h"

/* 201: the answer's SDP is taken over. */
struct ph_http_response *ph_whip_created(const struct ph_webrtc_local *local, struct ph_bytes *sdp,
    const struct ph_ice_server *servers, size_t server_count);
/* 200 to an ICE restart: the fragment is taken over. */
struct ph_http_response *ph_whip_restarted(const struct ph_webrtc_local *local, struct ph_bytes *fragment);
/* 204 to trickled candidates, 200 to DELETE. */
struct ph_http_response *ph_whip_done(unsigned status);
/* OPTIONS on the endpoint (`session` false) or on a session. */
struct ph_http_response *ph_whip_options(bool session);

/* problem+json with what the publisher's developer can do about it. `retry_after_s` 0: no such header. */
struct ph_http_response *ph_whip_problem(
    unsigned status, const char *title, const char *detail, unsigned retry_after_s);
/* Why a publisher is not taken. */
struct ph_http_response *ph_whip_refused(enum ph_publisher_verdict verdict);
/* A negative code of ph_webrtc_open, _patch or _close. */
struct ph_http_response *ph_whip_failed(int code);

#endif
