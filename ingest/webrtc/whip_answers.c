#include "ingest/webrtc/whip_answers.h"

#include <stdio.h>

static struct ph_http_response *with_header(
    struct ph_http_response *response, const char *name, const char *value) {
    if (response && ph_http_response_add_header(response, name, value))
        ph_http_response_unref(&response);
    return response;
}

/* Every answer is one publisher's and of one moment. */
static struct ph_http_response *keep_private(struct ph_http_response *response) {
    return with_header(response, "Cache-Control", "no-store");
}

static struct ph_http_response *with_description(
    unsigned status, const char *type, struct ph_bytes *body, const struct ph_webrtc_local *local) {
    char etag[PH_ICE_UFRAG_CHARACTERS + 3];
    struct ph_http_response *response = body ? ph_http_response_from_bytes(status, type, body) : NULL;
    ph_bytes_unref(&body);
    snprintf(etag, sizeof(etag), "\"%s\"", local->credentials.ufrag);
    if (response && ph_http_response_set_etag(response, etag))
        ph_http_response_unref(&response);
    return keep_private(response);
}

/* The path alone: it is right behind every proxy that keeps paths, whatever name and scheme it serves. */
struct ph_http_response *ph_whip_created(const struct ph_webrtc_local *local, struct ph_bytes *sdp,
    const struct ph_ice_server *servers, size_t server_count) {
    char location[PH_WEBRTC_ID_CHARACTERS + 8], link[PH_ICE_LINK_BYTES];
    struct ph_http_response *response = with_description(201, "application/sdp", sdp, local);
    snprintf(location, sizeof(location), "/whip/%s", local->id);
    response = with_header(response, "Location", location);
    for (size_t i = 0; i < server_count; i++) {
        if (ph_ice_server_link(&servers[i], link))
            response = with_header(response, "Link", link);
    }
    return with_header(response, "Accept-Patch", "application/trickle-ice-sdpfrag");
}

struct ph_http_response *ph_whip_restarted(const struct ph_webrtc_local *local, struct ph_bytes *fragment) {
    return with_description(200, "application/trickle-ice-sdpfrag", fragment, local);
}

struct ph_http_response *ph_whip_done(unsigned status) {
    return keep_private(ph_http_response_create(status));
}

struct ph_http_response *ph_whip_options(bool session) {
    const char *methods = session ? "PATCH, DELETE, OPTIONS" : "POST, OPTIONS";
    struct ph_http_response *response = with_header(ph_http_response_create(204), "Allow", methods);
    response = with_header(response, "Access-Control-Allow-Methods", methods);
    response = with_header(response, "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
    response = with_header(response, "Access-Control-Max-Age", "86400");
    return session ? with_header(response, "Accept-Patch", "application/trickle-ice-sdpfrag")
                   : with_header(response, "Accept-Post", "application/sdp");
}

struct ph_http_response *ph_whip_problem(
    unsigned status, const char *title, const char *detail, unsigned retry_after_s) {
    char seconds[16];
    struct ph_http_response *response = keep_private(ph_http_response_problem(status, title, detail));
    snprintf(seconds, sizeof(seconds), "%u", retry_after_s);
    if (status == 401)
        response = with_header(response, "WWW-Authenticate", "Bearer");
    return retry_after_s ? with_header(response, "Retry-After", seconds) : response;
}

struct ph_http_response *ph_whip_refused(enum ph_publisher_verdict verdict) {
    switch (verdict) {
    case PH_PUBLISHER_UNAUTHORIZED:
        return ph_whip_problem(401, "Unauthorized",
            "No session has this stream key. Send \"Authorization: Bearer <stream key>\" with the key that "
            "starting "
            "the session gave.",
            0);
    case PH_PUBLISHER_ENDED:
        return ph_whip_problem(
            403, "Forbidden", "The stream key's session is over. Start a new session and use its key.", 0);
    case PH_PUBLISHER_BUSY:
        return ph_whip_problem(409, "Conflict",
            "Another publisher is sending to this session. End that one, or try again once it has been "
            "silent for a "
            "second.",
            1);
    case PH_PUBLISHER_FULL:
        return ph_whip_problem(
            503, "Service Unavailable", "No worker has room for another session. Try again later.", 10);
    default:
        return ph_whip_problem(503, "Service Unavailable",
            "The node starts, shuts down, or cannot reach its database. Try again.", 2);
    }
}

struct ph_http_response *ph_whip_failed(int code) {
    switch (code) {
    case -ENOENT:
        return ph_whip_problem(404, "Not Found",
            "There is no such WHIP session: it was ended, or the connection was lost. POST a new offer.", 0);
    case -EACCES:
        return ph_whip_problem(
            401, "Unauthorized", "This WHIP session was made with another stream key. Send that one.", 0);
    case -ESTALE:
        return ph_whip_problem(412, "Precondition Failed",
            "If-Match does not name the latest ETag of this WHIP session. Use the ETag of the last 201 or "
            "200, or \"*\" "
            "for an ICE restart.",
            0);
    case -EINVAL:
        return ph_whip_problem(428, "Precondition Required",
            "An ICE restart needs If-Match: \"*\" or the latest ETag of this WHIP session.", 0);
    case -EMFILE:
        return ph_whip_problem(
            503, "Service Unavailable", "The node has as many WebRTC connections as it takes.", 10);
    default:
        return ph_whip_problem(
            503, "Service Unavailable", "The node is out of memory or shuts down. Try again.", 2);
    }
}
