#include "origin/caching.h"

#include <stdio.h>

enum { media_age_s = 86400, recording_age_s = 60 };

uint32_t ph_caching_age_s(enum ph_caching_kind kind, uint32_t target_duration_s) {
    switch (kind) {
    case PH_CACHING_BLOCKING:
        return 6 * target_duration_s;
    case PH_CACHING_PLAIN:
        return target_duration_s > 1 ? target_duration_s / 2 : 1;
    case PH_CACHING_MEDIA:
        return media_age_s;
    case PH_CACHING_PICTURE:
        return target_duration_s;
    case PH_CACHING_RECORDING:
        return recording_age_s;
    }
    return 0;
}

uint32_t ph_caching_failure_age_s(enum ph_caching_kind kind, uint32_t target_duration_s) {
    return kind == PH_CACHING_BLOCKING ? 4 * target_duration_s : target_duration_s;
}

/* Takes the response over, as the public functions do. */
static struct ph_http_response *add_cache_control(
    struct ph_http_response *response, const char *cache_control) {
    if (!response)
        return NULL;
    if (ph_http_response_add_header(response, "Cache-Control", cache_control))
        ph_http_response_unref(&response);
    return response;
}

struct ph_http_response *ph_caching_apply(struct ph_http_response *response, enum ph_caching_kind kind,
    uint32_t target_duration_s, bool is_private) {
    char text[64];
    snprintf(text, sizeof(text), "%s, max-age=%u%s", is_private ? "private" : "public",
        ph_caching_age_s(kind, target_duration_s), kind == PH_CACHING_MEDIA ? ", immutable" : "");
    return add_cache_control(response, text);
}

struct ph_http_response *ph_caching_tagged_media(
    struct ph_http_response *response, const char *etag, bool is_private) {
    response = ph_caching_apply(response, PH_CACHING_MEDIA, 0, is_private);
    if (!response)
        return NULL;
    ph_http_response_allow_range(response);
    if (ph_http_response_set_etag(response, etag))
        ph_http_response_unref(&response);
    return response;
}

struct ph_http_response *ph_caching_media(
    struct ph_http_response *response, uint32_t crc32, size_t size_bytes, bool is_private) {
    char etag[48];
    snprintf(etag, sizeof(etag), "\"%08x-%zx\"", crc32, size_bytes);
    return ph_caching_tagged_media(response, etag, is_private);
}

static const char *title_of(unsigned status) {
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

struct ph_http_response *ph_caching_failure(
    unsigned status, enum ph_caching_kind kind, uint32_t target_duration_s, const char *detail) {
    char text[64];
    snprintf(text, sizeof(text), "public, max-age=%u", ph_caching_failure_age_s(kind, target_duration_s));
    return add_cache_control(ph_http_response_problem(status, title_of(status), detail), text);
}

struct ph_http_response *ph_caching_denial(unsigned status, const char *detail) {
    struct ph_http_response *response =
        add_cache_control(ph_http_response_problem(status, title_of(status), detail), "no-store");
    if (response && status == 401 && ph_http_response_add_header(response, "WWW-Authenticate", "Bearer"))
        ph_http_response_unref(&response);
    return response;
}

const char *ph_caching_media_type(enum ph_track_kind kind) {
    return kind == PH_TRACK_VIDEO ? "video/mp4" : "audio/mp4";
}
