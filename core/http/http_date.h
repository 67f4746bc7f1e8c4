/* Dates as headers tell them. */
#ifndef PH_HTTP_HTTP_DATE_H
#define PH_HTTP_HTTP_DATE_H

#include <stdint.h>

enum { PH_HTTP_DATE_BYTES = 40 };

/* IMF-fixdate (RFC 9110 section 5.6.7) of a time in UTC seconds; "" for one that has none. */
void ph_http_date(int64_t utc_s, char text[PH_HTTP_DATE_BYTES]);

#endif
