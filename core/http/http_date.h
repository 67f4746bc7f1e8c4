/* Dates as headers tell them. */
#ifndef PH_HTTP_HTTP_DATE_H
#define PH_HTTP_HTTP_DATE_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/http/response.h"

enum { PH_HTTP_DATE_BYTES = 40 };

/* IMF-fixdate (RFC 9110 section 5.6.7) of a time in UTC seconds; "" for one that has none. */
void ph_http_date(int64_t utc_s, char text[PH_HTTP_DATE_BYTES]);
/* The server dates answers by the machine's wall clock. Pages learn from the date what time it is here, so
 * where that clock is wrong the answer tells the time that all else goes by. For what is made for the moment;
 * before the first answer. 0 or -ENOMEM. */
int ph_http_response_date(struct ph_http_response *response) PH_NODISCARD;

#endif
