#include "core/http/conditional.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Without the mark of a weak tag. */
static const char *opaque_part(const char *etag) {
    return strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
}

bool ph_etag_list_matches(const char *list, const char *etag) {
    if (!list || !etag)
        return false;
    const char *wanted = opaque_part(etag);
    size_t wanted_size = strlen(wanted);
    const char *next = list + strspn(list, " \t,");
    if (strcmp(next, "*") == 0)
        return true;
    while (*next) {
        next = opaque_part(next);
        const char *close = *next == '"' ? strchr(next + 1, '"') : NULL;
        if (!close)
            return false;
        size_t size = (size_t)(close + 1 - next);
        if (size == wanted_size && memcmp(next, wanted, size) == 0)
            return true;
        next = close + 1;
        next += strspn(next, " \t,");
    }
    return false;
}

bool ph_if_range_holds(const char *header, const char *etag) {
    if (!header)
        return true;
    return etag && header[0] == '"' && strcmp(header, etag) == 0;
}

/* Whether the parameters after a coding say `q=0`, `q=0.0` … */
static bool is_refused(const char *parameters, size_t size) {
    const char *end = parameters + size;
    const char *q = parameters;
    while (q < end && *q != '=')
        q++;
    if (q == end)
        return false;
    for (q++; q < end; q++) {
        if (*q >= '1' && *q <= '9')
            return false;
    }
    return true;
}

bool ph_accepts_gzip(const char *header) {
    bool any = false;
    for (const char *next = header ? header : ""; *next;) {
        next += strspn(next, " \t,");
        size_t item = strcspn(next, ",");
        size_t name = strcspn(next, ",; \t");
        bool refused = is_refused(next + name, item - name);
        if ((name == 4 && strncasecmp(next, "gzip", 4) == 0) ||
            (name == 6 && strncasecmp(next, "x-gzip", 6) == 0))
            return !refused;
        if (name == 1 && *next == '*')
            any = !refused;
        next += item;
    }
    return any;
}
