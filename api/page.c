#include "api/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/text.h"

bool ph_page_cursor_parse(const char *text, int64_t *time_ms, char id[PH_SESSION_ID_BYTES]) {
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 18 || text[digits] != '.' || !ph_text_is_session_id(text + digits + 1))
        return false;
    *time_ms = strtoll(text, NULL, 10);
    memcpy(id, text + digits + 1, PH_SESSION_ID_BYTES);
    return true;
}

void ph_page_cursor_print(int64_t time_ms, const char *id, char text[PH_PAGE_CURSOR_BYTES]) {
    snprintf(text, PH_PAGE_CURSOR_BYTES, "%" PRId64 ".%s", time_ms, id);
}

bool ph_page_limit_parse(const char *text, size_t *limit) {
    *limit = PH_USUAL_PAGE;
    if (!text)
        return true;
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 3 || text[digits])
        return false;
    *limit = strtoul(text, NULL, 10);
    return *limit >= 1 && *limit <= PH_MOST_PAGE;
}
