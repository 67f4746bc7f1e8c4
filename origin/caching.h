/* How long caches keep what the origin answers (RFC 8216bis 6.2.5 and appendix B): headers for answers and
 * failures. */
#ifndef PH_ORIGIN_CACHING_H
#define PH_ORIGIN_CACHING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http/response.h"
#include "core/media/track.h"

enum ph_caching_kind {
    PH_CACHING_BLOCKING,  /* playlist asked for with _HLS_msn: 6 targets, failures 4 */
    PH_CACHING_PLAIN,     /* other playlists: half a target, failures one */
    PH_CACHING_MEDIA,     /* parts, segments, init: a day and immutable, failures one target */
    PH_CACHING_PICTURE,   /* the thumbnail: one target */
    PH_CACHING_RECORDING, /* a recording's playlists: a minute, since deletion takes them away */
};

/* max-age in seconds for an answer and for a failure. */
uint32_t ph_caching_age_s(enum ph_caching_kind kind, uint32_t target_duration_s);
uint32_t ph_caching_failure_age_s(enum ph_caching_kind kind, uint32_t target_duration_s);

/* Adds Cache-Control to a 200, for the viewer's own cache alone when the session is private: a shared cache
 * must check tokens first, and is told so by its own configuration. Takes the response over: returns it, or
 * NULL (and drops it) when memory is out. A NULL response gives NULL, so that calls nest. */
struct ph_http_response *ph_caching_apply(struct ph_http_response *response, enum ph_caching_kind kind,
    uint32_t target_duration_s, bool is_private);
/* The same for a part, segment or init segment, with a strong ETag from checksum and size, and Range allowed.
 */
struct ph_http_response *ph_caching_media(
    struct ph_http_response *response, uint32_t crc32, size_t size_bytes, bool is_private);
/* The same with a tag that is known; `etag` is quoted. */
struct ph_http_response *ph_caching_tagged_media(
    struct ph_http_response *response, const char *etag, bool is_private);
/* 401 or 403 for want of a playback token, which nobody may keep. NULL when out of memory. */
struct ph_http_response *ph_caching_denial(unsigned status, const char *detail);
/* A problem with its own max-age. NULL when out of memory. */
struct ph_http_response *ph_caching_failure(
    unsigned status, enum ph_caching_kind kind, uint32_t target_duration_s, const char *detail);
/* "video/mp4" or "audio/mp4". */
const char *ph_caching_media_type(enum ph_track_kind kind);

#endif
