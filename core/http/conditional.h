/* What a request's headers ask of the form of the answer (pure): RFC 9110 sections 12.5.3, 13.1.2 and 13.1.5.
 */
#ifndef PH_HTTP_CONDITIONAL_H
#define PH_HTTP_CONDITIONAL_H

#include <stdbool.h>

/* If-None-Match: whether the list, or "*", holds `etag` (quoted) by weak comparison. `list` may be NULL. */
bool ph_etag_list_matches(const char *list, const char *etag);
/* If-Range: whether a range may be sent. True when the header is absent (NULL) or is this strong ETag; a date
 * never matches. */
bool ph_if_range_holds(const char *header, const char *etag);
/* Accept-Encoding: whether gzip is welcome. `header` may be NULL. */
bool ph_accepts_gzip(const char *header);

#endif
