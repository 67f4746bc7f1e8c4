#include "api/cors.h"

#include <string.h>

/* Whether the text of `size` bytes is one of a comma-separated list. */
static bool is_listed(const char *text, size_t size, const char *list) {
    for (const char *next = list; *next;) {
        next += strspn(next, ", ");
        size_t entry = strcspn(next, ", ");
        if (entry == size && size > 0 && memcmp(next, text, size) == 0)
            return true;
        next += entry;
    }
    return false;
}

/* Scheme, host and port of a URL are all up to its first slash after "://". */
static bool is_origin_of(const char *origin, const char *url) {
    const char *host = strstr(url, "://");
    size_t size = host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/") : 0;
    return size > 0 && strlen(origin) == size && memcmp(origin, url, size) == 0;
}

enum ph_cors_verdict ph_cors_judge(
    const char *origin, const char *host, const char *public_url, const char *listed) {
    if (!origin)
        return PH_CORS_SAME;
    const char *origin_host = strstr(origin, "://");
    if (origin_host && host && strcmp(origin_host + 3, host) == 0)
        return PH_CORS_SAME;
    if (is_origin_of(origin, public_url))
        return PH_CORS_SAME;
    return is_listed(origin, strlen(origin), listed) ? PH_CORS_LISTED : PH_CORS_REFUSED;
}

static struct ph_http_response *add_headers(
    struct ph_http_response *response, const char *const headers[][2], size_t count) {
    for (size_t i = 0; response && i < count; i++) {
        if (ph_http_response_add_header(response, headers[i][0], headers[i][1]) < 0)
            ph_http_response_unref(&response);
    }
    return response;
}

struct ph_http_response *ph_cors_mark(struct ph_http_response *response, const char *origin) {
    const char *const headers[][2] = {
        {"Access-Control-Allow-Origin", origin},
        {"Access-Control-Expose-Headers",
            "Date, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Location, "
            "Tus-Resumable, "
            "Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, "
            "Upload-Expires, Upload-Metadata"},
        {"Vary", "Origin"},
    };
    return add_headers(response, headers, 3);
}

struct ph_http_response *ph_cors_preflight(const char *origin) {
    const char *const headers[][2] = {
        {"Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"},
        {"Access-Control-Allow-Headers",
            "Authorization, Content-Type, Last-Event-ID, Tus-Resumable, Upload-Length, Upload-Offset, "
            "Upload-Metadata, Upload-Checksum, X-HTTP-Method-Override"},
        {"Access-Control-Max-Age", "600"},
    };
    return add_headers(ph_cors_mark(ph_http_response_create(204), origin), headers, 3);
}
