#include "ingest/webrtc/whip_request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ingest/webrtc/whip_answers.h"

/* Whether a Content-Type names the type, with parameters or without. */
static bool has_type(const struct ph_http_request *request, const char *type) {
    const char *value = ph_http_request_header(request, "Content-Type");
    size_t size = strlen(type);
    return value && strncasecmp(value, type, size) == 0 && strchr(" ;\t", value[size]) != NULL;
}

static struct ph_http_response *check_body(const struct ph_http_request *request, enum ph_whip_kind kind) {
    if (kind == PH_WHIP_DELETE)
        return NULL;
    if (kind == PH_WHIP_POST && !has_type(request, "application/sdp"))
        return ph_whip_problem(
            415, "Unsupported Media Type", "POST an SDP offer with \"Content-Type: application/sdp\".", 0);
    if (kind == PH_WHIP_PATCH && !has_type(request, "application/trickle-ice-sdpfrag"))
        return ph_whip_problem(415, "Unsupported Media Type",
            "PATCH candidates or an ICE restart with \"Content-Type: application/trickle-ice-sdpfrag\".", 0);
    if (!ph_http_request_body(request).size)
        return ph_whip_problem(400, "Bad Request", "The request's body is empty.", 0);
    return NULL;
}

/* A key as SRT takes it: 1 to 128 characters of [A-Za-z0-9._~-]. */
static struct ph_http_response *copy_key(
    struct ph_whip_request *whip, const struct ph_http_request *request) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
    const char *key = ph_http_request_bearer(request);
    if (!key)
        return ph_whip_problem(
            401, "Unauthorized", "Send the stream key as \"Authorization: Bearer <stream key>\".", 0);
    size_t size = strspn(key, allowed);
    if (!size || key[size] || size > PH_STREAM_KEY_MOST_CHARACTERS)
        return ph_whip_refused(PH_PUBLISHER_UNAUTHORIZED);
    memcpy(whip->key, key, size + 1);
    return NULL;
}

struct ph_http_response *ph_whip_request_read(
    struct ph_whip_request *whip, struct ph_http_request *request, enum ph_whip_kind kind) {
    *whip = (struct ph_whip_request){.kind = kind};
    struct ph_http_response *refusal = copy_key(whip, request);
    if (!refusal)
        refusal = check_body(request, kind);
    if (refusal)
        return refusal;
    const char *if_match = ph_http_request_header(request, "If-Match");
    whip->has_if_match = if_match != NULL;
    /* A value cut short matches nothing, as the long one would not: ours are far shorter. */
    snprintf(whip->if_match, sizeof(whip->if_match), "%s", if_match ? if_match : "");
    snprintf(whip->peer, sizeof(whip->peer), "%s", ph_http_request_peer(request));
    if (kind != PH_WHIP_POST) {
        const char *id = ph_http_request_param(request, "id");
        if (strlen(id) == PH_WEBRTC_ID_CHARACTERS)
            memcpy(whip->id, id, sizeof(whip->id));
    }
    if (kind != PH_WHIP_DELETE)
        whip->body = ph_http_request_body_ref(request);
    return NULL;
}

void ph_whip_request_finish(struct ph_whip_request *whip) {
    ph_bytes_unref(&whip->body);
    explicit_bzero(whip->key, sizeof(whip->key));
}

struct ph_slice ph_whip_request_body(const struct ph_whip_request *whip) {
    return whip->body ? ph_bytes_slice(whip->body) : (struct ph_slice){0};
}
