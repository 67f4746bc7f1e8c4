/* Whether everybody on the way agrees where a request ends (RFC 9112, section 6): else what one takes for its
 * body another takes for the next request. */
#ifndef PH_HTTP_FRAMING_H
#define PH_HTTP_FRAMING_H

#include <microhttpd.h>
#include <stdbool.h>

/* False for Content-Length beside Transfer-Encoding, for either twice, for a length that is not all digits,
 * for an encoding other than chunked, and for a header's name that a lenient reader takes for another. */
bool ph_http_framing_is_clear(struct MHD_Connection *connection);

#endif
