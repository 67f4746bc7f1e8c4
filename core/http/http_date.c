#include "core/http/http_date.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/house_clock.h"

/* A wall clock that is this far off. */
static const int64_t wrong_us = PH_SECOND_US;

void ph_http_date(int64_t utc_s, char text[PH_HTTP_DATE_BYTES]) {
    struct tm time;
    time_t seconds = (time_t)utc_s;
    if (!gmtime_r(&seconds, &time) || !strftime(text, PH_HTTP_DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &time))
        text[0] = '\0';
}

int ph_http_response_date(struct ph_http_response *response) {
    char date[PH_HTTP_DATE_BYTES];
    if (llabs(ph_house_clock_look(ph_house_clock_system()).machine_ahead_us) < wrong_us)
        return 0;
    ph_http_date(ph_utc_now_us() / PH_SECOND_US, date);
    return ph_http_response_add_header(response, "Date", date);
}
