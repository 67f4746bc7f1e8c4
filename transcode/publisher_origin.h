/* What a worker says to an origin, one request a call. See core/media/track.h for headers and answers. */
#ifndef PH_TRANSCODE_PUBLISHER_ORIGIN_H
#define PH_TRANSCODE_PUBLISHER_ORIGIN_H

#include "core/http/client.h"
#include "core/media/storyboard.h"
#include "core/media/track.h"
#include "transcode/package.h"

/* Borrowed strings. */
struct ph_origin {
    const char *base_url; /* without a trailing slash */
    const char *session;
    const char *token;
    uint32_t take; /* of a file; 0: live */
};

/* Each returns the HTTP status, or the negative code of ph_http_client_perform(). */
int ph_origin_announce(
    struct ph_http_client *client, const struct ph_origin *origin, const char *publication) PH_NODISCARD;
int ph_origin_put_init(struct ph_http_client *client, const struct ph_origin *origin, const char *track,
    struct ph_bytes *init_segment) PH_NODISCARD;
/* A part without a body goes as a gap. `retry_after_us` is set to the answer's, or -1. */
int ph_origin_put_part(struct ph_http_client *client, const struct ph_origin *origin, const char *track,
    const struct ph_part *part, int64_t arrival_utc_us, int64_t *retry_after_us) PH_NODISCARD;
int ph_origin_put_thumbnail(
    struct ph_http_client *client, const struct ph_origin *origin, struct ph_slice jpeg) PH_NODISCARD;
int ph_origin_put_storyboard(struct ph_http_client *client, const struct ph_origin *origin,
    const struct ph_storyboard_sheet *sheet, struct ph_slice jpeg) PH_NODISCARD;
/* Says the end, of a file until it is heard: its recording is made of it. 0, or a code; of a file -EPIPE when
 * its take does not count, -ETIMEDOUT. */
int ph_origin_finish(
    struct ph_http_client *client, const struct ph_origin *origin, int64_t deadline_us) PH_NODISCARD;
/* Where each track stands; `standings` has room for PH_MOST_TRACKS and is filled with a 200 alone. A body
 * that does not parse gives PH_INVALID_DATA. */
int ph_origin_standing(struct ph_http_client *client, const struct ph_origin *origin, int64_t timeout_us,
    struct ph_track_standing *standings, uint32_t *count) PH_NODISCARD;

#endif
