#include "core/http/http_date.h"

#include <time.h>

void ph_http_date(int64_t utc_s, char text[PH_HTTP_DATE_BYTES]) {
    struct tm time;
    time_t seconds = (time_t)utc_s;
    if (!gmtime_r(&seconds, &time) || !strftime(text, PH_HTTP_DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &time))
        text[0] = '\0';
}
