#include "origin/publish_request.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "core/media/publish_token.h"
#include "origin/caching.h"
#include "origin/part_headers.h"

void ph_publish_answer(struct ph_http_request *request, unsigned status) {
    struct ph_http_response *response = ph_http_response_create(status);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

void ph_publish_refuse(
    struct ph_http_request *request, unsigned status, const char *title, const char *detail) {
    struct ph_http_response *response = ph_http_response_problem(status, title, detail);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

bool ph_publish_is_allowed(struct ph_origin *origin, struct ph_http_request *request) {
    const char *id = ph_http_request_param(request, "session");
    const char *token = ph_http_request_bearer(request);
    if (!ph_session_name_is_valid(id)) {
        ph_publish_refuse(
            request, 400, "Bad Request", "a session's name is 1 to 64 letters, digits, - and _");
        return false;
    }
    if (!token || !ph_publish_token_check(ph_bytes_slice(origin->secret), id, token)) {
        ph_publish_refuse(request, 401, "Unauthorized", "the session's publish token is needed");
        return false;
    }
    return true;
}

static struct ph_session *find_any(struct ph_origin *origin, struct ph_http_request *request) {
    bool gone = false;
    if (!ph_publish_is_allowed(origin, request))
        return NULL;
    struct ph_session *session =
        ph_origin_sessions_find(origin->sessions, ph_http_request_param(request, "session"), &gone);
    if (!session && gone)
        ph_publish_refuse(request, 410, "Gone", "the session is over");
    else if (!session)
        ph_publish_refuse(request, 404, "Not Found", "the session is unknown: PUT its publication");
    return session;
}

/* Who began a file's session and was taken for dead may still live: nothing from there counts. */
static bool has_the_take(struct ph_session *session, struct ph_http_request *request) {
    const char *text = ph_http_request_header(request, PH_HEADER_TAKE);
    int64_t take = 0;
    if (!session->publication.take)
        return true;
    if (!text || ph_part_headers_parse_time(text, &take) || take != session->publication.take)
        return false;
    pthread_mutex_lock(&session->lock);
    bool given_up = session->given_up;
    pthread_mutex_unlock(&session->lock);
    return !given_up;
}

struct ph_session *ph_publish_find_session(struct ph_origin *origin, struct ph_http_request *request) {
    struct ph_session *session = find_any(origin, request);
    if (session && !has_the_take(session, request)) {
        ph_publish_refuse(request, 410, "Gone", "this take of the file does not count");
        ph_session_unref(&session);
    }
    return session;
}

/* 0, or -EINVAL for what is no list. */
static int read_revocations(json_t *root, struct ph_revocation *list, size_t *count) {
    const json_t *entries = json_object_get(root, "revoked");
    *count = json_array_size(entries);
    if (!json_is_array(entries) || *count > PH_MOST_REVOCATIONS)
        return -EINVAL;
    for (size_t i = 0; i < *count; i++) {
        const json_t *entry = json_array_get(entries, i), *at = json_object_get(entry, "at");
        const char *tag = json_string_value(json_object_get(entry, "tag"));
        if (!tag || strlen(tag) >= sizeof(list[i].tag) || !json_is_integer(at))
            return -EINVAL;
        strcpy(list[i].tag, tag);
        list[i].at_s = json_integer_value(at);
    }
    return 0;
}

void ph_publish_put_revoked(struct ph_http_request *request, void *opaque) {
    struct ph_revocation list[PH_MOST_REVOCATIONS];
    size_t count = 0;
    struct ph_session *session = find_any(opaque, request);
    if (!session)
        return;
    struct ph_slice body = ph_http_request_body(request);
    json_t *root = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
    int code = read_revocations(root, list, &count);
    json_decref(root);
    if (code)
        ph_publish_refuse(request, 400, "Bad Request", "a list of up to 256 tags with their times is needed");
    else if (ph_session_revoke(session, list, count))
        ph_http_respond(request, NULL);
    else
        ph_publish_answer(request, 204);
    ph_session_unref(&session);
}

void ph_publish_put_thumb(struct ph_http_request *request, void *opaque) {
    struct ph_origin *origin = opaque;
    struct ph_session *session = ph_publish_find_session(origin, request);
    if (!session)
        return;
    struct ph_slice body = ph_http_request_body(request);
    if (body.size < 4 || body.data[0] != 0xff || body.data[1] != 0xd8) {
        ph_publish_refuse(request, 400, "Bad Request", "a JPEG picture is needed");
        ph_session_unref(&session);
        return;
    }
    struct ph_bytes *bytes = ph_http_request_body_ref(request);
    char etag[32];
    snprintf(etag, sizeof(etag), "\"%08x-%zx\"", (unsigned)crc32_z(0, body.data, body.size), body.size);
    struct ph_http_response *thumb = ph_caching_apply(ph_http_response_from_bytes(200, "image/jpeg", bytes),
        PH_CACHING_PICTURE, session->publication.target_duration_s, session->publication.is_private);
    if (thumb && ph_http_response_set_etag(thumb, etag))
        ph_http_response_unref(&thumb);
    if (thumb) {
        ph_session_set_thumb(session, thumb, bytes, ph_clock_monotonic_us(origin->clock));
        ph_publish_answer(request, 200);
    } else {
        ph_http_respond(request, NULL);
    }
    ph_bytes_unref(&bytes);
    ph_session_unref(&session);
}
